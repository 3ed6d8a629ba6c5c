"""The relay: events from the outbox to the Redis streams, each once and in order (§6).

An event gets its place in a transaction of its own, before it is published under that place. Redis
refuses a place that it has had, so a relay that dies between publishing and saying so does no harm.
"""

import contextlib
from collections.abc import AsyncIterator, Sequence
from typing import Final

import orjson
import redis as redis_errors
from redis import asyncio as redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from gen import models, outbox
from service import database, streams
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

    def __init__(self, client: redis.Redis) -> None:
        self._redis = client

    async def handle(self, connection: database.Connection) -> int:
        """Publishes the next events. Raises Outage when Redis doesn't take even the first one."""
        querier = outbox.AsyncQuerier(connection)
        await querier.stream_event_sequence(most=SEQUENCED_AT_ONCE)
        async with connection.transaction():
            entries = [entry async for entry in querier.stream_entry_claim(most=BATCH)]
            if not entries:
                return 0
            published = await self._publish(entries)
            await querier.stream_entry_finish(event_ids=[entry.event_id for entry in published])
        return len(published)

    async def _publish(
        self, entries: Sequence[models.ApiStreamEntry]
    ) -> list[models.ApiStreamEntry]:
        """The first entries, as far as they are in their streams now."""
        # As one transaction: none overtakes another one that is refused for want of memory, say.
        async with self._redis.pipeline(transaction=True) as pipeline:
            for entry in entries:
                _add(pipeline, entry)
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


def _add(pipeline: redis.client.Pipeline, entry: Entry) -> None:
    assert entry.stream is not None
    assert entry.stream_seq is not None
    pipeline.xadd(
        entry.stream,
        {
            "type": entry.type,
            "group_id": str(entry.group_id or ""),
            "post_id": orjson.loads(entry.payload)["post_id"] or "",
            "payload": entry.payload,
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
    settings: configuration.ServiceSettings, _measured: metrics.Metrics
) -> AsyncIterator[Relay]:
    """A relay to the Redis of the settings, whether or not that is up."""
    client = redis.Redis.from_url(
        settings.redis_url.get_secret_value(),
        socket_timeout=TIMEOUT,
        socket_connect_timeout=TIMEOUT,
        retry=Retry(NoBackoff(), 0),
    )
    async with client:
        yield Relay(client)


if __name__ == "__main__":
    loop.main("relay", opened)
