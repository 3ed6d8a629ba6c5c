"""Users who write in SQL, and checks of the resulting outbox and streams."""

import contextlib
import json
import random
import threading
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import psycopg
import redis

from common import streams
from tests.support import waiting
from tests.support.doors import SqlDoor
from tests.support.operations import OPERATIONS


@dataclass
class Writer:
    """User with a group, who calls the SQL functions."""

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
        """Makes a call and asserts its success. Returns the body of the answer."""
        answer = SqlDoor(self.connection).call(self.user, OPERATIONS[operation], args)
        assert answer.code is None, answer
        return answer.body

    def post(self, body: str = "look") -> str:
        return str(self.do("create_post", group_id=self.group, body=body)["id"])

    def comment(self, post: str, body: str = "nice") -> str:
        return str(self.do("create_comment", post_id=post, body=body)["id"])

    def some_events(self) -> None:
        """Creates a post and changes it: eight events in both streams."""
        post = self.post()
        comment = self.comment(post)
        self.do("update_post", post_id=post, patch={"body": "look again"})
        self.do("update_comment", comment_id=comment, patch={"body": "nicer"})
        self.do("delete_comment", comment_id=comment)
        self.do("restore_comment", comment_id=comment)
        self.do("delete_post", post_id=post)
        self.do("restore_post", post_id=post)


class Writers:
    """Writers with a group each, which write until the context ends."""

    def __init__(self, database_url: str, count: int = 2, pause: float = 0.05) -> None:
        self._stop = threading.Event()
        self._pause = pause
        self._opened = contextlib.ExitStack()
        self.writers = [
            self._opened.enter_context(Writer.opened(database_url)) for _ in range(count)
        ]
        self._threads = [
            threading.Thread(target=self._write, args=[writer]) for writer in self.writers
        ]
        self._errors: list[BaseException] = []

    def _write(self, writer: Writer) -> None:
        try:
            while not self._stop.is_set():
                writer.some_events()
                time.sleep(random.uniform(0, self._pause))
        except BaseException as error:
            self._errors.append(error)
            raise

    def __enter__(self) -> "Writers":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        with self._opened:
            self._stop.set()
            for thread in self._threads:
                thread.join()
        assert not self._errors


def entries(client: redis.Redis) -> list[tuple[int, str, dict[str, str]]]:
    """Returns position, stream and fields of every entry, in order."""
    found: list[tuple[int, str, dict[str, str]]] = []
    for stream in streams.STREAMS:
        read: Any = client.xrange(stream)
        positions = [int(position.removesuffix("-0")) for position, _ in read]
        assert positions == sorted(set(positions))
        found += [(seq, stream, fields) for seq, (_, fields) in zip(positions, read, strict=True)]
    return sorted(found, key=lambda entry: entry[0])


def expected(connection: psycopg.Connection) -> list[tuple[int, str, str, str]]:
    """Returns position, stream, type and subject of every event of the outbox with a stream."""
    return connection.execute(
        """
        select stream_seq, stream, event_type, aggregate_id::text from outbox_event
        where stream is not null order by stream_seq
        """
    ).fetchall()


def check(connection: psycopg.Connection, client: redis.Redis) -> None:
    """Asserts that the streams hold every event once, at its position."""
    wanted = expected(connection)
    found = [
        (seq, stream, fields["type"], json.loads(fields["payload"])["subject_id"])
        for seq, stream, fields in entries(client)
    ]
    assert len(wanted) <= streams.MAX_POSITIONS
    assert found == wanted, difference(found, wanted)


def wait_until_published(
    connection: psycopg.Connection, seconds: float = waiting.TIMEOUT_SECONDS
) -> None:
    waiting.eventually(lambda: not unpublished(connection), seconds)


def unpublished(connection: psycopg.Connection) -> int:
    """Returns the number of events that the relay has not published yet."""
    row = connection.execute(
        "select count(*) from outbox_event where stream is not null and published_at is null"
    ).fetchone()
    assert row is not None
    return int(row[0])


def difference(
    found: list[tuple[int, str, str, str]], wanted: list[tuple[int, str, str, str]]
) -> str:
    """Returns a summary: full lists of a long test are too long to read."""
    missing = sorted(set(wanted) - set(found))
    extra = sorted(set(found) - set(wanted))
    return (
        f"{len(found)} entries for {len(wanted)} events; "
        f"{len(missing)} missing: {missing[:3]}…{missing[-3:]}; {len(extra)} extra: {extra[:3]}"
    )
