"""Health checks and metrics of a server process."""

import asyncio

import orjson
import prometheus_client
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from service.http import context, endpoints
from service.reference import shapes


async def live(_request: Request) -> Response:
    """Returns 200 as long as the process runs."""
    return _json(200, {"status": "ok"})


async def ready(request: Request) -> Response:
    """Returns the status of each backing store by name.

    The answer is 503 when one is down, when the process is draining, or when the database lacks a
    function that the service calls. In the last case, `rulebook` is `error` as well.
    """
    health = context.of(request.scope).health
    stores = await health.check()
    states = {store: "ok" if is_ready else "error" for store, is_ready in stores.items()}
    if states["rulebook"] == "ok" or states["postgres"] == "error":
        # It is not a store, and is named only when PostgreSQL itself works.
        del states["rulebook"]
    status = "draining" if health.draining else "ok" if all(stores.values()) else "error"
    return _json(200 if status == "ok" else 503, {"status": status, **states})


async def metrics(request: Request) -> Response:
    """Returns the metrics of all processes of the instance, for Prometheus."""
    text = await asyncio.to_thread(context.of(request.scope).metrics.text)
    return Response(text, media_type=prometheus_client.CONTENT_TYPE_LATEST)


def _json(status: int, body: dict[str, str]) -> Response:
    return Response(orjson.dumps(body), status, media_type="application/json")


def routes() -> list[Route]:
    """Returns the routes for operators, outside the base path of the API."""
    health = {200: shapes.Health, 503: shapes.Health}
    probes = {
        "/healthz": endpoints.OperatorEndpoint(
            handler=live, answers={200: shapes.Health}, example='{"status":"ok"}'
        ),
        "/readyz": endpoints.OperatorEndpoint(
            handler=ready, answers=health, example=shapes.READY_EXAMPLE
        ),
        "/metrics": endpoints.OperatorEndpoint(
            handler=metrics, answers={200: None}, example="communities_sockets 3.0"
        ),
    }
    return [Route(path, probe, methods=["GET"]) for path, probe in probes.items()]
