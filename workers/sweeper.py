"""Sweeper: deletes expired rows and orphaned objects. Any number may run.

Implements rules 06.9, 61.11, 61.12, 61.15 and 70.7.
"""

import argparse
import asyncio
import datetime
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import Final

import structlog

from common import database, s3
from common import settings as configuration
from gen.jobs import idempotency, media, outbox
from workers.runtime import lifecycle, metrics, port, process

NAME: Final = "sweeper"
KINDS: Final = ("upload", "object", "event", "idempotency_key")
INTERVAL_SECONDS: Final = 60.0
UPLOADS: Final = "uploads/"  # prefix of the keys of uploads
# An older object below UPLOADS is a stray: its upload expired while the client wrote it.
STRAY_SECONDS: Final = 86_400.0
STRAY_CHECKS: Final = 24  # in that time
BATCH_SIZE: Final = 1000
RETENTION: Final = datetime.timedelta(days=1)  # of finished events, for operators
S3_TIMEOUT_SECONDS: Final = 4.0  # TERM waits for an answer


class Sweeper(lifecycle.Worker):
    """Worker that sweeps at intervals. The next sweep repeats a failed one."""

    def __init__(
        self,
        settings: configuration.ServiceSettings,
        stop: asyncio.Event,
        measured: metrics.Metrics,
        interval_seconds: float = INTERVAL_SECONDS,
        stray_seconds: float = STRAY_SECONDS,
    ) -> None:
        log = structlog.get_logger().bind(worker=NAME)
        super().__init__(NAME, "sweep", settings, log, measured, stop)
        self._interval_seconds = interval_seconds
        self._stray_seconds = stray_seconds
        self._checked_at: float | None = None
        self._bucket = s3.Bucket(s3.connect(settings, S3_TIMEOUT_SECONDS), settings.s3_bucket)
        for kind in KINDS:
            self._metrics.swept.labels(kind)

    async def _work(self, connection: database.Connection) -> None:
        uploads = media.AsyncQuerier(connection)
        events = outbox.AsyncQuerier(connection)
        keys = idempotency.AsyncQuerier(connection)
        await self._repeat("upload", lambda: uploads.upload_sweep(most=BATCH_SIZE))
        await self._repeat(
            "event", lambda: events.outbox_prune(older_than=RETENTION, most=BATCH_SIZE)
        )
        await self._repeat("idempotency_key", lambda: keys.idempotency_key_prune(most=BATCH_SIZE))
        self._outages.recover("postgres")
        # Last, because an outage of S3 ends the sweep.
        await self._repeat("object", lambda: self._delete_objects(uploads))
        await self._find_strays(uploads)
        self._outages.recover("s3")

    def _pause_seconds(self) -> float:
        return self._interval_seconds

    async def _repeat(self, kind: str, batch: Callable[[], Awaitable[int | None]]) -> None:
        """Runs batches until one is empty."""
        swept = 0
        while not self._stop.is_set() and (done := await batch()):
            self._metrics.record_heartbeat()
            swept += done
            self._metrics.swept.labels(kind).inc(done)
        if swept:
            self._log.info("swept", kind=kind, count=swept)

    async def _delete_objects(self, querier: media.AsyncQuerier) -> int:
        """Deletes orphaned objects from the bucket, then their rows."""
        keys = [
            orphaned.key
            async for orphaned in querier.orphaned_object_find(most=BATCH_SIZE)
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
        """Marks stray objects of the bucket as orphaned, STRAY_CHECKS times in STRAY_SECONDS."""
        now = time.monotonic()
        interval = self._stray_seconds / STRAY_CHECKS
        if self._checked_at is not None and now - self._checked_at < interval:
            return
        age = datetime.timedelta(seconds=self._stray_seconds)
        since = datetime.datetime.now(datetime.UTC) - age
        for keys in _batches(await self._bucket.list_older(UPLOADS, since)):
            self._metrics.record_heartbeat()
            if orphaned := await querier.orphaned_object_mark(keys=keys):
                self._log.info("strays found", count=orphaned)
        self._checked_at = now


def _batches(keys: list[str]) -> Iterator[list[str]]:
    for start in range(0, len(keys), BATCH_SIZE):
        yield keys[start : start + BATCH_SIZE]


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
