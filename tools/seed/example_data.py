"""Example data: three groups on two campuses, and ten users.

A trusted job creates it through the functions of `api`. One transaction creates all of it, and a
second run finds it.
"""

import io
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import psycopg
import pydantic

from common.settings import Settings
from gen.jobs import comments, groups, invitations, media, members, models, posts, reactions, tags
from tools import progress
from tools.failure import Failure
from tools.instance import probes
from tools.paths import ROOT

FOLDER: Final = ROOT / "db" / "seed"
_NAMES: Final = ("Ada", "Ben", "Chloe", "Dev", "Elif", "Farid", "Grace", "Hugo", "Ines", "Jonas")
ID: Final = {
    name: uuid.UUID(f"5eed0000-0000-7000-8000-{number:012x}")
    for number, name in enumerate(_NAMES, start=1)
}
CAMPUSES: Final = {
    name: uuid.UUID(f"5eed000f-0000-7000-8000-{number:012x}")
    for number, name in enumerate(("north", "south", "island"), start=1)
}
_FOUNDER: Final = ID["Ada"]

Put = Callable[[str, bytes], None]


@dataclass(frozen=True)
class Comment:
    """Comment with its replies; `reactions` has the users of each emoji."""

    author: str
    body: str
    replies: tuple["Comment", ...] = ()
    reactions: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Post:
    """Post with its comments; `picture` is a file in db/seed/pictures."""

    author: str
    body: str
    title: str | None = None
    tags: tuple[str, ...] = ()
    comments: tuple[Comment, ...] = ()
    reactions: Mapping[str, str] = field(default_factory=dict)
    pinned_by: str | None = None
    picture: str | None = None


@dataclass(frozen=True)
class Group:
    """Group with its posts; `members` has the role of everyone but the owner."""

    owner: str
    name: str
    slug: str
    visibility: str
    campus: str
    description: str
    tags: tuple[str, ...]
    members: Mapping[str, str]
    posts: tuple[Post, ...]
    avatar: str


@dataclass(frozen=True)
class Examples:
    """Contents of db/seed/examples.json."""

    tags: tuple[str, ...]
    groups: tuple[Group, ...]


EXAMPLES: Final = pydantic.TypeAdapter(Examples).validate_json(
    (FOLDER / "examples.json").read_bytes()
)


def summary() -> str:
    """Returns the contents in words."""
    posts = [post for group in EXAMPLES.groups for post in group.posts]
    comments = sum(count(post) - 1 for post in posts)
    return f"{len(EXAMPLES.groups)} groups, {len(posts)} posts and {comments} comments"


def count(item: Post | Comment) -> int:
    """Returns the number of a post and its comments, or of a comment and its replies."""
    return 1 + sum(map(count, item.comments if isinstance(item, Post) else item.replies))


def create(connection: psycopg.Connection) -> bool:
    """Creates the example data unless it exists. Returns whether it was created."""
    connection.execute("set role communities_job")
    if any(group.created_by == _FOUNDER for group in _groups(connection, _FOUNDER)):
        return False
    total = sum(count(post) for group in EXAMPLES.groups for post in group.posts)
    with progress.bar("example data", total) as advance, connection.transaction():
        _Creator(connection, advance).create()
    return True


