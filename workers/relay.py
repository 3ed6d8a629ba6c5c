"""The relay: events from the outbox to the Redis streams, each once and in order (§6).

An event gets its place in a transaction of its own, before it is published under that place. Redis
refuses a place that it has had, so a relay that dies between publishing and saying so does no harm.
"""

import contextlib
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from typing import Final

import orjson
import redis as redis_errors
from redis import asyncio as redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from gen import models, outbox
from service import database, streams, telemetry
from service import settings as configuration
from workers import loop, metrics

BATCH: Final = 1000
SEQUENCED_AT_ONCE: Final = 10_000
TIMEOUT: Final = 5.0  # seconds that Redis has for a batch
_PUBLISHED: Final = "equal or smaller than"

Entry = models.ApiStreamEntry


class Relay:
    """The consumer that feeds the streams. Relays take turns on the sequence's row."""

    name = "streams"

    def __init__(self, client: redis.Redis, tracer: telemetry.Tracer | None = None) -> None:
        self._redis = client
        self._tracer = tracer

    async def handle(self, connection: database.Connection) -> int:
        """Publishes the next events. Raises Outage when Redis doesn't take even the first one."""
        querier = outbox.AsyncQuerier(connection)
        await querier.stream_event_sequence(most=SEQUENCED_AT_ONCE)
        async with connection.transaction():
            entries = [entry async for entry in querier.stream_entry_claim(most=BATCH)]
            if not entries:
                return 0
            with self._spans(entries) as carried:
                published = await self._publish(entries, carried)
            await querier.stream_entry_finish(event_ids=[entry.event_id for entry in published])
        return len(published)

    @contextlib.contextmanager
    def _spans(self, entries: Sequence[Entry]) -> Iterator[Mapping[int, str]]:
        """What events carry on into the streams, by their places."""
        traced = {
            entry.stream_seq or 0: (entry.traceparent, {"messaging.system": "redis"})
            for entry in entries
            if entry.traceparent is not None
        }
        if self._tracer is None or not traced:
            yield {place: carried for place, (carried, _) in traced.items()}
            return
        with self._tracer.handing_on("publish", traced) as carried_on:
            yield carried_on

    async def _publish(self, entries: Sequence[Entry], carried: Mapping[int, str]) -> list[Entry]:
        """The first entries, as far as they are in their streams now."""
        # As one transaction: none overtakes another one that is refused for want of memory, say.
        async with self._redis.pipeline(transaction=True) as pipeline:
            for entry in entries:
                _add(pipeline, entry, carried.get(entry.stream_seq or 0))
            _trim(pipeline, entries[-1].stream_seq or 0)
            try:
                answers = await pipeline.execute(raise_on_error=False)
            except (redis_errors.RedisError, OSError) as error:
                raise loop.Outage("redis") from error
        published: list[Entry] = []
        for entry, answer in zip(entries, answers, strict=False):
            if isinstance(answer, Exception) and _PUBLISHED not in str(answer):
                if not published:
                    raise loop.Outage("redis") from answer
                break
            published.append(entry)
        return published


def _add(pipeline: redis.client.Pipeline, entry: Entry, traceparent: str | None) -> None:
    assert entry.stream is not None
    assert entry.stream_seq is not None
    pipeline.xadd(
        entry.stream,
        {
            "type": entry.type,
            "group_id": str(entry.group_id or ""),
            "post_id": orjson.loads(entry.payload)["post_id"] or "",
            "payload": entry.payload,
            **({"traceparent": traceparent} if traceparent else {}),
        },
        id=streams.entry_id(entry.stream_seq),
    )


def _trim(pipeline: redis.client.Pipeline, last: int) -> None:
    for stream in streams.STREAMS:
        # Approximately is never too much, and cheap.
        if last > streams.KEPT:
            oldest = streams.entry_id(last - streams.KEPT)
            pipeline.xtrim(stream, minid=oldest, approximate=True)


@contextlib.asynccontextmanager
async def opened(
    settings: configuration.ServiceSettings,
    _measured: metrics.Metrics,
    tracer: telemetry.Tracer | None,
) -> AsyncIterator[Relay]:
    """A relay to the Redis of the settings, whether or not that is up."""
    client = redis.Redis.from_url(
        settings.redis_url.get_secret_value(),
        socket_timeout=TIMEOUT,
        socket_connect_timeout=TIMEOUT,
        retry=Retry(NoBackoff(), 0),
    )
    async with client:
        yield Relay(client, tracer)


if __name__ == "__main__":
    loop.main("relay", opened)
