"""The sweeper: it deletes expired rows and orphaned objects. Any number may run.

Implements rules 06.9, 61.11, 61.12, 61.15 and 70.7.
"""

import argparse
import asyncio
import contextlib
import datetime
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import Final

import psycopg
import structlog

from common import database, logs, outages, s3
from common import settings as configuration
from gen.jobs import idempotency, media, outbox
from workers.runtime import connection, metrics, port, process

NAME: Final = "sweeper"
KINDS: Final = ("upload", "object", "event", "idempotency_key")
INTERVAL: Final = 60.0  # seconds
# Where uploads are put, none of which anybody needs for as long. Who was still writing when an
# upload expired has left one that no table knows.
PUT: Final = "uploads/"
STRAY: Final = 86_400.0  # seconds
LOOKS: Final = 24  # in that time
BATCH: Final = 1000
# An event that everybody is done with is kept for so long, for whoever asks what happened.
RETENTION: Final = datetime.timedelta(days=1)
# The store's, for each answer: short enough for TERM not to wait long.
S3_TIMEOUT: Final = 4.0
_LOST: Final = (psycopg.OperationalError, psycopg.InterfaceError, TimeoutError)


class Sweeper:
    """Sweeps again and again; what could not be done now is done the next time."""

    def __init__(
        self,
        settings: configuration.ServiceSettings,
        stop: asyncio.Event,
        measured: metrics.Metrics,
        interval: float = INTERVAL,
        stray: float = STRAY,
    ) -> None:
        self._settings = settings
        self._stop = stop
        self._interval = interval
        self._stray = stray
        self._looked: float | None = None
        self._bucket = s3.Bucket(s3.connect(settings, S3_TIMEOUT), settings.s3_bucket)
        self._metrics = measured
        for kind in KINDS:
            self._metrics.swept.labels(kind)
        self._log = structlog.get_logger().bind(worker=NAME)
        self._outage_log = outages.OutageLog(self._log)

    async def run(self) -> None:
        """Sweeps until it is stopped; no error ends it."""
        while not self._stop.is_set():
            self._metrics.beat()
            try:
                await self._sweep()
            except Exception as error:  # a bug must not end what holds up everything else
                self._log.error("sweep failed", **logs.describe(error))
            await process.pause(self._stop, self._interval)

    async def _sweep(self) -> None:
        with self._outages("postgres", *_LOST):
            async with connection.opened(self._settings, NAME) as conn:
                uploads = media.AsyncQuerier(conn)
                await self._repeat("upload", lambda: uploads.upload_sweep(most=BATCH))
                with self._outages("s3", outages.StoreUnavailable):
                    await self._repeat("object", lambda: self._remove(conn))
                    await self._find_strays(uploads)
                events = outbox.AsyncQuerier(conn)
                await self._repeat(
                    "event", lambda: events.outbox_prune(older_than=RETENTION, most=BATCH)
                )
                keys = idempotency.AsyncQuerier(conn)
                await self._repeat(
                    "idempotency_key", lambda: keys.idempotency_key_prune(most=BATCH)
                )

    async def _repeat(self, kind: str, batch: Callable[[], Awaitable[int | None]]) -> None:
        """Does batch after batch until one finds nothing more to do."""
        swept = 0
        while not self._stop.is_set() and (done := await batch()):
            self._metrics.beat()
            swept += done
            self._metrics.swept.labels(kind).inc(done)
        if swept:
            self._log.info("swept", kind=kind, count=swept)

    async def _remove(self, connection: database.Connection) -> int:
        """Removes objects first, and then the memory that they are to go."""
        querier = media.AsyncQuerier(connection)
        keys = [
            orphaned.key
            async for orphaned in querier.orphaned_object_find(most=BATCH)
            if orphaned.key
        ]
        if not keys:
            return 0
        refused = await self._bucket.remove(keys)
        removed = [key for key in keys if key not in refused]
        await querier.orphaned_object_clear(keys=removed)
        if refused:
            await querier.orphaned_object_postpone(keys=list(refused))
            self._metrics.refused.inc(len(refused))
            codes = sorted(set(refused.values()))
            self._log.warning("store refuses to remove", count=len(refused), codes=codes)
        return len(removed)

    async def _find_strays(self, querier: media.AsyncQuerier) -> None:
        """Looks into the bucket now and then for what no table knows, and orphans it."""
        now = time.monotonic()
        if self._looked is not None and now - self._looked < self._stray / LOOKS:
            return
        since = datetime.datetime.now(datetime.UTC) - datetime.timedelta(seconds=self._stray)
        for keys in _batches(await self._bucket.older(PUT, since)):
            self._metrics.beat()
            if orphaned := await querier.orphaned_object_mark(keys=keys):
                self._log.info("strays found", count=orphaned)
        self._looked = now

    @contextlib.contextmanager
    def _outages(self, store: str, *errors: type[Exception]) -> Iterator[None]:
        try:
            yield
        except errors as error:
            self._outage_log.fail(store, error)
        else:
            self._outage_log.recover(store)


def _batches(keys: list[str]) -> Iterator[list[str]]:
    for start in range(0, len(keys), BATCH):
        yield keys[start : start + BATCH]


def main() -> None:
    """Runs a sweeper as a process until TERM or INT."""
    parser = argparse.ArgumentParser(prog=f"python -m workers.{NAME}", description=__doc__)
    parser.add_argument("--interval", type=float, default=INTERVAL, help="seconds between sweeps")
    parser.add_argument(
        "--stray", type=float, default=STRAY, help="seconds after which an upload is nobody's"
    )
    given = parser.parse_args()

    async def work(settings: configuration.ServiceSettings, stop: asyncio.Event) -> None:
        measured = metrics.Metrics()
        with port.opened(settings, measured):
            await Sweeper(settings, stop, measured, given.interval, given.stray).run()

    process.run(NAME, work)


if __name__ == "__main__":
    main()
