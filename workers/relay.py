"""Relay: publishes events from the outbox to the Redis streams, each once and in order.

The relay commits the position of an event before it publishes the event there. Redis refuses a
position that it already has, so a relay may crash after publishing: the next one finds the event in
its stream. Another event there means that the database was restored from an older backup. The relay
then moves the sequence past the streams. Implements rules 06.7 and 06.8.
"""

import contextlib
import itertools
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from typing import Final

import orjson
import structlog
from redis import asyncio as redis

from common import database, outages, redis_client, streams, telemetry
from common import settings as configuration
from gen.jobs import models, outbox
from workers.runtime import loop, metrics

BATCH_SIZE: Final = 1000
MAX_SEQUENCED: Final = 10_000
TIMEOUT_SECONDS: Final = 5.0  # for one batch

Entry = models.ApiStreamEntry


class Relay:
    """Consumer that publishes to the streams. Relays take turns by a lock on the sequence."""

    name = "streams"

    def __init__(self, client: redis.Redis, tracer: telemetry.Tracer | None = None) -> None:
        self._redis = client
        self._feed = streams.Feed(client)
        self._tracer = tracer
        self._log = structlog.get_logger().bind(consumer=self.name)

    async def handle(self, connection: database.Connection) -> int:
        """Publishes the next events. Raises StoreUnavailable when Redis is down or refuses them."""
        querier = outbox.AsyncQuerier(connection)
        await querier.event_sequence(most=MAX_SEQUENCED)
        async with connection.transaction():
            entries = [entry async for entry in querier.stream_entry_claim(most=BATCH_SIZE)]
            if not entries:
                return 0
            with _outages():
                top = await self._feed.top()
                repeats = await self._repeats(entries, top)
                is_foreign = len(repeats) < len(entries) and _position(entries[len(repeats)]) <= top
                if not is_foreign:
                    await self._publish(entries[len(repeats) :])
            done = repeats if is_foreign else entries
            await querier.stream_entry_finish(event_ids=[entry.event_id for entry in done])
            if is_foreign:
                await querier.stream_sequence_raise(top=top)
                self._log.warning("sequence raised above foreign events", top=top)
        # After a raise, the same events wait again.
        return len(done) or 1

    async def _repeats(self, entries: Sequence[Entry], top: int) -> Sequence[Entry]:
        """Returns the leading entries that are in their streams already."""
        if _position(entries[0]) > top:
            return []
        found = await self._feed.read(_position(entries[0]) - 1, BATCH_SIZE)
        published = {(each.position, _identity(each.payload)) for each in found}
        known = itertools.takewhile(
            lambda entry: (_position(entry), _identity(entry.payload)) in published, entries
        )
        return list(known)

    async def _publish(self, entries: Sequence[Entry]) -> None:
        if not entries:
            return
        with self._spans(entries) as traceparents:
            # One transaction: when Redis refuses an entry for lack of memory, none overtakes it.
            async with self._redis.pipeline(transaction=True) as pipeline:
                for entry in entries:
                    _add(pipeline, entry, traceparents.get(_position(entry)))
                _trim(pipeline, _position(entries[-1]))
                await pipeline.execute()

    @contextlib.contextmanager
    def _spans(self, entries: Sequence[Entry]) -> Iterator[Mapping[int, str]]:
        """Yields the traceparent of each traced event in the streams, by position."""
        traced = {
            _position(entry): (entry.traceparent, {"messaging.system": "redis"})
            for entry in entries
            if entry.traceparent is not None
        }
        if self._tracer is None or not traced:
            yield {position: traceparent for position, (traceparent, _) in traced.items()}
            return
        with self._tracer.forwarding("publish", traced) as forwarded:
            yield forwarded


@contextlib.contextmanager
def _outages() -> Iterator[None]:
    try:
        yield
    except streams.FAILURES as error:
        raise outages.StoreUnavailable("redis") from error


def _position(entry: Entry) -> int:
    assert entry.stream_seq is not None
    return entry.stream_seq


def _identity(payload: str | bytes) -> tuple[str, ...]:
    """Returns the fields that identify an event."""
    event = orjson.loads(payload)
    return event["type"], event["subject_id"], event["occurred_at"]


def _add(pipeline: redis.client.Pipeline, entry: Entry, traceparent: str | None) -> None:
    assert entry.stream is not None
    pipeline.xadd(
        entry.stream,
        {
            "type": entry.type,
            "group_id": str(entry.group_id or ""),
            "post_id": orjson.loads(entry.payload)["post_id"] or "",
            "payload": entry.payload,
            **({"traceparent": traceparent} if traceparent else {}),
        },
        id=streams.entry_id(_position(entry)),
    )


def _trim(pipeline: redis.client.Pipeline, last: int) -> None:
    for stream in streams.STREAMS:
        # Approximate trimming is cheap and never removes too much.
        if last > streams.MAX_POSITIONS:
            oldest = streams.entry_id(last - streams.MAX_POSITIONS)
            pipeline.xtrim(stream, minid=oldest, approximate=True)


@contextlib.asynccontextmanager
async def opened(
    settings: configuration.ServiceSettings,
    _measured: metrics.Metrics,
    tracer: telemetry.Tracer | None,
) -> AsyncIterator[Relay]:
    """Yields a relay. Redis may be down."""
    async with redis_client.connect(
        settings.redis_url.get_secret_value(), TIMEOUT_SECONDS
    ) as client:
        yield Relay(client, tracer)


if __name__ == "__main__":
    loop.main("relay", opened)
