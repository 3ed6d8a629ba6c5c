"""Indexer: writes the subjects of events to the search index.

It writes the current state of a subject under the version of its row, so writing it twice, late or
out of order is harmless. Implements rules 90.8 and 90.9.
"""

import contextlib
import time
from collections.abc import AsyncIterator, Sequence
from typing import Final

import structlog

from common import database, telemetry
from common import settings as configuration
from gen.jobs import models, search
from workers.index import rebuild, search_index
from workers.runtime import loop, metrics

NAME: Final = "indexer"
BATCH_SIZE: Final = 500
MAX_REBUILD_SECONDS: Final = 10.0  # of one turn, well below the liveness limit


class Indexer:
    """Consumer that writes to the index. Any number may run."""

    name = "search"

    def __init__(
        self,
        target: search_index.Index,
        measured: metrics.Metrics,
        tracer: telemetry.Tracer | None = None,
    ) -> None:
        self._target = target
        self._metrics = measured
        self._tracer = tracer
        self._log = structlog.get_logger().bind(consumer=self.name)
        self._rebuild: rebuild.Rebuild | None = None

    async def handle(self, connection: database.Connection) -> int:
        """Writes the next subjects.

        Raises StoreUnavailable when OpenSearch is down or overloaded.
        """
        querier = search.AsyncQuerier(connection)
        if self._rebuild is None:
            async with connection.transaction():
                tasks = [task async for task in querier.search_task_claim(most=BATCH_SIZE)]
                # Read after the claim: a rebuild that read older rows has its alias by then.
                aliases = await self._target.aliases()
                if aliases.readable:
                    with self._span(tasks):
                        return await self._write(querier, tasks, aliases.targets)
        return await self._fill(connection)

    def _span(
        self, tasks: Sequence[models.ApiSearchTask]
    ) -> contextlib.AbstractContextManager[None]:
        """Returns the span of a batch, linked to the spans of its events."""
        traceparents = [parent for task in tasks for parent in task.traceparents]
        if self._tracer is None or not traceparents:
            return contextlib.nullcontext()
        return self._tracer.batch("index", traceparents, {"communities.documents": len(tasks)})

    async def _write(
        self,
        querier: search.AsyncQuerier,
        tasks: Sequence[models.ApiSearchTask],
        targets: Sequence[str],
    ) -> int:
        if not tasks:
            return 0
        refused = await self._target.put(targets, [_document(task) for task in tasks])
        done: list[int] = []
        for task in tasks:
            error = refused.get(f"{task.kind}:{task.id}")
            if error is None:
                done += task.event_ids or []
                continue
            self._log.warning("document refused", kind=task.kind, id=str(task.id), error=error)
            self._metrics.failed.labels(self.name).inc()
            dead = await querier.search_event_fail(event_ids=task.event_ids or [], error=error)
            self._metrics.dead.labels(self.name).inc(dead or 0)
        await querier.search_event_finish(event_ids=done)
        # A failed attempt must not make the consumer idle while other events wait.
        return len(done) or len(tasks)

    async def _fill(self, connection: database.Connection) -> int:
        """Continues to rebuild a missing index, as after an empty start of OpenSearch."""
        ends = time.monotonic() + MAX_REBUILD_SECONDS
        # Kept only after a complete turn: an outage leaves the state of the index unknown.
        current, self._rebuild = self._rebuild, None
        if current is None:
            self._log.info("index missing, rebuild started")
            current = await rebuild.Rebuild.begin(self._target)
        while not await current.step(connection):
            if time.monotonic() > ends:
                self._rebuild = current
                return 1
        for key, error in current.refused.items():
            self._log.warning("document refused", key=key, error=error)
        self._log.info("index rebuilt", index=current.name, documents=current.written)
        return 1


def _document(task: models.ApiSearchTask) -> search_index.Document:
    assert task.kind is not None
    return search_index.Document(
        kind=task.kind, id=str(task.id), version=task.version or 0, source=bytes(task.document)
    )


@contextlib.asynccontextmanager
async def opened(
    settings: configuration.ServiceSettings,
    measured: metrics.Metrics,
    tracer: telemetry.Tracer | None,
) -> AsyncIterator[Indexer]:
    """Yields an indexer. OpenSearch may be down."""
    url = settings.opensearch_url.get_secret_value()
    yield Indexer(search_index.connect(url, settings.search_index), measured, tracer)


if __name__ == "__main__":
    loop.main(NAME, opened)
