"""Comparison of the index with the tables, by ids and versions in both directions."""

import uuid
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Final

from common import database
from gen.jobs import search
from workers.index import rebuild, search_index

PAGE: Final = 1000
_LEAST: Final = str(uuid.UUID(int=0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """State of a row, in the tables or in the index."""

    id: str
    version: int
    deleted: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """Difference between the tables and the index. A version is None where the row is missing."""

    kind: str
    id: str
    what: str
    table_version: int | None
    index_version: int | None


async def differences(
    connection: database.Connection,
    target: search_index.Index,
    seen: Callable[[int], None] = lambda _count: None,
) -> AsyncIterator[Difference]:
    """Yields every difference in the order of ids, reading both sides page by page.

    Changes in flight count as differences, too. `seen` receives the number of newly compared ids.
    """
    await target.refresh()
    for kind in rebuild.KINDS:
        rows, hits = _rows(connection, kind), _hits(target, kind)
        row, hit = await anext(rows, None), await anext(hits, None)
        while row or hit:
            seen(1)
            first = min(entry.id for entry in (row, hit) if entry)
            in_table = row if row and row.id == first else None
            in_index = hit if hit and hit.id == first else None
            if what := _compared(in_table, in_index):
                yield Difference(
                    kind=kind,
                    id=first,
                    what=what,
                    table_version=in_table.version if in_table else None,
                    index_version=in_index.version if in_index else None,
                )
            if in_table:
                row = await anext(rows, None)
            if in_index:
                hit = await anext(hits, None)


def _compared(row: Entry | None, hit: Entry | None) -> str | None:
    if row is None:
        # A purged row may leave its tombstone in the index.
        return None if hit is None or hit.deleted else "is not in the tables"
    if hit is None:
        return "is not in the index"
    if hit.version != row.version:
        return f"is {'older' if hit.version < row.version else 'newer'} in the index"
    if hit.deleted != row.deleted:
        return f"is {'deleted' if hit.deleted else 'not deleted'} in the index"
    return None


async def _rows(connection: database.Connection, kind: str) -> AsyncIterator[Entry]:
    querier = search.AsyncQuerier(connection)
    after: uuid.UUID | None = None
    while True:
        count = 0
        async for row in querier.search_document_find(kind=kind, after=after, most=PAGE):
            assert row.id is not None
            after, count = row.id, count + 1
            yield Entry(id=str(row.id), version=row.version or 0, deleted=bool(row.deleted))
        if count < PAGE:
            return


async def _hits(target: search_index.Index, kind: str) -> AsyncIterator[Entry]:
    after = _LEAST
    while True:
        hits = await target.scan(kind, after, PAGE)
        for hit in hits:
            after = hit["_id"].partition(":")[2]
            yield Entry(id=after, version=hit["_version"], deleted=hit["_source"]["deleted"])
        if len(hits) < PAGE:
            return
