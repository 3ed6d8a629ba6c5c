"""The pictures of the example data: drawn by us, put into the bucket, linked by the doors."""

import io
import struct
import uuid
import zlib
from collections.abc import Callable, Mapping, Sequence

import psycopg

from gen import groups, media, models, posts
from service.settings import Settings
from tools import probes
from tools.seed import fixtures

SIZE = 96  # pixels, in either direction
Colour = tuple[int, int, int]
# Group and title of a post, and the colours that its picture fades between, from top to bottom.
OF_POSTS: Sequence[tuple[fixtures.Group, str, Colour, Colour]] = (
    (fixtures.COMMONS, "Welcome to the commons", (250, 204, 130), (192, 88, 72)),
    (fixtures.BAKERS, "A cake for the clock tower", (250, 235, 215), (170, 110, 70)),
    (fixtures.ROBOTICS, "The walker climbs stairs", (190, 195, 205), (60, 70, 90)),
    (fixtures.COMMONS, "Found: a blue scarf near the north gate", (150, 190, 240), (40, 70, 150)),
)
AVATARS: Sequence[tuple[fixtures.Group, Colour, Colour]] = (
    (fixtures.COMMONS, (90, 140, 220), (40, 60, 130)),
    (fixtures.ROBOTICS, (200, 200, 210), (80, 90, 110)),
    (fixtures.BAKERS, (240, 220, 180), (150, 90, 50)),
)

Put = Callable[[str, bytes], None]


def bucket(settings: Settings, urls: Mapping[str, str]) -> Put:
    """Puts a picture under a key into the bucket of a stack with these addresses."""
    client = probes.s3_client(urls, region=settings.s3_region)

    def put(key: str, content: bytes) -> None:
        client.put_object(
            settings.s3_bucket, key, io.BytesIO(content), len(content), content_type="image/png"
        )

    return put


def make(connection: psycopg.Connection, put: Put) -> int:
    """Gives the examples the pictures that they lack; how many it made."""
    connection.execute("set role communities_job")
    made = 0
    for group, top, bottom in AVATARS:
        shown = _group(connection, group)
        if shown is not None and shown.avatar_url is None:
            actor = fixtures.ID[group.owner]
            key = _upload(connection, put, actor, "avatar", draw(top, bottom))
            media.Querier(connection).attachment_link(
                actor=actor, key=key, subject_type="group", subject_id=shown.id,
                width=SIZE, height=SIZE,
            )  # fmt: skip
            made += 1
    for group, title, top, bottom in OF_POSTS:
        post = _post(connection, group, title)
        if post is not None and post.media_count == 0:
            key = _upload(connection, put, post.author_id, "post", draw(top, bottom))
            media.Querier(connection).attachment_link(
                actor=post.author_id, key=key, subject_type="post", subject_id=post.id,
                width=SIZE, height=SIZE,
            )  # fmt: skip
            made += 1
    return made


def _upload(
    connection: psycopg.Connection, put: Put, actor: uuid.UUID, purpose: str, png: bytes
) -> str:
    """A confirmed upload. We may write to the bucket, and put it where it belongs at once."""
    querier = media.Querier(connection)
    upload = querier.upload_presign(
        actor=actor, purpose=purpose, mime="image/png", size_bytes=len(png), filename=None
    )
    assert upload is not None
    put(upload.final_key, png)
    querier.upload_confirm(
        actor=actor,
        key=upload.key,
        place=upload.final_key,
        mime="image/png",
        size_bytes=len(png),
    )
    return upload.key


def _group(connection: psycopg.Connection, group: fixtures.Group) -> models.ApiGroup | None:
    """The group of an example, if it is still there under its name."""
    mine = groups.Querier(connection).group_list(
        actor=fixtures.ID[group.owner], campus_id=group.campus, tag=None, visibility=None,
        mine=True, limit=100, before=None, after=None,
    )  # fmt: skip
    return next((each for each in mine if each.name == group.name and each.role == "owner"), None)


def _post(
    connection: psycopg.Connection, group: fixtures.Group, title: str
) -> models.ApiPost | None:
    """The post of an example, if it is still there under its title."""
    shown = _group(connection, group)
    if shown is None:
        return None
    found = posts.Querier(connection).post_list(
        actor=fixtures.ID[group.owner], group_id=shown.id, tag=None, author_id=None, pinned=None,
        deleted=False, limit=100, before=None, after=None,
    )  # fmt: skip
    return next((post for post in found if post.title == title), None)


def draw(top: Colour, bottom: Colour) -> bytes:
    """A square that fades from one colour to another."""
    rows = b""
    for line in range(SIZE):
        share = line / (SIZE - 1)
        pixel = bytes(round(a + (b - a) * share) for a, b in zip(top, bottom, strict=True))
        rows += b"\0" + pixel * SIZE
    header = struct.pack(">IIBBBBB", SIZE, SIZE, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )
