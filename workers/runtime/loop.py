"""The loop that every consumer of the outbox runs on: batch after batch, then sleep until the bell.

    python -m workers.<name>   is   loop.main("<consumer>", opener)

where the opener gives a `Consumer` for as long as the process works. Any number of processes of one
consumer may run: the statements that claim events keep them apart.
"""

import asyncio
import contextlib
import datetime
import random
import time
from collections.abc import Callable
from typing import Final, Protocol

import psycopg
import structlog

from common import cancellation, database, logs, outages, telemetry
from common import settings as configuration
from gen.jobs import outbox
from workers.runtime import connection, doorbell, metrics, port, process

SLEEP: Final = 4.0  # seconds, as all here: for so long writers ring for a sleeper
SHORTEST_WAIT: Final = 0.05
LONGEST_WAIT: Final = 1.0
SHORTEST_PAUSE: Final = 0.1
LONGEST_PAUSE: Final = 3.0
# A turn that takes longer waits for a server that is gone.
PATIENCE: Final = 90.0
AWAKE: Final = datetime.datetime.min.replace(tzinfo=datetime.UTC)


class Consumer(Protocol):
    """Who carries events somewhere."""

    @property
    def name(self) -> str:
        """`search` or `streams`: its name in the outbox."""

    async def handle(self, connection: database.Connection) -> int:
        """Handles one batch in its own transaction. Returns the number of finished events.

        0 means that no event waits. Raises StoreUnavailable when a store is down; the transaction
        is rolled back then. The connection is in autocommit mode, has the role communities_worker
        and returns JSON as bytes. The loop closes it after any error.
        """


Opener = Callable[
    [configuration.ServiceSettings, metrics.Metrics, telemetry.Tracer | None],
    contextlib.AbstractAsyncContextManager[Consumer],
]


def main(name: str, opener: Opener) -> None:
    """Runs a consumer as a process until TERM or INT, and returns when its batch is done."""

    async def work(settings: configuration.ServiceSettings, stop: asyncio.Event) -> None:
        measured = metrics.Metrics()
        async with (
            telemetry.opened(settings, name) as tracer,
            opener(settings, measured, tracer) as consumer,
        ):
            with port.opened(settings, measured):
                await Loop(settings, consumer, measured, stop).run()

    process.run(name, work)


class Loop:
    """Gives a consumer its turns until it is stopped."""

    def __init__(
        self,
        settings: configuration.ServiceSettings,
        consumer: Consumer,
        measured: metrics.Metrics,
        stop: asyncio.Event,
    ) -> None:
        self._settings = settings
        self._consumer = consumer
        self._metrics = measured
        self._stop = stop
        self._log = structlog.get_logger().bind(consumer=consumer.name)
        self._bell = doorbell.Doorbell(settings, self._log, measured)
        self._outages = outages.OutageLog(self._log)
        self._failures = 0
        # Named from the start, so that a rate over them begins at 0.
        for counter in (measured.processed, measured.failed, measured.dead, measured.outages):
            counter.labels(consumer.name)

    async def run(self) -> None:
        """Works until it is stopped; no error ends it."""
        background = [
            asyncio.create_task(self._bell.listen()),
            asyncio.create_task(self._ring_at_the_end()),
        ]
        try:
            while not self._stop.is_set():
                self._metrics.beat()
                await self._connected()
        finally:
            await cancellation.cancel_all(*background)

    async def _ring_at_the_end(self) -> None:
        await self._stop.wait()
        self._bell.ring()

    async def _connected(self) -> None:
        """Works on one connection, until an error or the end."""
        try:
            async with connection.opened(self._settings, self._consumer.name) as conn:
                await self._take_turns(conn)
        except outages.StoreUnavailable as outage:
            self._lose(outage.store, outage.__cause__)
        except TimeoutError as error:
            self._lose("postgres", error)
        except psycopg.Error as error:
            if database.is_lost(error):
                self._lose("postgres", error)
            elif database.is_undone(error) or isinstance(error, psycopg.errors.QueryCanceled):
                self._log.warning("batch undone", error=type(error).__name__)
            else:
                self._fail(error)
        except Exception as error:  # a bug must not end what holds up everything else
            self._fail(error)
        if not self._stop.is_set():
            await self._pause()

    async def _take_turns(self, connection: database.Connection) -> None:
        async with asyncio.timeout(PATIENCE):
            ahead = await _clock(connection)
        asleep_since: float | None = None
        wait = SHORTEST_WAIT
        while not self._stop.is_set():
            self._metrics.beat()
            self._bell.hush()
            async with asyncio.timeout(PATIENCE):
                done = await self._batch(connection)
                if done:
                    if asleep_since is not None:
                        await self._sleep_until(connection, AWAKE)
                    asleep_since, wait = None, SHORTEST_WAIT
                elif asleep_since is None or time.monotonic() - asleep_since > SLEEP / 2:
                    asleep_since = time.monotonic()
                    until = datetime.timedelta(seconds=SLEEP)
                    await self._sleep_until(
                        connection, datetime.datetime.now(datetime.UTC) + ahead + until
                    )
                    # And look again: what was written before that did not ring.
                    continue
            if not done:
                # A writer that looked before that, and commits only now, has not rung either.
                await self._bell.wait(wait)
                wait = min(2 * wait, LONGEST_WAIT)

    async def _batch(self, connection: database.Connection) -> int:
        started = time.monotonic()
        done = await self._consumer.handle(connection)
        self._recover()
        if done:
            seconds = time.monotonic() - started
            self._metrics.processed.labels(self._consumer.name).inc(done)
            self._metrics.batches.labels(self._consumer.name).observe(seconds)
            self._log.debug("batch done", events=done, seconds=round(seconds, 4))
        return done

    async def _sleep_until(self, connection: database.Connection, until: datetime.datetime) -> None:
        querier = outbox.AsyncQuerier(connection)
        await querier.consumer_mark_idle(consumer=self._consumer.name, until=until)

    def _lose(self, store: str, error: BaseException | None) -> None:
        if self._outages.fail(store, error):
            self._metrics.outages.labels(self._consumer.name).inc()

    def _recover(self) -> None:
        self._failures = 0
        self._outages.recover_all()

    def _fail(self, error: Exception) -> None:
        self._metrics.failed.labels(self._consumer.name).inc()
        self._log.error("batch failed", **logs.describe(error))

    async def _pause(self) -> None:
        longest = min(SHORTEST_PAUSE * 2 ** min(self._failures, 10), LONGEST_PAUSE)
        self._failures += 1
        # Not all at once, when there are many.
        await process.pause(self._stop, longest * random.uniform(0.5, 1))  # noqa: S311


async def _clock(connection: database.Connection) -> datetime.timedelta:
    """How far the clock of the database, by which it says who sleeps, is ahead of ours."""
    cursor = await connection.execute("select clock_timestamp()")
    row = await cursor.fetchone()
    assert row is not None
    theirs: datetime.datetime = row[0]
    return theirs - datetime.datetime.now(datetime.UTC)
