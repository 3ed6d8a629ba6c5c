"""`communities search …`: the index in OpenSearch."""

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
    from workers.index import search_index

FIELDS: Final = ("kind", "id", "what", "table_version", "index_version")

app = typer.Typer(no_args_is_help=True, help="Build and verify the search index.")


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
            # Deletes the incomplete index, also after Ctrl-C.
            await current.abandon()
            raise
    refused = [{"key": key, "error": error} for key, error in current.refused.items()]
    row = {"index": current.name, "documents": current.written, "refused": refused}
    documents = output.counted(current.written, "document")
    output.result(json, row, f"{target.alias} is now {current.name} with {documents}")
    for each in refused:
        output.note(f"refused: {each['key']}: {each['error']}")
    if refused:
        raise Failure(f"OpenSearch refused {output.counted(len(refused), 'document')}.")


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
async def _opened() -> "AsyncIterator[tuple[database.Connection, search_index.Index]]":
    """Yields a connection with the rights of a worker, and the index."""
    import psycopg
    from opensearchpy import exceptions

    from common import database
    from common import settings as configuration
    from tools.instance import sessions, stack
    from workers.index import search_index
    from workers.runtime import connection as worker_connection

    settings = configuration.load(configuration.Settings)
    with stack.borrowed(settings, ["postgres", "opensearch"]) as running, sessions.explained():
        try:
            async with await psycopg.AsyncConnection[Any].connect(
                running.database_url, autocommit=True, **database.OPTIONS
            ) as connection:
                await database.prepare(
                    connection,
                    role=worker_connection.ROLE,
                    statement_timeout=worker_connection.STATEMENT_TIMEOUT,
                )
                target = search_index.connect(running.urls["OPENSEARCH_URL"], settings.search_index)
                yield connection, target
        except outages.StoreUnavailable as outage:
            cause = outage.__cause__ or outage
            if isinstance(cause, exceptions.NotFoundError):
                raise Failure(_no_index(settings)) from None
            raise Failure(f"{outage.store} is unavailable: {cause}") from None


def _no_index(settings: "configuration.Settings") -> str:
    remedy = "`communities search reindex` builds it."
    if settings.opensearch_url is None:
        remedy = "The embedded OpenSearch keeps it in memory; `communities run` builds it."
    return f"There is no index {settings.search_index}. {remedy}"
