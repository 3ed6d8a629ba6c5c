"""The pictures of the example data: drawn by us, put into the bucket, linked by the doors."""

import io
import math
import struct
import uuid
import zlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import psycopg

from common.settings import Settings
from gen.jobs import groups, media, models, posts
from tools import probes
from tools.seed import fixtures

AVATAR = (192, 192)  # pixels
OF_POST = (960, 480)
SKY = 48  # steps from one colour of the sky to the other
Colour = tuple[int, int, int]
# Group and title of a post, and the colours of its picture: the sky, from top to bottom, and the
# hills before it, from far to near.
OF_POSTS: Sequence[tuple[fixtures.Group, str, Sequence[Colour]]] = (
    (
        *(fixtures.COMMONS, "Welcome to the commons"),
        ((252, 214, 150), (244, 150, 110), (198, 108, 98), (132, 78, 92), (74, 54, 78)),
    ),
    (
        *(fixtures.BAKERS, "A cake for the clock tower"),
        ((250, 238, 220), (240, 206, 160), (214, 160, 112), (168, 112, 76), (110, 72, 54)),
    ),
    (
        *(fixtures.ROBOTICS, "The walker climbs stairs"),
        ((206, 216, 230), (160, 176, 200), (116, 134, 164), (80, 96, 128), (48, 60, 88)),
    ),
    (
        *(fixtures.COMMONS, "Found: a blue scarf near the north gate"),
        ((198, 224, 246), (156, 198, 236), (104, 156, 206), (62, 112, 170), (36, 72, 124)),
    ),
)
AVATARS: Sequence[tuple[fixtures.Group, Sequence[Colour]]] = (
    (fixtures.COMMONS, ((176, 222, 206), (116, 190, 168), (62, 142, 120), (31, 107, 88))),
    (fixtures.ROBOTICS, ((214, 220, 240), (166, 176, 222), (106, 116, 182), (62, 70, 132))),
    (fixtures.BAKERS, ((253, 236, 206), (247, 204, 140), (224, 152, 84), (156, 92, 46))),
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
    for group, colours in AVATARS:
        shown = _group(connection, group)
        if shown is not None and shown.avatar_url is None:
            actor = fixtures.ID[group.owner]
            key = _upload(connection, put, actor, "avatar", landscape(AVATAR, colours))
            media.Querier(connection).attachment_link(
                actor=actor, key=key, subject_type="group", subject_id=shown.id,
                width=AVATAR[0], height=AVATAR[1],
            )  # fmt: skip
            made += 1
    for group, title, colours in OF_POSTS:
        post = _post(connection, group, title)
        if post is not None and post.media_count == 0:
            key = _upload(connection, put, post.author_id, "post", landscape(OF_POST, colours))
            media.Querier(connection).attachment_link(
                actor=post.author_id, key=key, subject_type="post", subject_id=post.id,
                width=OF_POST[0], height=OF_POST[1],
            )  # fmt: skip
            made += 1
    return made


def _upload(
    connection: psycopg.Connection, put: Put, actor: uuid.UUID, purpose: str, png: bytes
) -> str:
    """Makes an upload that is ready to be linked. Writes the object to its final key at once."""
    querier = media.Querier(connection)
    upload = querier.upload_presign(
        actor=actor, purpose=purpose, mime="image/png", size_bytes=len(png), filename=None
    )
    assert upload is not None
    found: dict[str, Any] = {"actor": actor, "mime": "image/png", "size_bytes": len(png)}
    copy_key = querier.upload_copy_start(key=upload.key, **found)
    assert copy_key is not None
    put(copy_key, png)
    querier.upload_copy_confirm(key=upload.key, copy_key=copy_key, **found)
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


def landscape(size: tuple[int, int], colours: Sequence[Colour]) -> bytes:
    """A PNG of hills before a sky with a sun: each pixel is the number of its colour."""
    width, height = size
    top, bottom, *hills = colours
    sky = [_between(top, bottom, step / (SKY - 1)) for step in range(SKY)]
    palette = [*sky, *hills, _between(top, (255, 255, 255), 0.7)]
    bands = bytes(min(SKY - 1, line * SKY * 3 // (2 * height)) for line in range(height))
    columns = []
    for x in range(width):
        column = bytearray(bands)
        _draw_sun(column, x, size, number=len(palette) - 1)
        for number in range(len(hills)):
            crest = _crest(x / width, number, len(hills), height)
            column[crest:] = bytes([SKY + number]) * (height - crest)
        columns.append(column)
    rows = b"".join(b"\0" + bytes(row) for row in zip(*columns, strict=True))
    return _png(size, palette, rows)


def _draw_sun(column: bytearray, x: int, size: tuple[int, int], number: int) -> None:
    radius = size[1] * 0.12
    half = int(math.sqrt(max(0.0, radius**2 - (x - size[0] * 0.7) ** 2)))
    middle = int(size[1] * 0.3)
    column[middle - half : middle + half] = bytes([number]) * (2 * half)


def _crest(share: float, number: int, hills: int, height: int) -> int:
    """Where a hill begins, counted from above; near ones are lower and broader."""
    wave = math.sin(share * (7 - 2 * number) + number * 2.1) + 0.4 * math.sin(share * 13 + number)
    return int(height * (0.48 + 0.42 * number / hills + 0.07 * wave))


def _between(one: Colour, other: Colour, share: float) -> Colour:
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(one, other, strict=True))
    return red, green, blue


def _png(size: tuple[int, int], palette: Sequence[Colour], rows: bytes) -> bytes:
    chunks = (
        (b"IHDR", struct.pack(">IIBBBBB", *size, 8, 3, 0, 0, 0)),
        (b"PLTE", b"".join(map(bytes, palette))),
        (b"IDAT", zlib.compress(rows)),
        (b"IEND", b""),
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )
