"""ASGI application: each request calls one function of the rulebook and returns its answer."""

import contextlib
import os
from collections.abc import AsyncIterator

import psycopg
import structlog
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from common import logs, outages, telemetry
from common import settings as configuration
from service import routes, startup
from service.http import middleware, problems
from service.operations import draining
from service.realtime import sockets


@contextlib.asynccontextmanager
async def lifespan(app: Starlette) -> AsyncIterator[startup.State]:
    settings = _settings()
    telemetry.configure_logs(settings)
    async with startup.opened(settings) as (parts, live):
        drain = draining.Drain(parts.health.drain, live.leave)
        with drain.on_term(settings.drain_seconds):
            yield {"context": parts, "sockets": live, "entry": _entry(app, settings)}


def _entry(app: Starlette, settings: configuration.ServiceSettings) -> ASGIApp:
    """Wraps the application so that pages of the listed origins may call it (rule 00.27)."""
    if not settings.cors_origins:
        return app
    # Tokens grant access, and cookies do not, so credentials are not allowed.
    return CORSMiddleware(
        app,
        allow_origins=settings.cors_origins,
        allow_methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
        allow_headers=["Authorization", "Content-Type", "Idempotency-Key", "X-Request-ID"],
        expose_headers=["Idempotency-Replayed", "Location", "Retry-After", "X-Request-ID"],
        max_age=600,
    )


def _settings() -> configuration.ServiceSettings:
    try:
        return configuration.load(configuration.ServiceSettings)
    except configuration.SettingsError as error:
        structlog.get_logger().critical(str(error))
        # The server would log a traceback for an exception.
        os._exit(1)


def create_app() -> ASGIApp:
    """Returns the ASGI application, which reads its settings when it starts."""
    logs.configure()
    http = Starlette(
        routes=routes.table(),
        middleware=[Middleware(middleware.Observation)],
        exception_handlers={
            problems.Problem: problems.handle_problem,
            psycopg.Error: problems.handle_database_error,
            outages.StoreUnavailable: problems.handle_store_unavailable,
            HTTPException: problems.handle_http_exception,
        },
        lifespan=lifespan,
    )
    # A path with a trailing slash is another path.
    http.router.redirect_slashes = False

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        # Before all middleware, because sockets need the transport of their connection.
        if scope["type"] == "lifespan":
            await http(scope, receive, send)
        elif f"{scope['path']}/".startswith(f"{sockets.PATH}/"):
            await scope["state"]["sockets"](scope, receive, send)
        else:
            await scope["state"]["entry"](scope, receive, send)

    return app


app = create_app()
