"""A new index, filled from the tables: `search reindex`, and whatever an indexer finds missing.

No write is lost meanwhile, and nobody waits: the new index gets its alias for writing before the
first row is read, and an indexer looks for these aliases after it has claimed its events. So a
change is either there when its row is read, or its event is claimed after that and written to the
new index, too. That is simpler than a second pass, which would have to know what is new: versions
are given before they are committed, so "newer than at the start" would miss some.
"""

import uuid
from typing import Final

from common import database
from gen.jobs import search
from workers.index import index

PAGE: Final = 1000
KINDS: Final = ("group", "post", "comment")


class Rebuild:
    """Rebuild in progress. A StoreUnavailable ends it and leaves its state unknown."""

    def __init__(self, target: index.Index, name: str) -> None:
        self._target = target
        self._kinds = list(KINDS)
        self._after: uuid.UUID | None = None
        self.name = name
        self.written = 0
        self.refused: dict[str, str] = {}

    @classmethod
    async def begin(cls, target: index.Index) -> "Rebuild":
        """Makes the new index. Raises StoreUnavailable, as all here."""
        return cls(target, await target.create())

    async def abandon(self) -> None:
        """Removes the new index, which nothing reads yet."""
        await self._target.remove(self.name)

    async def step(self, connection: database.Connection) -> bool:
        """Puts one page of rows into the new index; the last step publishes it, and says so."""
        querier = search.AsyncQuerier(connection)
        kind = self._kinds[0]
        rows = [
            row
            async for row in querier.search_document_find(kind=kind, after=self._after, most=PAGE)
        ]
        documents = [
            index.Document(
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
