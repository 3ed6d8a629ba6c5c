"""Doorbell of the outbox: a connection that listens for NOTIFY and samples the lags."""

import asyncio
import contextlib
from typing import Final

import psycopg
from structlog.typing import FilteringBoundLogger

from common import database, outages
from common import settings as configuration
from gen.jobs import outbox
from workers.runtime import connection, metrics

# Name in the log, where `postgres` is the connection of the batches.
STORE: Final = "postgres notifications"
SAMPLE_INTERVAL_SECONDS: Final = 3.0
LIVENESS_TIMEOUT_SECONDS: Final = 35.0  # longer than the statement timeout
RECONNECT_PAUSE_SECONDS: Final = 1.0


class Doorbell:
    """Wakes idle consumers by NOTIFY. They also poll, since one may be missed (rule 06.5)."""

    def __init__(
        self,
        settings: configuration.ServiceSettings,
        log: FilteringBoundLogger,
        measured: metrics.Metrics,
    ) -> None:
        self._settings = settings
        self._log = log
        self._metrics = measured
        self._received = asyncio.Event()
        self._outages = outages.OutageLog(log)

    def wake(self) -> None:
        """Ends the current or next wait."""
        self._received.set()

    def clear(self) -> None:
        """Discards earlier notifications. Call it before reading the outbox, never after."""
        self._received.clear()

    async def wait(self, seconds: float) -> None:
        """Waits at most this long for a notification since the last clear()."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._received.wait()

    async def listen(self) -> None:
        """Listens until it is cancelled, and reconnects after errors."""
        while True:
            try:
                async with connection.opened(self._settings, "doorbell") as conn:
                    await conn.execute("listen outbox")
                    # A NOTIFY during the reconnect was missed.
                    self.wake()
                    self._outages.recover(STORE)
                    await self._receive(conn)
            except (psycopg.Error, TimeoutError, OSError) as error:
                self._outages.fail(STORE, error)
            await asyncio.sleep(RECONNECT_PAUSE_SECONDS)

    async def _receive(self, connection: database.Connection) -> None:
        while True:
            async with asyncio.timeout(LIVENESS_TIMEOUT_SECONDS):
                await self._sample(connection)
            async for _ in connection.notifies(timeout=SAMPLE_INTERVAL_SECONDS):
                self.wake()

    async def _sample(self, connection: database.Connection) -> None:
        # This query is also the liveness check.
        try:
            async for lag in outbox.AsyncQuerier(connection).outbox_measure():
                self._metrics.lag.labels(lag.consumer).set(lag.lag_seconds)
                self._metrics.waiting.labels(lag.consumer).set(lag.waiting)
                self._metrics.dead_rows.labels(lag.consumer).set(lag.dead)
        except psycopg.errors.QueryCanceled:
            self._log.warning("outbox not measured")
