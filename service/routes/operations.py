"""What operators ask of a process: does it live, is it ready, what has it done."""

import asyncio

import orjson
import prometheus_client
from starlette.requests import Request
from starlette.responses import Response

from service.http import context


async def live(_request: Request) -> Response:
    """GET /healthz: the process answers."""
    return _words(200, {"status": "ok"})


async def ready(request: Request) -> Response:
    """GET /readyz: each backing store by name; 503 when one is not there, when the database lacks
    functions that are called (then `rulebook` is named, too), and when the process is to stop.
    """
    health = context.of(request.scope).health
    stores = await health.check()
    words = {store: "ok" if well else "error" for store, well in stores.items()}
    if words["rulebook"] == "ok" or words["postgres"] == "error":
        # It is no store: named only where it alone is what is missing.
        del words["rulebook"]
    status = "draining" if health.draining else "ok" if all(stores.values()) else "error"
    return _words(200 if status == "ok" else 503, {"status": status, **words})


async def metrics(request: Request) -> Response:
    """GET /metrics, for Prometheus."""
    text = await asyncio.to_thread(context.of(request.scope).metrics.text)
    return Response(text, media_type=prometheus_client.CONTENT_TYPE_LATEST)


def _words(status: int, words: dict[str, str]) -> Response:
    return Response(orjson.dumps(words), status, media_type="application/json")
