"""Example data, and any number of generated posts for tests of size."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import psycopg

from gen.jobs import counters
from tools import progress
from tools.failure import Failure
from tools.seed import example_data, scale

USERS: Final = tuple(example_data.ID.items())
bucket = example_data.bucket


@dataclass(frozen=True)
class Made:
    """Additions of a run: whether the examples, and the numbers of pictures and generated rows."""

    examples: bool
    pictures: int
    posts: int = 0
    comments: int = 0
    reactions: int = 0


def is_seeded(database_url: str) -> bool:
    """Returns whether any group exists, deleted or not."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("set role communities_owner")
        return connection.execute("select from group_entity limit 1").fetchone() is not None


def seed(
    database_url: str,
    posts: int | None = None,
    *,
    put: example_data.Put | None = None,
    say: Callable[[str], None] = print,
) -> Made:
    """Adds the example data, and generated posts up to this number.

    Existing data stays: a second run adds nothing, a larger number adds the difference, and an
    interrupted run is continued. Only the examples have events. `put` writes pictures to the
    bucket; without it the examples have none.
    """
    with psycopg.connect(database_url, autocommit=True) as connection:
        created = example_data.create(connection)
        say(f"example data: {example_data.summary()} {'created' if created else 'exist already'}")
        pictures = example_data.add_pictures(connection, put) if put is not None else 0
        if pictures:
            say(f"example data: {pictures} pictures added")
        if posts is None:
            return Made(created, pictures)
        added = scale.add(connection, posts)
        if added.posts:
            say(
                f"scale: {added.posts:,} posts, {added.comments:,} comments and "
                f"{added.reactions:,} reactions added; {posts:,} generated posts exist"
            )
            _verify(connection)
            say("counters: verified")
        else:
            say(f"scale: {posts:,} posts exist already")
        return Made(created, pictures, added.posts, added.comments, added.reactions)


def _verify(connection: psycopg.Connection) -> None:
    connection.execute("set role communities_job")
    with progress.busy("verify the counters"):
        wrong = [*counters.Querier(connection).counter_verify()]
    if wrong:
        raise Failure(f"{len(wrong)} counters are wrong. The first is {wrong[0]}.")
