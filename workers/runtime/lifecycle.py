"""Life cycle of every worker: it connects, works, and pauses before the next attempt."""

import abc
import asyncio

import psycopg
from structlog.typing import FilteringBoundLogger

from common import database, logs, outages
from common import settings as configuration
from workers.runtime import connection, metrics, process


class Worker(abc.ABC):
    """Worker with one connection at a time. No error ends it.

    `unit` names a unit of work in the log, such as `batch`.
    """

    def __init__(
        self,
        name: str,
        unit: str,
        settings: configuration.ServiceSettings,
        log: FilteringBoundLogger,
        measured: metrics.Metrics,
        stop: asyncio.Event,
    ) -> None:
        self._name = name
        self._unit = unit
        self._settings = settings
        self._log = log
        self._metrics = measured
        self._stop = stop
        self._outages = outages.OutageLog(log)

    async def run(self) -> None:
        """Runs until it is stopped."""
        while not self._stop.is_set():
            self._metrics.record_heartbeat()
            await self._attempt()
            await process.pause(self._stop, self._pause_seconds())

    @abc.abstractmethod
    async def _work(self, connection: database.Connection) -> None:
        """Works on a connection, which is closed afterwards. May raise any error."""

    @abc.abstractmethod
    def _pause_seconds(self) -> float:
        """Returns the pause before the next attempt."""

    def _record_outage(self, store: str, error: BaseException | None) -> bool:
        """Logs the start of an outage. Returns whether this failure is its first."""
        return self._outages.fail(store, error)

    def _record_failure(self, error: Exception) -> None:
        """Logs an error that is no outage."""
        self._log.error(f"{self._unit} failed", **logs.describe(error))

    async def _attempt(self) -> None:
        try:
            async with connection.opened(self._settings, self._name) as conn:
                await self._work(conn)
        except outages.StoreUnavailable as outage:
            self._record_outage(outage.store, outage.__cause__)
        except TimeoutError as error:
            self._record_outage("postgres", error)
        except psycopg.Error as error:
            if database.is_lost(error):
                self._record_outage("postgres", error)
            elif database.is_conflict(error) or isinstance(error, psycopg.errors.QueryCanceled):
                self._log.warning(f"{self._unit} rolled back", error=type(error).__name__)
            else:
                self._record_failure(error)
        except Exception as error:  # a bug must not end the worker
            self._record_failure(error)
