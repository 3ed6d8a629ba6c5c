"""Polls for conditions without a notification. Timeouts allow for a busy machine."""

import asyncio
import time
from collections.abc import Callable, Iterator
from typing import Any, Final

import psycopg

TIMEOUT_SECONDS: Final = 30.0
_POLL_SECONDS: Final = 0.02


def eventually(
    check: Callable[[], Any],
    seconds: float = TIMEOUT_SECONDS,
    describe: Callable[[], object] = lambda: "",
) -> None:
    """Waits until the check passes. Fails after this many seconds, with a description."""
    for _ in _failed_polls(check, seconds, describe):
        time.sleep(_POLL_SECONDS)


async def eventually_async(
    check: Callable[[], Any],
    seconds: float = TIMEOUT_SECONDS,
    describe: Callable[[], object] = lambda: "",
) -> None:
    """Waits as `eventually` does, without blocking the event loop."""
    for _ in _failed_polls(check, seconds, describe):
        await asyncio.sleep(_POLL_SECONDS)


def _failed_polls(
    check: Callable[[], Any], seconds: float, describe: Callable[[], object]
) -> Iterator[None]:
    deadline = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < deadline, describe()
        yield


def lock_waits(connection: psycopg.Connection) -> int:
    """Returns the number of sessions of this database that wait for a lock."""
    row = connection.execute(
        """
        select count(*) from pg_stat_activity
        where datname = current_database() and wait_event_type = 'Lock'
        """
    ).fetchone()
    assert row is not None
    return int(row[0])
