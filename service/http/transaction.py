"""Transaction runner of the handlers.

It leases a connection on demand, opens a transaction for idempotent or traced requests, and retries
after deadlocks and serialization failures.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

import psycopg

from common import database, telemetry
from service.http import answers, idempotency, request

MAX_ATTEMPTS: Final = 6
# Longest pause before the second attempt. Each further pause is longer by this.
RETRY_PAUSE_SECONDS: Final = 0.02
SCHEMA_CHANGE_PAUSE_SECONDS: Final = 0.2  # while an upgrade replaces `api`
READ_METHODS: Final = frozenset({"GET", "HEAD"})
_SET_TRACEPARENT: Final = "select set_config('communities.traceparent', %s, true)"

Handler = Callable[[], Awaitable[answers.Answer]]
Prepare = Callable[[], Awaitable[None]]
T = TypeVar("T")


class Replay(Exception):  # noqa: N818
    """Stored answer of an earlier request under the same key."""

    def __init__(self, answer: answers.Answer) -> None:
        super().__init__()
        self.answer = answer


async def perform(
    pool: database.Pool,
    call: request.Call,
    handler: Handler,
    key: idempotency.Key | None = None,
    prepare: Prepare | None = None,
) -> answers.Answer:
    """Runs a handler and returns its answer. Raises Replay when the key has a stored answer.

    `prepare` runs first, outside the transaction and without a connection. Under a key, only the
    request that has reserved the key prepares.
    """
    # Reads, and requests under a key, may be repeated after a lost connection.
    repeatable = call.method in READ_METHODS or key is not None

    async def run() -> answers.Answer:
        if prepare is not None:
            await prepare()
        return await retried(lambda: _attempt(pool, call, handler, key), repeatable=repeatable)

    if prepare is None or key is None:
        return await run()
    stored = await retried(lambda: idempotency.reserve(pool, key), repeatable=True)
    if stored is not None:
        raise Replay(stored)
    try:
        return await run()
    except Replay:
        raise
    except BaseException:
        # An error stores no answer, so the next request under the key runs again.
        await retried(lambda: idempotency.release(pool, key), repeatable=True)
        raise


async def retried(attempt: Callable[[], Awaitable[T]], *, repeatable: bool) -> T:
    """Returns the result of an attempt, and retries one that lost a race and had no effect.

    After a lost connection the effect is unknown: only a `repeatable` attempt is retried then
    (rule 00.25).
    """
    number = 1
    while True:
        try:
            return await attempt()
        except psycopg.Error as error:
            is_schema_change = database.is_schema_change(error)
            may_retry = is_schema_change or database.is_conflict(error)
            may_retry = may_retry or (repeatable and database.is_lost(error))
            if not may_retry or number == MAX_ATTEMPTS:
                raise
        pause = SCHEMA_CHANGE_PAUSE_SECONDS if is_schema_change else RETRY_PAUSE_SECONDS
        await asyncio.sleep(random.uniform(0, pause * number))  # noqa: S311
        number += 1


async def _attempt(
    pool: database.Pool, call: request.Call, handler: Handler, key: idempotency.Key | None
) -> answers.Answer:
    async with database.leased(pool) as lease:
        call.connect = lease.connection
        call.release = lease.release
        traceparent = None if call.method in READ_METHODS else telemetry.current_traceparent()
        if key is None and traceparent is None:
            return await handler()
        connection = await lease.connection()
        async with connection.transaction():
            if traceparent is not None:
                # Set for this transaction only.
                await connection.execute(_SET_TRACEPARENT, [traceparent])
            if key is None:
                return await handler()
            if (stored := await idempotency.claim(connection, key)) is not None:
                raise Replay(stored)
            answer = await handler()
            await idempotency.store(connection, key, answer)
            return answer
