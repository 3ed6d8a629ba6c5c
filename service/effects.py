"""How a handler is run: with a connection when it asks for one, in a transaction when its effect
must be had once or be traced, and again when it lost a race that nobody is to blame for."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Final

import psycopg

from service import calls, database, idempotency, telemetry

ATTEMPTS: Final = 6
# Seconds before the second attempt, more before each further one: behind somebody who was quicker,
# and behind an upgrade, which may begin anew.
PAUSE: Final = 0.02
LONG_PAUSE: Final = 0.2
READING: Final = frozenset({"GET", "HEAD"})
_CARRY: Final = "select set_config('communities.traceparent', %s, true)"

Handler = Callable[[], Awaitable[calls.Answer]]


class Replay(Exception):  # noqa: N818
    """The request was answered before, with this answer."""

    def __init__(self, answer: calls.Answer) -> None:
        super().__init__()
        self.answer = answer


async def perform(
    pool: database.Pool, call: calls.Call, handler: Handler, key: idempotency.Key | None = None
) -> calls.Answer:
    """The handler's answer. Raises Replay when the key has one already."""
    attempt = 1
    while True:
        try:
            return await _attempt(pool, call, handler, key)
        except psycopg.Error as error:
            # A lost connection leaves open whether there was an effect. To read again, or to ask
            # again under a key, is safe.
            repeatable = call.method in READING or key is not None
            is_rebuilt = database.is_rebuilt(error)
            again = database.is_undone(error) or is_rebuilt
            again = again or (repeatable and database.is_lost(error))
            if not again or attempt == ATTEMPTS:
                raise
        pause = LONG_PAUSE if is_rebuilt else PAUSE
        await asyncio.sleep(random.uniform(0, pause * attempt))  # noqa: S311
        attempt += 1


async def _attempt(
    pool: database.Pool, call: calls.Call, handler: Handler, key: idempotency.Key | None
) -> calls.Answer:
    lease = database.Lease(pool)
    call.connect = lease.connection
    call.release = lease.end
    carried = None if call.method in READING else telemetry.carried()
    try:
        if key is None and carried is None:
            return await handler()
        connection = await lease.connection()
        async with connection.transaction():
            if carried is not None:
                # For this transaction alone: the connection's next one is another request's.
                await connection.execute(_CARRY, [carried])
            if key is None:
                return await handler()
            if (given := await idempotency.claim(connection, key)) is not None:
                raise Replay(given)
            answer = await handler()
            await idempotency.store(connection, key, answer)
            return answer
    except psycopg.errors.FeatureNotSupported:
        # It holds a prepared statement whose result has another type since an upgrade.
        await lease.discard()
        raise
    finally:
        await lease.end()
