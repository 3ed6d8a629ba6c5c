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
        self._rung = asyncio.Event()
        self._outages = outages.OutageLog(log)

    def ring(self) -> None:
        """Ends the wait."""
        self._rung.set()

    def clear(self) -> None:
        """Clears an earlier ring. Call it before reading the outbox, never after."""
        self._rung.clear()

    async def wait(self, seconds: float) -> None:
        """Waits for a ring since the last clear(), for at most `seconds`."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._rung.wait()

    async def listen(self) -> None:
        """Listens until it is cancelled, and reconnects after errors."""
        while True:
            try:
                async with connection.opened(self._settings, "doorbell") as conn:
                    await conn.execute("listen outbox")
                    # A NOTIFY during the reconnect was missed.
                    self.ring()
                    self._outages.recover("doorbell")
                    await self._receive(conn)
            except (psycopg.Error, TimeoutError, OSError) as error:
                self._outages.fail("doorbell", error)
            await asyncio.sleep(RECONNECT_PAUSE_SECONDS)

    async def _receive(self, connection: database.Connection) -> None:
        while True:
            async with asyncio.timeout(LIVENESS_TIMEOUT_SECONDS):
                await self._sample(connection)
            async for _ in connection.notifies(timeout=SAMPLE_INTERVAL_SECONDS):
                self.ring()

    async def _sample(self, connection: database.Connection) -> None:
        # This query is also the liveness check.
        try:
            async for lag in outbox.AsyncQuerier(connection).outbox_measure():
                self._metrics.lag.labels(lag.consumer).set(lag.lag_seconds)
                self._metrics.waiting.labels(lag.consumer).set(lag.waiting)
                self._metrics.dead_rows.labels(lag.consumer).set(lag.dead)
        except psycopg.errors.QueryCanceled:
            self._log.warning("outbox not measured")
