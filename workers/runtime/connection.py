"""Connections of workers to PostgreSQL, which detect a lost server by keepalives."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any, Final

import psycopg

from common import database
from common import settings as configuration

ROLE: Final = "communities_worker"
# For a statement, and for a transaction that waits for another store.
STATEMENT_TIMEOUT: Final = "30s"
_KEEPALIVE: Final[dict[str, Any]] = {
    "keepalives_idle": 5,  # seconds
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,  # milliseconds
}


@contextlib.asynccontextmanager
async def opened(
    settings: configuration.ServiceSettings, name: str
) -> AsyncIterator[database.Connection]:
    """Yields a new connection in autocommit mode.

    Raises psycopg.OperationalError or TimeoutError when the server does not answer.
    """
    connection = await psycopg.AsyncConnection[Any].connect(
        settings.database_url.get_secret_value(),
        autocommit=True,
        application_name=f"communities-{name}",
        **database.OPTIONS,
        **_KEEPALIVE,
    )
    try:
        async with asyncio.timeout(database.CONNECT_TIMEOUT_SECONDS):
            await database.prepare(connection, role=ROLE, statement_timeout=STATEMENT_TIMEOUT)
        yield connection
    finally:
        await connection.close()
