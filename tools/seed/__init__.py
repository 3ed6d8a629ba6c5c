"""Example data: the fixtures of §12, and as much more as somebody wants for trying out size."""

import psycopg

from gen import counters
from tools.failure import Failure
from tools.seed import bulk, display, fixtures, pictures

USERS = fixtures.USERS

bucket = pictures.bucket

__all__ = ["USERS", "bucket", "is_seeded", "seed"]


def is_seeded(database_url: str) -> bool:
    """Whether there are groups already, of the examples or any others, deleted ones included."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("set role communities_owner")
        return connection.execute("select from group_entity limit 1").fetchone() is not None


def seed(database_url: str, scale: int | None = None, *, put: pictures.Put | None = None) -> None:
    """Put the example data in, and posts up to a number of `scale` if it is given.

    What is there already is left as it is: a second run adds nothing, a larger scale adds the
    difference, and an interrupted run is taken up where it was. The posts of a scale are written
    straight into the tables and leave no events behind; those of the examples leave theirs.
    `put` writes their pictures to the bucket; without it they have none.
    """
    with psycopg.connect(database_url, autocommit=True) as connection:
        made = fixtures.make(connection)
        print(f"example data: {_fixtures()} {'made' if made else 'were there already'}")
        if put is not None and (drawn := pictures.make(connection, put)):
            print(f"example data: {drawn} pictures made")
        if scale is None:
            return
        added = bulk.make(connection, scale, fixtures.CAMPUSES)
        if not added.posts:
            print(f"scale: {scale:,} posts were there already")
            return
        print(
            f"scale: {added.posts:,} posts, {added.comments:,} comments and {added.reactions:,} "
            f"reactions made; there are {scale:,} such posts now"
        )
        _verify(connection)


def _fixtures() -> str:
    posts = [post for group in fixtures.GROUPS for post in group.posts]
    comments = sum(fixtures.size(post) - 1 for post in posts)
    return f"{len(fixtures.GROUPS)} groups, {len(posts)} posts and {comments} comments"


def _verify(connection: psycopg.Connection) -> None:
    connection.execute("set role communities_job")
    with display.busy("verify the counters"):
        wrong = [*counters.Querier(connection).counter_verify()]
    if wrong:
        raise Failure(f"{len(wrong)} counters are wrong, the first one is {wrong[0]}")
    print("counters: verified")
