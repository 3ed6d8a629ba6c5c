"""Sweeper: deletes expired rows and orphaned objects. Any number may run.

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
INTERVAL_SECONDS: Final = 60.0
UPLOADS: Final = "uploads/"  # prefix of the keys of uploads
# An older object below UPLOADS is a stray: its upload expired while the client wrote it.
STRAY_SECONDS: Final = 86_400.0
CHECKS: Final = 24  # for strays, in that time
BATCH: Final = 1000
RETENTION: Final = datetime.timedelta(days=1)  # of finished events, for operators
S3_TIMEOUT_SECONDS: Final = 4.0  # TERM waits for an answer
_LOST: Final = (psycopg.OperationalError, psycopg.InterfaceError, TimeoutError)


class Sweeper:
    """Periodic sweeps. The next one repeats a failed one."""

    def __init__(
        self,
        settings: configuration.ServiceSettings,
        stop: asyncio.Event,
        measured: metrics.Metrics,
        interval: float = INTERVAL_SECONDS,
        stray: float = STRAY_SECONDS,
    ) -> None:
        self._settings = settings
        self._stop = stop
        self._interval = interval
        self._stray = stray
        self._checked_at: float | None = None
        self._bucket = s3.Bucket(s3.connect(settings, S3_TIMEOUT_SECONDS), settings.s3_bucket)
        self._metrics = measured
        for kind in KINDS:
            self._metrics.swept.labels(kind)
        self._log = structlog.get_logger().bind(worker=NAME)
        self._outage_log = outages.OutageLog(self._log)

    async def run(self) -> None:
        """Sweeps until it is stopped. No error ends it."""
        while not self._stop.is_set():
            self._metrics.beat()
            try:
                await self._sweep()
            except Exception as error:  # a bug must not end the worker
                self._log.error("sweep failed", **logs.describe(error))
            await process.pause(self._stop, self._interval)

    async def _sweep(self) -> None:
        with self._outages("postgres", *_LOST):
            async with connection.opened(self._settings, NAME) as conn:
                uploads = media.AsyncQuerier(conn)
                await self._repeat("upload", lambda: uploads.upload_sweep(most=BATCH))
                with self._outages("s3", outages.StoreUnavailable):
                    await self._repeat("object", lambda: self._delete(conn))
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
        """Runs batches until one is empty."""
        swept = 0
        while not self._stop.is_set() and (done := await batch()):
            self._metrics.beat()
            swept += done
            self._metrics.swept.labels(kind).inc(done)
        if swept:
            self._log.info("swept", kind=kind, count=swept)

    async def _delete(self, connection: database.Connection) -> int:
        """Deletes orphaned objects from the bucket, then their rows."""
        querier = media.AsyncQuerier(connection)
        keys = [
            orphaned.key
            async for orphaned in querier.orphaned_object_find(most=BATCH)
            if orphaned.key
        ]
        if not keys:
            return 0
        refused = await self._bucket.delete(keys)
        deleted = [key for key in keys if key not in refused]
        await querier.orphaned_object_clear(keys=deleted)
        if refused:
            await querier.orphaned_object_postpone(keys=list(refused))
            self._metrics.refused.inc(len(refused))
            codes = sorted(set(refused.values()))
            self._log.warning("deletion refused", count=len(refused), codes=codes)
        return len(deleted)

    async def _find_strays(self, querier: media.AsyncQuerier) -> None:
        """Marks stray objects of the bucket as orphaned, at intervals."""
        now = time.monotonic()
        if self._checked_at is not None and now - self._checked_at < self._stray / CHECKS:
            return
        since = datetime.datetime.now(datetime.UTC) - datetime.timedelta(seconds=self._stray)
        for keys in _batches(await self._bucket.list_older(UPLOADS, since)):
            self._metrics.beat()
            if orphaned := await querier.orphaned_object_mark(keys=keys):
                self._log.info("strays found", count=orphaned)
        self._checked_at = now

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
    parser.add_argument(
        "--interval", type=float, default=INTERVAL_SECONDS, help="seconds between sweeps"
    )
    parser.add_argument(
        "--stray",
        type=float,
        default=STRAY_SECONDS,
        help="age in seconds at which an upload without a row is removed",
    )
    given = parser.parse_args()

    async def work(settings: configuration.ServiceSettings, stop: asyncio.Event) -> None:
        measured = metrics.Metrics()
        with port.opened(settings, measured):
            await Sweeper(settings, stop, measured, given.interval, given.stray).run()

    process.run(NAME, work)


if __name__ == "__main__":
    main()
