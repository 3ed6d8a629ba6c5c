"""The doorbell of the outbox: a connection that listens, and looks now and then who is behind."""

import asyncio
import contextlib
from typing import Final

import psycopg
from structlog.typing import FilteringBoundLogger

from common import database, outages
from common import settings as configuration
from gen.jobs import outbox
from workers.runtime import connection, metrics

SAMPLED_EVERY: Final = 3.0  # seconds, as all here
# Longer than a statement may take: a server that has not answered by then is gone.
LIVENESS: Final = 35.0
RECONNECTED_AFTER: Final = 1.0


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
        """Ends the wait of whoever waits."""
        self._rung.set()

    def hush(self) -> None:
        """Forgets that it has rung; said before a look at the outbox, never after."""
        self._rung.clear()

    async def wait(self, seconds: float) -> None:
        """Returns when it rings, or has since it was hushed, or after so long."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._rung.wait()

    async def listen(self) -> None:
        """Listens for ever, on one connection after the other."""
        while True:
            try:
                async with connection.opened(self._settings, "doorbell") as conn:
                    await conn.execute("listen outbox")
                    # What rang meanwhile was not heard.
                    self.ring()
                    self._outages.recover("doorbell")
                    await self._hear(conn)
            except (psycopg.Error, TimeoutError, OSError) as error:
                self._outages.fail("doorbell", error)
            await asyncio.sleep(RECONNECTED_AFTER)

    async def _hear(self, connection: database.Connection) -> None:
        while True:
            async with asyncio.timeout(LIVENESS):
                await self._sample(connection)
            async for _ in connection.notifies(timeout=SAMPLED_EVERY):
                self.ring()

    async def _sample(self, connection: database.Connection) -> None:
        # Also the question that a dead server does not answer.
        try:
            async for lag in outbox.AsyncQuerier(connection).outbox_measure():
                self._metrics.lag.labels(lag.consumer).set(lag.lag_seconds)
                self._metrics.waiting.labels(lag.consumer).set(lag.waiting)
                self._metrics.dead_rows.labels(lag.consumer).set(lag.dead)
        except psycopg.errors.QueryCanceled:
            self._log.warning("outbox not measured")
