"""Generated posts, with comments and reactions, for tests of size.

PostgreSQL generates the rows in batches, each in its own transaction, so an interrupted run leaves
whole batches. The id of a row holds its number: the next run continues after the highest post.

The counting triggers are off during a batch, and rows are inserted with their counters: the
triggers would write every post three times. `api.verify_counters` proves the counters at the end.
Other writers wait for the batch. The rows have no events, because a million of them would only
keep the consumers busy; search finds the rows after its index is rebuilt.
"""

import functools
import json
import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import psycopg
import tenacity
from psycopg import errors

from tools import progress
from tools.failure import Failure
from tools.seed import example_data

MAX_POSTS: Final = 1_000_000
BATCH_POSTS: Final = 20_000
USERS: Final = 5_000

# Members, visibility and share of all posts of each group. The four largest have more than 100,000
# posts each at a million; the others decrease in size.
_GROUPS: Final = (
    (5000, "public", 0.5),
    (3000, "private", 0.12),
    (2800, "secret", 0.11),
    (2600, "public", 0.1),
    *(
        (60 + 20 * (40 - number), "private" if number % 6 == 1 else "public", 0.0615 / (number - 2))
        for number in range(5, 41)
    ),
)
_MEMBERS: Final = [members for members, _, _ in _GROUPS]
_NUMBERS: Final = [*range(1, len(_GROUPS) + 1)]
WORDS: Final[dict[str, list[str]]] = json.loads((example_data.FOLDER / "words.json").read_bytes())

USER, GROUP, POST, COMMENT, REACTION = range(1, 6)
# In the order of the counting triggers, so that no other writer deadlocks with a batch.
_LOCK: Final = "lock table reaction, comment, post in share row exclusive mode"


@dataclass(frozen=True)
class Added:
    """Numbers of the rows that a run has added."""

    posts: int = 0
    comments: int = 0
    reactions: int = 0


def identify(kind: int, major: int, minor: int) -> uuid.UUID:
    """Returns the id of a generated row, as make_id.sql does."""
    high = 0x5EED0000 + kind << 32 | major >> 12 << 16 | 0x7000 | major & 0xFFF
    return uuid.UUID(int=high << 64 | 1 << 63 | minor)


def add(connection: psycopg.Connection, total: int) -> Added:
    """Adds the posts that are missing to this total. The connection is in autocommit mode."""
    if not 1 <= total <= MAX_POSTS:
        raise Failure(f"SCALE must be between 1 and {MAX_POSTS:,}.")
    connection.execute("set role communities_owner")
    connection.execute("set work_mem = '64MB'")
    # Autovacuum yields its lock after deadlock_timeout, which is a second.
    connection.execute("set lock_timeout = '5s'")
    connection.execute(_sql("make_id"))
    connection.execute(_sql("make_member"))
    _retry(_add_groups, connection)
    begin = _last_post(connection) + 1
    if begin > total:
        return Added()
    comments = reactions = 0
    params = _params(connection, begin, total)
    with progress.bar("posts", total - begin + 1) as advance:
        for first in range(begin, total + 1, BATCH_POSTS):
            last = min(first + BATCH_POSTS - 1, total)
            added = _retry(_add_batch, connection, {**params, "first": first, "last": last})
            comments += added.comments
            reactions += added.reactions
            advance(added.posts)
    with progress.busy("vacuum and analyze"):
        tables = "post, comment, reaction, reaction_count, topic_tag, group_entity, group_member"
        connection.execute(f"vacuum (analyze) {tables}")
    return Added(total - begin + 1, comments, reactions)


@functools.cache
def _sql(name: str) -> bytes:
    return (example_data.FOLDER / f"{name}.sql").read_bytes()


def _last_post(connection: psycopg.Connection) -> int:
    row = connection.execute(_sql("last_post")).fetchone()
    assert row is not None
    return int(row[0])


def _params(connection: psycopg.Connection, begin: int, total: int) -> dict[str, Any]:
    texts = {name: texts for name, texts in WORDS.items() if name != "groups"}
    # The start of each group's share between 0 and 1.
    shares = [0.0]
    for _, _, share in _GROUPS[:-1]:
        shares.append(shares[-1] + share)
    row = connection.execute("select now()").fetchone()
    assert row is not None
    return {
        "now": row[0],
        "begin": begin,
        "span": total - begin + 1,
        "total": total,
        "numbers": _NUMBERS,
        "members": _MEMBERS,
        "shares": shares,
        **texts,
        **{f"{name}_count": len(items) for name, items in texts.items()},
    }


def _add_groups(connection: psycopg.Connection) -> None:
    campuses: Sequence[uuid.UUID] = [*example_data.CAMPUSES.values()]
    names = WORDS["groups"]
    with connection.transaction():
        connection.execute("lock table group_member in share row exclusive mode")
        found = connection.execute("select from group_entity where id = pg_temp.bulk_id(2, 1, 0)")
        if found.fetchone() is not None:
            return
        connection.execute("alter table group_member disable trigger user")
        params = {
            "numbers": _NUMBERS,
            "names": names,
            # The number keeps the slug apart from those of users.
            "slugs": [f"{_slug(name)}-{n}" for n, name in zip(_NUMBERS, names, strict=True)],
            "visibilities": [visibility for _, visibility, _ in _GROUPS],
            "descriptions": ["A generated group, for tests of size." for _ in _NUMBERS],
            "campuses": [campuses[n % len(campuses)] for n in _NUMBERS],
            "members": _MEMBERS,
        }
        connection.execute(_sql("add_groups"), params)
        connection.execute(_sql("add_members"), params)
        connection.execute("alter table group_member enable trigger user")


def _add_batch(connection: psycopg.Connection, params: Mapping[str, Any]) -> Added:
    tables = ("reaction", "comment", "post")
    with connection.transaction():
        connection.execute(_LOCK)
        if _last_post(connection) != params["first"] - 1:
            raise Failure("Another `communities seed` is adding posts. Wait for its end.")
        for table in tables:
            connection.execute(f"alter table {table} disable trigger user")
        connection.execute("select setseed(%s)", [params["first"] / MAX_POSTS])
        connection.execute(_sql("new_posts"), params)
        connection.execute("analyze bulk_post")
        connection.execute(_sql("new_comments"), params)
        connection.execute(_sql("new_reactions"), params)
        added = Added(
            *(
                connection.execute(_sql(name), params).rowcount
                for name in ("insert_posts", "insert_comments", "insert_reactions")
            )
        )
        connection.execute(_sql("count_emoji"), params)
        connection.execute(_sql("count_tags"), params)
        for table in tables:
            connection.execute(f"alter table {table} enable trigger user")
    return added


def _slug(name: str) -> str:
    return re.sub("[^a-z0-9]+", "-", name.lower()).strip("-")


_retry = tenacity.Retrying(
    retry=tenacity.retry_if_exception_type((errors.LockNotAvailable, errors.DeadlockDetected)),
    stop=tenacity.stop_after_attempt(20),
    reraise=True,
)
