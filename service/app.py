"""The service: HTTP in, one statement to the rulebook, its answer out."""

import contextlib
import os
from collections.abc import AsyncIterator

import psycopg
import structlog
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware

from service import logs, middleware, problems, routes, state
from service import settings as configuration


@contextlib.asynccontextmanager
async def lifespan(_app: Starlette) -> AsyncIterator[state.State]:
    settings = _settings()
    logs.configure(settings.log_level)
    async with state.opened(settings) as service:
        yield {"service": service}


def _settings() -> configuration.ServiceSettings:
    try:
        return configuration.load(configuration.ServiceSettings)
    except configuration.SettingsError as error:
        structlog.get_logger().critical(str(error))
        # One clear line; the server would log a page of traceback for an exception.
        os._exit(1)


def create_app() -> Starlette:
    """The ASGI application; its settings are read when it starts."""
    logs.configure()
    app = Starlette(
        routes=routes.table(),
        middleware=[Middleware(middleware.Observation)],
        exception_handlers={
            problems.Problem: problems.handle_problem,
            psycopg.Error: problems.handle_database_error,
            HTTPException: problems.handle_http_exception,
        },
        lifespan=lifespan,
    )
    # A path with a slash too many is another path.
    app.router.redirect_slashes = False
    return app


app = create_app()
