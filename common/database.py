"""Connections to PostgreSQL: a pool, and leases of one connection. JSON stays text."""

import contextlib
import select
from collections.abc import AsyncIterator
from typing import Any, Final

import orjson
import psycopg
import psycopg_pool
from psycopg import abc, pq
from psycopg.types import json

from common import settings

Connection = psycopg.AsyncConnection[Any]
Pool = psycopg_pool.AsyncConnectionPool[Connection]

ROLE: Final = "communities_service"
CONNECT_TIMEOUT_SECONDS: Final = 3
POOL_TIMEOUT_SECONDS: Final = 3.0
STATEMENT_TIMEOUT: Final = "10s"
# The pool retries this long after a lost connection; then each request tries.
RECONNECT_TIMEOUT_SECONDS: Final = 1.0
# A longer queue could not be served within the timeout.
MAX_WAITING_PER_CONNECTION: Final = 100
# Errors of a statement during an upgrade of `api`: an object is missing or has another type.
SCHEMA_CHANGE_STATES: Final = frozenset({"XX000", "0A000", "3F000", "42883", "42P01", "42704"})
OPTIONS: Final[dict[str, Any]] = {
    "prepare_threshold": 0,
    "client_encoding": "UTF8",
    "connect_timeout": CONNECT_TIMEOUT_SECONDS,
}


class JsonText(psycopg.adapt.Loader):
    """Loader that keeps JSON as the bytes that PostgreSQL sent. Answers contain it unparsed."""

    def load(self, data: abc.Buffer) -> bytes:
        return bytes(data)


class JsonBinary(JsonText):
    format = pq.Format.BINARY


@contextlib.asynccontextmanager
async def open_pool(
    configuration: settings.ServiceSettings, cursor: type[psycopg.AsyncCursor[Any]] | None = None
) -> AsyncIterator[Pool]:
    """Yields a pool that also starts, waits and recovers when the database is down."""
    size = configuration.db_pool_size
    pool = psycopg_pool.AsyncConnectionPool(
        configuration.database_url.get_secret_value(),
        connection_class=Connection,
        kwargs={
            "autocommit": True,
            **OPTIONS,
            "application_name": "communities-service",
            **({"cursor_factory": cursor} if cursor else {}),
        },
        configure=_prepare,
        min_size=size,
        max_size=size,
        max_waiting=size * MAX_WAITING_PER_CONNECTION,
        timeout=POOL_TIMEOUT_SECONDS,
        reconnect_timeout=RECONNECT_TIMEOUT_SECONDS,
        open=False,
    )
    await pool.open()
    try:
        yield pool
    finally:
        await pool.close()


class Lease:
    """At most one connection for one request, leased at its first use."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._connection: Connection | None = None

    async def connection(self) -> Connection:
        """Returns a connection that the server has not closed.

        Raises OperationalError when none is free in time.
        """
        while self._connection is None:
            self._connection = await self._pool.getconn()
            if _is_closed(self._connection):
                await self._connection.close()
                await self.release()
        return self._connection

    async def discard(self) -> None:
        """Closes the leased connection, if there is one, so that it is not reused."""
        if self._connection is not None:
            await self._connection.close()

    async def release(self) -> None:
        """Returns the leased connection to the pool, if there is one."""
        if self._connection is not None:
            connection, self._connection = self._connection, None
            await self._pool.putconn(connection)


@contextlib.asynccontextmanager
async def leased(pool: Pool) -> AsyncIterator[Lease]:
    """Yields a lease for the duration of the block."""
    lease = Lease(pool)
    try:
        yield lease
    except psycopg.errors.FeatureNotSupported:
        # An upgrade changed the result type of a statement that this connection has prepared.
        await lease.discard()
        raise
    finally:
        await lease.release()


@contextlib.asynccontextmanager
async def connection(pool: Pool) -> AsyncIterator[Connection]:
    """Yields a connection for the block. Raises OperationalError when none is free in time."""
    async with leased(pool) as lease:
        yield await lease.connection()


def is_lost(error: psycopg.Error) -> bool:
    """Returns whether the connection is lost, so that a retry on another one may succeed."""
    if isinstance(error, psycopg_pool.PoolTimeout | psycopg_pool.TooManyRequests):
        return False
    state = error.sqlstate
    if state is None:
        return isinstance(error, psycopg.OperationalError | psycopg.InterfaceError)
    return state[:2] == "08" or state[:3] == "57P"


def is_conflict(error: psycopg.Error) -> bool:
    """Returns whether the statement lost a race, had no effect, and may be retried."""
    return (error.sqlstate or "")[:2] in ("40", "23")


def is_schema_change(error: psycopg.Error) -> bool:
    """Returns whether an upgrade replaced an object of the statement, which had no effect."""
    return error.sqlstate in SCHEMA_CHANGE_STATES


def _is_closed(connection: Connection) -> bool:
    # The server sends nothing to an idle connection, except when it closes it.
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN)
    return bool(poll.poll(0))


async def _prepare(connection: Connection) -> None:
    await prepare(connection, role=ROLE, statement_timeout=STATEMENT_TIMEOUT)


async def prepare(connection: Connection, *, role: str, statement_timeout: str) -> None:
    """Sets up a new connection. `statement_timeout` limits statements and idle transactions."""
    connection.adapters.register_loader("json", JsonText)
    connection.adapters.register_loader("json", JsonBinary)
    json.set_json_dumps(orjson.dumps, connection)
    await connection.execute(
        """
        select
          set_config('role', %s, false),
          set_config('timezone', 'UTC', false),
          set_config('statement_timeout', %s, false),
          set_config('idle_in_transaction_session_timeout', %s, false)
        """,
        [role, statement_timeout, statement_timeout],
    )
