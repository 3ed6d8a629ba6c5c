"""Loop of every consumer of the outbox: it handles batches, and waits for a NOTIFY when it is idle.

`python -m workers.<name>` calls `main` with an opener, which yields a `Consumer` for the life of
the process. Any number of processes of one consumer may run, because each claims its events.
"""

import asyncio
import contextlib
import datetime
import random
import time
from collections.abc import Callable
from typing import Final, Protocol

import structlog

from common import cancellation, database, telemetry
from common import settings as configuration
from gen.jobs import outbox
from workers.runtime import doorbell, lifecycle, metrics, port, process

IDLE_LEASE_SECONDS: Final = 4.0  # writers send NOTIFY while the lease lasts
MIN_WAIT_SECONDS: Final = 0.05
MAX_WAIT_SECONDS: Final = 1.0
MIN_PAUSE_SECONDS: Final = 0.1
MAX_PAUSE_SECONDS: Final = 3.0
TURN_TIMEOUT_SECONDS: Final = 90.0  # then the server counts as lost
NOT_IDLE: Final = datetime.datetime.min.replace(tzinfo=datetime.UTC)


class Consumer(Protocol):
    """Consumer of the outbox."""

    @property
    def name(self) -> str:
        """Returns its name in the outbox: `search` or `streams`."""

    async def handle(self, connection: database.Connection) -> int:
        """Handles one batch in its own transaction. Returns the number of finished events.

        0 means that no event waits. Raises StoreUnavailable when a store is down, which rolls the
        transaction back. The connection is in autocommit mode, has the role communities_worker and
        returns JSON as bytes. The loop closes it after any error.
        """


Opener = Callable[
    [configuration.ServiceSettings, metrics.Metrics, telemetry.Tracer | None],
    contextlib.AbstractAsyncContextManager[Consumer],
]


def main(name: str, opener: Opener) -> None:
    """Runs a consumer as a process until TERM or INT, and ends after its batch."""

    async def work(settings: configuration.ServiceSettings, stop: asyncio.Event) -> None:
        measured = metrics.Metrics()
        async with (
            telemetry.opened(settings, name) as tracer,
            opener(settings, measured, tracer) as consumer,
        ):
            with port.opened(settings, measured):
                await Loop(settings, consumer, measured, stop).run()

    process.run(name, work)


class Loop(lifecycle.Worker):
    """Worker that takes turns: each handles a batch or waits for one."""

    def __init__(
        self,
        settings: configuration.ServiceSettings,
        consumer: Consumer,
        measured: metrics.Metrics,
        stop: asyncio.Event,
    ) -> None:
        log = structlog.get_logger().bind(consumer=consumer.name)
        super().__init__(consumer.name, "batch", settings, log, measured, stop)
        self._consumer = consumer
        self._doorbell = doorbell.Doorbell(settings, log, measured)
        self._failures = 0
        # Labelled at the start, so that rates begin at 0.
        for counter in (measured.processed, measured.failed, measured.dead, measured.outages):
            counter.labels(consumer.name)

    async def run(self) -> None:
        """Runs until it is stopped."""
        background = [
            asyncio.create_task(self._doorbell.listen()),
            asyncio.create_task(self._wake_at_stop()),
        ]
        try:
            await super().run()
        finally:
            await cancellation.cancel_all(*background)

    async def _wake_at_stop(self) -> None:
        await self._stop.wait()
        self._doorbell.wake()

    async def _work(self, connection: database.Connection) -> None:
        async with asyncio.timeout(TURN_TIMEOUT_SECONDS):
            offset = await _clock_offset(connection)
        idle_since: float | None = None
        wait = MIN_WAIT_SECONDS
        while not self._stop.is_set():
            self._metrics.record_heartbeat()
            self._doorbell.clear()
            async with asyncio.timeout(TURN_TIMEOUT_SECONDS):
                done = await self._batch(connection)
                if done:
                    if idle_since is not None:
                        await self._mark_idle(connection, NOT_IDLE)
                    idle_since, wait = None, MIN_WAIT_SECONDS
                elif idle_since is None or time.monotonic() - idle_since > IDLE_LEASE_SECONDS / 2:
                    idle_since = time.monotonic()
                    lease = datetime.timedelta(seconds=IDLE_LEASE_SECONDS)
                    await self._mark_idle(
                        connection, datetime.datetime.now(datetime.UTC) + offset + lease
                    )
                    # Read again: writes before the lease sent no NOTIFY.
                    continue
            if not done:
                # A writer that checked before the lease, and commits later, sends no NOTIFY either.
                await self._doorbell.wait(wait)
                wait = min(2 * wait, MAX_WAIT_SECONDS)

    async def _batch(self, connection: database.Connection) -> int:
        started = time.monotonic()
        done = await self._consumer.handle(connection)
        self._failures = 0
        self._outages.recover_all()
        if done:
            seconds = time.monotonic() - started
            self._metrics.processed.labels(self._consumer.name).inc(done)
            self._metrics.batches.labels(self._consumer.name).observe(seconds)
            self._log.debug("batch done", events=done, seconds=round(seconds, 4))
        return done

    async def _mark_idle(self, connection: database.Connection, until: datetime.datetime) -> None:
        querier = outbox.AsyncQuerier(connection)
        await querier.consumer_mark_idle(consumer=self._consumer.name, until=until)

    def _record_outage(self, store: str, error: BaseException | None) -> bool:
        is_first = super()._record_outage(store, error)
        if is_first:
            self._metrics.outages.labels(self._consumer.name).inc()
        return is_first

    def _record_failure(self, error: Exception) -> None:
        self._metrics.failed.labels(self._consumer.name).inc()
        super()._record_failure(error)

    def _pause_seconds(self) -> float:
        longest = min(MIN_PAUSE_SECONDS * 2 ** min(self._failures, 10), MAX_PAUSE_SECONDS)
        self._failures += 1
        # Spreads the retries of many workers.
        return random.uniform(longest / 2, longest)  # noqa: S311


async def _clock_offset(connection: database.Connection) -> datetime.timedelta:
    """Returns how far the clock of PostgreSQL is ahead of this process."""
    cursor = await connection.execute("select clock_timestamp()")
    row = await cursor.fetchone()
    assert row is not None
    theirs: datetime.datetime = row[0]
    return theirs - datetime.datetime.now(datetime.UTC)