class _Creator:
    """Creates each item as its author."""

    def __init__(self, connection: psycopg.Connection, advance: progress.Advance) -> None:
        self._connection = connection
        self._advance = advance
        self._posts = posts.Querier(connection)
        self._comments = comments.Querier(connection)
        self._members = members.Querier(connection)
        self._reactions = reactions.Querier(connection)

    def create(self) -> None:
        for tag in EXAMPLES.tags:
            self._tag(tag)
        self.moderate({group.slug: self._group(group) for group in EXAMPLES.groups})

    def moderate(self, ids: Mapping[str, uuid.UUID]) -> None:
        """Mutes and bans a member each, requests to join, and invites."""
        self._members.member_mute(
            actor=ID["Chloe"],
            group_id=ids["campus-commons"],
            user_id=ID["Ines"],
            until=datetime.now(UTC) + timedelta(days=365),
        )
        self._members.member_ban(
            actor=ID["Ben"],
            group_id=ids["campus-commons"],
            user_id=ID["Jonas"],
            reason="Sold concert tickets that did not exist.",
            until=None,
        )
        self._members.group_join(actor=ID["Grace"], group_id=ids["robotics-lab"])
        invitations.Querier(self._connection).invite_create(
            actor=ID["Grace"],
            group_id=ids["midnight-bakers"],
            user_id=ID["Farid"],
            role="member",
            max_uses=1,
            expires_at=None,
        )

    def _tag(self, tag: str) -> None:
        try:
            with self._connection.transaction():
                tags.Querier(self._connection).tag_create(actor=_FOUNDER, tag=tag)
        except psycopg.Error as error:
            if error.diag.message_hint != "duplicate_tag":
                raise

    def _group(self, group: Group) -> uuid.UUID:
        try:
            created = groups.Querier(self._connection).group_create(
                actor=ID[group.owner],
                name=group.name,
                visibility=group.visibility,
                slug=group.slug,
                description=group.description,
                campus_id=CAMPUSES[group.campus],
                tags=[*group.tags],
                avatar_key=None,
                cover_key=None,
            )
        except psycopg.Error as error:
            if error.diag.message_hint != "slug_taken":
                raise
            raise Failure(f"Another group has the slug {group.slug} of an example.") from None
        assert created is not None
        for name, role in group.members.items():
            self._members.member_put(
                actor=ID[group.owner], group_id=created.id, user_id=ID[name], role=role
            )
        for post in group.posts:
            self._post(created.id, post)
        return created.id

    def _post(self, group_id: uuid.UUID, post: Post) -> None:
        created = self._posts.post_create(
            actor=ID[post.author],
            group_id=group_id,
            body=post.body,
            title=post.title,
            topic_tags=[*post.tags],
        )
        assert created is not None
        self._step()
        for comment in post.comments:
            self._comment(created.id, None, comment)
        self._react("post", created.id, post.reactions)
        if post.pinned_by is not None:
            self._posts.post_set_pinned(actor=ID[post.pinned_by], post_id=created.id, pinned=True)

    def _comment(self, post_id: uuid.UUID, parent_id: uuid.UUID | None, comment: Comment) -> None:
        created = self._comments.comment_create(
            actor=ID[comment.author], post_id=post_id, body=comment.body, parent_id=parent_id
        )
        assert created is not None
        self._step()
        self._react("comment", created.id, comment.reactions)
        for reply in comment.replies:
            self._comment(post_id, created.id, reply)

    def _react(self, subject_type: str, subject_id: uuid.UUID, given: Mapping[str, str]) -> None:
        for emoji, names in given.items():
            for name in names.split():
                self._reactions.reaction_add(
                    actor=ID[name], subject_type=subject_type, subject_id=subject_id, emoji=emoji
                )

    def _step(self) -> None:
        self._advance(1)
        # Rows of one transaction share its time. Their ids order a thread, by the millisecond.
        time.sleep(0.001)


def bucket(settings: Settings, urls: Mapping[str, str]) -> Put:
    """Returns a function that writes a picture to the bucket, under its key."""
    client = probes.s3_client(urls, region=settings.s3_region)

    def put(key: str, content: bytes) -> None:
        client.put_object(
            settings.s3_bucket, key, io.BytesIO(content), len(content), content_type="image/png"
        )

    return put


def add_pictures(connection: psycopg.Connection, put: Put) -> int:
    """Adds the pictures that the examples lack. Returns their number."""
    connection.execute("set role communities_job")
    added = 0
    for group in EXAMPLES.groups:
        owned = _groups(connection, ID[group.owner])
        found = next(
            (each for each in owned if (each.name, each.role) == (group.name, "owner")), None
        )
        if found is None:
            continue
        if found.avatar_url is None:
            _attach(connection, put, ID[group.owner], group.avatar, "group", found.id)
            added += 1
        shown = posts.Querier(connection).post_list(
            actor=ID[group.owner], group_id=found.id, tag=None, author_id=None, pinned=None,
            deleted=False, limit=100, before=None, after=None,
        )  # fmt: skip
        by_title: dict[str | None, models.ApiPost] = {post.title: post for post in shown}
        for example in group.posts:
            post = by_title.get(example.title)
            if example.picture is not None and post is not None and post.media_count == 0:
                _attach(connection, put, post.author_id, example.picture, "post", post.id)
                added += 1
    return added


def _groups(connection: psycopg.Connection, actor: uuid.UUID) -> list[models.ApiGroup]:
    mine = groups.Querier(connection).group_list(
        actor=actor, campus_id=None, tag=None, visibility=None, mine=True, limit=100,
        before=None, after=None,
    )  # fmt: skip
    return [*mine]


def _attach(
    connection: psycopg.Connection,
    put: Put,
    actor: uuid.UUID,
    file: str,
    subject_type: str,
    subject_id: uuid.UUID,
) -> None:
    """Uploads a picture to its final key, and links it."""
    content = (FOLDER / "pictures" / file).read_bytes()
    querier = media.Querier(connection)
    purpose = "avatar" if subject_type == "group" else "post"
    upload = querier.upload_presign(
        actor=actor, purpose=purpose, mime="image/png", size_bytes=len(content), filename=None
    )
    assert upload is not None
    object_: dict[str, Any] = {"actor": actor, "mime": "image/png", "size_bytes": len(content)}
    copy_key = querier.upload_copy_start(key=upload.key, **object_)
    assert copy_key is not None
    put(copy_key, content)
    querier.upload_copy_confirm(key=upload.key, copy_key=copy_key, **object_)
    # A PNG states its width and height after its signature and the first chunk's head.
    width, height = (int.from_bytes(content[start : start + 4]) for start in (16, 20))
    querier.attachment_link(
        actor=actor, key=upload.key, subject_type=subject_type, subject_id=subject_id,
        width=width, height=height,
    )  # fmt: skip
