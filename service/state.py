"""What a server process holds while it runs, opened at its start and closed at its end."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final, TypedDict

import opensearchpy
from redis import asyncio as redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from starlette.types import ASGIApp, Scope

from service import (
    auth,
    breaker,
    bucket,
    database,
    health,
    idempotency,
    media,
    metrics,
    rate_limit,
    rulebook,
    search,
    tasks,
    telemetry,
)
from service import settings as configuration
from service.realtime import sockets

PROBE_TIMEOUT: Final = 1.5  # seconds
SAMPLED_EVERY: Final = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """The parts that handlers and middleware use."""

    pool: database.Pool
    authenticator: auth.Authenticator
    copies: idempotency.Copies
    limiter: rate_limit.Limiter | None
    signer: media.Signer
    bucket: bucket.Bucket
    search: search.Search
    metrics: metrics.Metrics
    health: health.Health
    sockets: sockets.Sockets
    # None where nobody traces.
    tracer: telemetry.Tracer | None
    settings: configuration.ServiceSettings


class State(TypedDict):
    """What the lifespan gives to each request; `entry` is where a request of HTTP goes in."""

    service: Service
    entry: ASGIApp


def of(scope: Scope) -> Service:
    """The service that answers the request of this scope."""
    service: Service = scope["state"]["service"]
    return service


@contextlib.asynccontextmanager
async def opened(settings: configuration.ServiceSettings) -> AsyncIterator[Service]:
    """A service that has its parts, whether or not the backing stores are up."""
    s3 = bucket.connect(settings, PROBE_TIMEOUT)
    opensearch = opensearchpy.OpenSearch(
        settings.opensearch_url.get_secret_value(), timeout=PROBE_TIMEOUT, max_retries=0
    )
    authenticator, measured = auth.Authenticator(settings), metrics.Metrics()
    signer = media.Signer(s3, settings.s3_bucket)
    async with (
        telemetry.opened(settings, "service") as tracer,
        database.open_pool(settings, tracer.cursor() if tracer else None) as pool,
        _redis(settings) as cache,
        _sampled(pool, measured),
        sockets.opened(settings, pool, authenticator, signer, measured, tracer) as live,
    ):
        yield Service(
            pool=pool,
            authenticator=authenticator,
            copies=idempotency.Copies(cache),
            limiter=_limiter(settings),
            signer=signer,
            bucket=bucket.Bucket(bucket.connect(settings, bucket.TIMEOUT), settings.s3_bucket),
            search=search.Search(settings),
            metrics=measured,
            sockets=live,
            tracer=tracer,
            health=health.Health(
                {
                    "postgres": health.probe_postgres(pool),
                    "rulebook": rulebook.Rulebook(pool).check,
                    "redis": health.probe_redis(cache),
                    "s3": health.probe_s3(s3, settings.s3_bucket),
                    "opensearch": health.probe_opensearch(opensearch),
                }
            ),
            settings=settings,
        )


@contextlib.asynccontextmanager
async def _sampled(pool: database.Pool, measured: metrics.Metrics) -> AsyncIterator[None]:
    """Looks at the pool now and then, for the metrics."""

    async def sample() -> None:
        while True:
            found = pool.get_stats()
            measured.set_pool(
                found["pool_size"], found["pool_available"], found["requests_waiting"]
            )
            await asyncio.sleep(SAMPLED_EVERY)

    sampling = asyncio.create_task(sample())
    try:
        yield
    finally:
        await tasks.end(sampling)


def _redis(settings: configuration.ServiceSettings) -> redis.Redis:
    return redis.Redis.from_url(
        settings.redis_url.get_secret_value(),
        socket_timeout=breaker.PATIENCE,
        socket_connect_timeout=breaker.PATIENCE,
        retry=Retry(NoBackoff(), 0),
    )


def _limiter(settings: configuration.ServiceSettings) -> rate_limit.Limiter | None:
    if settings.rate_limit == "off":
        return None
    return rate_limit.Limiter(settings.rate_limit, settings.redis_url.get_secret_value())
