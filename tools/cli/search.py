"""`communities search …`: the index that search asks."""

import asyncio
import contextlib
import dataclasses
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any, Final

import typer

from common import outages
from tools import output
from tools.failure import Failure

if TYPE_CHECKING:
    from common import database
    from common import settings as configuration
    from workers.index import index

FIELDS: Final = ("kind", "id", "what", "table_version", "index_version")

app = typer.Typer(no_args_is_help=True, help="Build and check the index that search asks.")


@app.command()
def reindex(json: output.Json = False) -> None:
    """Builds a new index from the tables and swaps it in; no write is missed.

    Example: communities search reindex
    """
    asyncio.run(_reindex(json))


@app.command()
def verify(json: output.Json = False) -> None:
    """Lists the differences between the tables and the index; exit 1 if there is one.

    Example: communities search verify --json | head
    """
    raise SystemExit(1 if asyncio.run(_verify(json)) else 0)


async def _reindex(json: bool) -> None:
    from tools import progress
    from workers.index import rebuild

    async with _opened() as (connection, target):
        current = await rebuild.Rebuild.begin(target)
        try:
            with progress.count(current.name, "documents") as advance:
                over, written = False, 0
                while not over:
                    over = await current.step(connection)
                    advance(current.written - written)
                    written = current.written
        except BaseException:
            # Interrupted, it leaves no half of an index behind.
            await current.abandon()
            raise
    refused = [{"key": key, "error": error} for key, error in current.refused.items()]
    output.result(
        json,
        {"index": current.name, "documents": current.written, "refused": refused},
        f"{target.alias} is {current.name} now, with {output.counted(current.written, 'document')}",
    )
    for each in refused:
        output.note(f"refused: {each['key']}: {each['error']}")
    if refused:
        raise Failure(
            output.counted(len(refused), "document was refused", "documents were refused")
        )


async def _verify(json: bool) -> int:
    from tools import progress
    from workers.index import verify

    count = 0
    with progress.count("compared", "rows") as advance:
        async with _opened() as (connection, target):
            with output.rows(json, FIELDS, none="no difference") as add:
                async for difference in verify.differences(connection, target, seen=advance):
                    count += 1
                    add(dataclasses.asdict(difference))
    if count:
        output.note(output.counted(count, "difference"))
    return count


@contextlib.asynccontextmanager
async def _opened() -> "AsyncIterator[tuple[database.Connection, index.Index]]":
    """Yields a connection with a worker's rights, and the index."""
    import psycopg
    from opensearchpy import exceptions

    from common import database
    from common import settings as configuration
    from tools.instance import sessions, stack
    from workers.index import index
    from workers.runtime import connection as worker_connection

    settings = configuration.load(configuration.Settings)
    with stack.borrowed(settings, ["postgres", "opensearch"]) as running, sessions.explained():
        try:
            connection = await psycopg.AsyncConnection[Any].connect(
                running.database_url, autocommit=True, **database.OPTIONS
            )
            async with connection:
                await database.prepare(
                    connection,
                    role=worker_connection.ROLE,
                    statement_timeout=worker_connection.STATEMENT_TIMEOUT,
                )
                target = index.connect(running.urls["OPENSEARCH_URL"], settings.search_index)
                yield connection, target
        except outages.StoreUnavailable as outage:
            cause = outage.__cause__ or outage
            if isinstance(cause, exceptions.NotFoundError):
                raise Failure(_no_index(settings)) from None
            raise Failure(f"{outage.store} is away: {cause}") from None


def _no_index(settings: "configuration.Settings") -> str:
    todo = "`communities search reindex` builds it"
    if settings.opensearch_url is None:
        todo = "the embedded one lives in memory, `communities run` fills it"
    return f"there is no index {settings.search_index}: {todo}"
