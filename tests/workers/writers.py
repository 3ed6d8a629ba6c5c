"""Users who write, in SQL, and what is in the outbox and in the streams after that."""

import contextlib
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import psycopg
import redis

from service import streams
from tests.doors.doors import SqlDoor
from tests.doors.operations import OPERATIONS


@dataclass
class Writer:
    """A user with a group of their own, who calls the SQL functions."""

    connection: psycopg.Connection
    user: uuid.UUID
    group: str = ""

    @classmethod
    @contextlib.contextmanager
    def opened(cls, database_url: str) -> Iterator["Writer"]:
        options = "-c timezone=UTC"
        with psycopg.connect(database_url, autocommit=True, options=options) as connection:
            connection.execute("set role communities_job")
            writer = cls(connection, uuid.uuid4())
            made = writer.do("create_group", name="Readers", visibility="public")
            writer.group = made["id"]
            yield writer

    def do(self, operation: str, **args: Any) -> Any:
        """One call, which must succeed."""
        answer = SqlDoor(self.connection).call(self.user, OPERATIONS[operation], args)
        assert answer.code is None, answer
        return answer.body

    def post(self, body: str = "look") -> str:
        return str(self.do("create_post", group_id=self.group, body=body)["id"])

    def comment(self, post: str, body: str = "nice") -> str:
        return str(self.do("create_comment", post_id=post, body=body)["id"])

    def some_events(self) -> None:
        """A post and what may happen to it: eight events in both streams."""
        post = self.post()
        comment = self.comment(post)
        self.do("update_post", post_id=post, patch={"body": "look again"})
        self.do("update_comment", comment_id=comment, patch={"body": "nicer"})
        self.do("delete_comment", comment_id=comment)
        self.do("restore_comment", comment_id=comment)
        self.do("delete_post", post_id=post)
        self.do("restore_post", post_id=post)


def eventually(check: Callable[[], Any], seconds: float = 20) -> None:
    """Waits until something is so."""
    deadline = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def entries(client: redis.Redis) -> list[tuple[int, str, dict[str, str]]]:
    """Place, stream and fields of every entry, in the order of the places."""
    found: list[tuple[int, str, dict[str, str]]] = []
    for stream in streams.STREAMS:
        read: Any = client.xrange(stream)
        places = [int(place.removesuffix("-0")) for place, _ in read]
        assert places == sorted(set(places))
        found += [(seq, stream, fields) for seq, (_, fields) in zip(places, read, strict=True)]
    return sorted(found, key=lambda entry: entry[0])


def expected(connection: psycopg.Connection) -> list[tuple[int, str, str, str]]:
    """Place, stream, type and subject of every event of the outbox that goes to a stream."""
    return connection.execute(
        """
        select stream_seq, stream, event_type, aggregate_id::text from outbox_event
        where stream is not null order by stream_seq
        """
    ).fetchall()


def unpublished(connection: psycopg.Connection) -> int:
    row = connection.execute(
        "select count(*) from outbox_event where stream is not null and published_at is null"
    ).fetchone()
    assert row is not None
    return int(row[0])
