"""Health of the process and of each backing store. Implements rule 00.28."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

import minio
import opensearchpy
import psycopg
import structlog
from redis import asyncio as redis

from common import blocking_calls, database

TIMEOUT_SECONDS: Final = 2.0

Probe = Callable[[], Awaitable[object]]


class Health:
    """Probes of the backing stores."""

    def __init__(self, probes: Mapping[str, Probe]) -> None:
        self._probes = probes
        self.draining = False

    def drain(self) -> None:
        """Makes /readyz fail, so that the process receives no more requests."""
        self.draining = True

    async def check(self) -> dict[str, bool]:
        """Probes all stores concurrently. Returns whether each is ready, by name."""
        answers = await asyncio.gather(*(self._probe(*probe) for probe in self._probes.items()))
        return dict(zip(self._probes, answers, strict=True))

    async def _probe(self, store: str, probe: Probe) -> bool:
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                await probe()
        # Any error of a client library means that the store is not ready.
        except Exception as error:
            reason = error.diag.message_primary if isinstance(error, psycopg.Error) else None
            structlog.get_logger().warning(
                "store not ready", store=store, error=type(error).__name__, reason=reason
            )
            return False
        return True


def probe_postgres(pool: database.Pool) -> Probe:
    async def probe() -> None:
        async with database.connection(pool) as connection:
            await connection.execute("select 1")

    return probe


def probe_redis(client: redis.Redis) -> Probe:
    return client.ping


def probe_s3(client: minio.Minio, bucket: str) -> Probe:
    calls = blocking_calls.BlockingCalls("s3")

    def exists() -> None:
        if not client.bucket_exists(bucket):
            raise LookupError(bucket)

    return lambda: calls.run(exists)


def probe_opensearch(client: opensearchpy.OpenSearch) -> Probe:
    calls = blocking_calls.BlockingCalls("opensearch")
    return lambda: calls.run(client.info)
