"""Index in OpenSearch that a test fills from its own database."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlsplit

import psycopg

from common import database
from workers import indexer
from workers.index import rebuild, search_index, verify
from workers.runtime import connection as worker_connection
from workers.runtime import metrics

T = TypeVar("T")


def alias_of(database_url: str) -> str:
    """Returns the alias of the index that belongs to a test's own database."""
    return urlsplit(database_url).path.strip("/")


@dataclass(frozen=True)
class Indexing:
    """Index of one database, with an indexer that runs in the test's process."""

    database_url: str
    opensearch_url: str

    @property
    def alias(self) -> str:
        return alias_of(self.database_url)

    def rebuild(self) -> dict[str, str]:
        """Fills a new index. Returns the refused documents."""

        async def run(
            connection: database.Connection, target: search_index.Index
        ) -> dict[str, str]:
            current = await rebuild.Rebuild.begin(target)
            while not await current.step(connection):
                pass
            return current.refused

        return self.run(run)

    def drain(self, measured: metrics.Metrics | None = None) -> int:
        """Indexes all waiting events. Returns their number."""

        async def run(connection: database.Connection, target: search_index.Index) -> int:
            consumer = indexer.Indexer(target, measured or metrics.Metrics())
            done = 0
            while count := await consumer.handle(connection):
                done += count
            await target.refresh()
            return done

        return self.run(run)

    def differences(self) -> list[verify.Difference]:
        """Returns the differences that `search verify` reports."""

        async def run(
            connection: database.Connection, target: search_index.Index
        ) -> list[verify.Difference]:
            return [each async for each in verify.differences(connection, target)]

        return self.run(run)

    def aliases(self) -> search_index.Aliases:
        return self.run(lambda _connection, target: target.aliases())

    def put(self, **document: Any) -> dict[str, str]:
        """Writes a document directly, without an event."""
        written = search_index.Document(**document)

        async def run(
            _connection: database.Connection, target: search_index.Index
        ) -> dict[str, str]:
            refused = await target.put((await target.aliases()).targets, [written])
            await target.refresh()
            return refused

        return self.run(run)

    def drop(self) -> None:
        self.run(lambda _connection, target: target.drop())

    def run(self, work: Callable[[database.Connection, search_index.Index], Awaitable[T]]) -> T:
        """Runs work on the index and on a connection with a worker's rights."""

        async def run() -> T:
            connection = await psycopg.AsyncConnection[Any].connect(
                self.database_url, autocommit=True, **database.OPTIONS
            )
            async with connection:
                await database.prepare(
                    connection,
                    role=worker_connection.ROLE,
                    statement_timeout=worker_connection.STATEMENT_TIMEOUT,
                )
                return await work(connection, search_index.connect(self.opensearch_url, self.alias))

        return asyncio.run(run())
