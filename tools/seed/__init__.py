"""Example data: the fixtures, and any amount of generated data for tests of size."""

from collections.abc import Callable
from dataclasses import dataclass

import psycopg

from gen.jobs import counters
from tools import display
from tools.failure import Failure
from tools.seed import bulk, fixtures, pictures

USERS = fixtures.USERS

bucket = pictures.bucket

__all__ = ["USERS", "bucket", "is_seeded", "seed"]


def is_seeded(database_url: str) -> bool:
    """Whether there are groups already, of the examples or any others, deleted ones included."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("set role communities_owner")
        return connection.execute("select from group_entity limit 1").fetchone() is not None


@dataclass(frozen=True)
class Made:
    """What a run has added: whether the examples, how many pictures, what by its scale."""

    examples: bool
    pictures: int = 0
    posts: int = 0
    comments: int = 0
    reactions: int = 0


def seed(
    database_url: str,
    scale: int | None = None,
    *,
    put: pictures.Put | None = None,
    say: Callable[[str], None] = print,
) -> Made:
    """Put the example data in, and posts up to a number of `scale` if it is given.

    What is there already is left as it is: a second run adds nothing, a larger scale adds the
    difference, and an interrupted run is taken up where it was. The posts of a scale are written
    straight into the tables and leave no events behind; those of the examples leave theirs.
    `put` writes their pictures to the bucket; without it they have none.
    """
    with psycopg.connect(database_url, autocommit=True) as connection:
        made = fixtures.make(connection)
        say(f"example data: {_fixtures()} {'made' if made else 'were there already'}")
        drawn = pictures.make(connection, put) if put is not None else 0
        if drawn:
            say(f"example data: {drawn} pictures made")
        if scale is None:
            return Made(made, drawn)
        added = bulk.make(connection, scale, fixtures.CAMPUSES)
        if not added.posts:
            say(f"scale: {scale:,} posts were there already")
            return Made(made, drawn)
        say(
            f"scale: {added.posts:,} posts, {added.comments:,} comments and {added.reactions:,} "
            f"reactions made; there are {scale:,} such posts now"
        )
        _verify(connection)
        say("counters: verified")
        return Made(made, drawn, added.posts, added.comments, added.reactions)


def _fixtures() -> str:
    posts = [post for group in fixtures.GROUPS for post in group.posts]
    comments = sum(fixtures.size(post) - 1 for post in posts)
    return f"{len(fixtures.GROUPS)} groups, {len(posts)} posts and {comments} comments"


def _verify(connection: psycopg.Connection) -> None:
    connection.execute("set role communities_job")
    with display.busy("verify the counters"):
        wrong = [*counters.Querier(connection).counter_verify()]
    if wrong:
        raise Failure(f"wrong counters: {len(wrong)}, the first one is {wrong[0]}")
