"""Example data, and any amount of generated data for tests of size."""

from collections.abc import Callable
from dataclasses import dataclass

import psycopg

from gen.jobs import counters
from tools import progress
from tools.failure import Failure
from tools.seed import examples, scale

USERS = examples.USERS

bucket = examples.bucket

__all__ = ["USERS", "bucket", "is_seeded", "seed"]


def is_seeded(database_url: str) -> bool:
    """Returns whether a group exists, of the examples or another one, deleted or not."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("set role communities_owner")
        return connection.execute("select from group_entity limit 1").fetchone() is not None


@dataclass(frozen=True)
class Made:
    """Additions of a run: whether the examples, how many pictures, and rows of its scale."""

    examples: bool
    pictures: int = 0
    posts: int = 0
    comments: int = 0
    reactions: int = 0


def seed(
    database_url: str,
    posts: int | None = None,
    *,
    put: examples.Put | None = None,
    say: Callable[[str], None] = print,
) -> Made:
    """Adds the example data, and generated posts up to this number.

    Existing data stays: a second run adds nothing, a larger number adds the difference, and an
    interrupted run is continued. Generated posts have no events; the examples have theirs. `put`
    writes pictures to the bucket; without it the examples have none.
    """
    with psycopg.connect(database_url, autocommit=True) as connection:
        created = examples.create(connection)
        say(f"example data: {_summary()} {'created' if created else 'exist already'}")
        pictures = examples.add_pictures(connection, put) if put is not None else 0
        if pictures:
            say(f"example data: {pictures} pictures added")
        if posts is None:
            return Made(created, pictures)
        added = scale.add(connection, posts)
        if not added.posts:
            say(f"scale: {posts:,} posts exist already")
            return Made(created, pictures)
        say(
            f"scale: {added.posts:,} posts, {added.comments:,} comments and {added.reactions:,} "
            f"reactions added; there are {posts:,} generated posts now"
        )
        _verify(connection)
        say("counters: verified")
        return Made(created, pictures, added.posts, added.comments, added.reactions)


def _summary() -> str:
    posts = [post for group in examples.EXAMPLES.groups for post in group.posts]
    comments = sum(examples.count(post) - 1 for post in posts)
    return f"{len(examples.EXAMPLES.groups)} groups, {len(posts)} posts and {comments} comments"


def _verify(connection: psycopg.Connection) -> None:
    connection.execute("set role communities_job")
    with progress.busy("verify the counters"):
        wrong = [*counters.Querier(connection).counter_verify()]
    if wrong:
        raise Failure(f"{len(wrong)} counters are wrong. The first is {wrong[0]}.")
