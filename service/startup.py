"""Startup and shutdown of a server process: opens and closes its parts."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Final, TypedDict

from starlette.types import ASGIApp

from common import (
    cancellation,
    database,
    opensearch_client,
    optional_store,
    redis_client,
    s3,
    telemetry,
)
from common import settings as configuration
from service.http import authentication, context, idempotency, rate_limit
from service.media import signed_urls
from service.operations import health, request_metrics, schema_check
from service.realtime import sockets
from service.search import candidates

PROBE_TIMEOUT_SECONDS: Final = 1.5
POOL_SAMPLE_SECONDS: Final = 1.0


class State(TypedDict):
    """State that the lifespan gives to each request. `entry` is the application behind CORS."""

    context: context.Context
    sockets: sockets.Sockets
    entry: ASGIApp


@contextlib.asynccontextmanager
async def opened(
    settings: configuration.ServiceSettings,
) -> AsyncIterator[tuple[context.Context, sockets.Sockets]]:
    """Opens the parts of a server. Backing stores may be down."""
    client = s3.connect(settings, PROBE_TIMEOUT_SECONDS)
    opensearch = opensearch_client.connect(
        settings.opensearch_url.get_secret_value(), PROBE_TIMEOUT_SECONDS
    )
    authenticator, measured = authentication.Authenticator(settings), request_metrics.Metrics()
    signer = signed_urls.Signer(client, settings.s3_bucket)
    async with (
        telemetry.opened(settings, "service") as tracer,
        database.open_pool(settings, tracer.cursor() if tracer else None) as pool,
        redis_client.connect(
            settings.redis_url.get_secret_value(), optional_store.TIMEOUT_SECONDS
        ) as cache,
        _sampled(pool, measured),
        sockets.opened(settings, pool, authenticator, signer, measured, tracer) as live,
    ):
        parts = context.Context(
            pool=pool,
            authenticator=authenticator,
            answer_cache=idempotency.AnswerCache(cache),
            limiter=_limiter(settings),
            signer=signer,
            bucket=s3.Bucket(s3.connect(settings, s3.TIMEOUT_SECONDS), settings.s3_bucket),
            search=candidates.Search(settings),
            metrics=measured,
            tracer=tracer,
            health=health.Health(
                {
                    "postgres": health.probe_postgres(pool),
                    "rulebook": schema_check.SchemaCheck(pool).run,
                    "redis": health.probe_redis(cache),
                    "s3": health.probe_s3(client, settings.s3_bucket),
                    "opensearch": health.probe_opensearch(opensearch),
                }
            ),
            settings=settings,
        )
        yield parts, live


@contextlib.asynccontextmanager
async def _sampled(pool: database.Pool, measured: request_metrics.Metrics) -> AsyncIterator[None]:
    """Samples the connection pool for the metrics, until the block ends."""

    async def sample() -> None:
        while True:
            found = pool.get_stats()
            measured.set_pool(
                found["pool_size"], found["pool_available"], found["requests_waiting"]
            )
            await asyncio.sleep(POOL_SAMPLE_SECONDS)

    sampling = asyncio.create_task(sample())
    try:
        yield
    finally:
        await cancellation.cancel_all(sampling)


def _limiter(settings: configuration.ServiceSettings) -> rate_limit.Limiter | None:
    if settings.rate_limit == "off":
        return None
    return rate_limit.Limiter(settings.rate_limit, settings.redis_url.get_secret_value())
