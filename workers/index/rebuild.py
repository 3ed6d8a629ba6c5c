"""Rebuild of the index from the tables, by `search reindex` or by an indexer that finds none.

Writers continue, and no write is lost. The new index has its write alias before the first row is
read. An indexer reads these aliases after it has claimed its events. So either the row is read
after the change, or the event is claimed later and also written to the new index.

A second pass over newer rows would miss some, since versions are assigned before their commit.
"""

import uuid
from typing import Final

from common import database
from gen.jobs import search
from workers.index import search_index

PAGE: Final = 1000
KINDS: Final = ("group", "post", "comment")


class Rebuild:
    """Rebuild in progress. A StoreUnavailable ends it and leaves its state unknown."""

    def __init__(self, target: search_index.Index, name: str) -> None:
        self._target = target
        self._kinds = list(KINDS)
        self._after: uuid.UUID | None = None
        self.name = name
        self.written = 0
        self.refused: dict[str, str] = {}

    @classmethod
    async def begin(cls, target: search_index.Index) -> "Rebuild":
        """Creates the new index. Raises StoreUnavailable, as the other methods do."""
        return cls(target, await target.create())

    async def abandon(self) -> None:
        """Deletes the new index, which search does not read yet."""
        await self._target.delete(self.name)

    async def step(self, connection: database.Connection) -> bool:
        """Writes one page of rows to the new index.

        Returns True after the last one, which publishes it.
        """
        querier = search.AsyncQuerier(connection)
        kind = self._kinds[0]
        rows = [
            row
            async for row in querier.search_document_find(kind=kind, after=self._after, most=PAGE)
        ]
        documents = [
            search_index.Document(
                kind=kind, id=str(row.id), version=row.version or 0, source=bytes(row.document)
            )
            for row in rows
        ]
        self.refused |= await self._target.put([f"{self.name}-write"], documents)
        self.written += len(rows)
        if len(rows) == PAGE:
            self._after = rows[-1].id
            return False
        self._kinds.pop(0)
        self._after = None
        if self._kinds:
            return False
        await self._target.publish(self.name)
        return True
