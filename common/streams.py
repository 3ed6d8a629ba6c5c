"""The two streams, read as one in the order of their common sequence (rule 95.3)."""

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import redis
from redis import asyncio as aioredis

from common import outages, redis_client, settings

STREAMS: Final = ("comm:post", "comm:comment")
# How many of the last places of the sequence are kept, over both streams.
KEPT: Final = 100_000
NOTHING: Final = 0  # the place before the first
BLOCK: Final = 1.0  # seconds that a look for news waits for some
PATIENCE: Final = 3.0  # seconds for any answer
PAUSES: Final = (0.05, 0.1, 0.2, 0.4)  # seconds between attempts; the last one is repeated
# What a store that is away, slow, loading or out of memory makes the client raise.
FAILURES: Final = (redis.RedisError, OSError, TimeoutError)
# The largest id that a place can have; what is after the place comes after it.
_END: Final = 2**64 - 1

T = TypeVar("T")


def entry_id(seq: int) -> str:
    """The id of the entry of this place in the sequence."""
    return f"{seq}-0"


@dataclass(frozen=True, slots=True)
class Entry:
    """An event as it is in its stream; `payload` is JSON text."""

    place: int
    type: str
    group_id: str
    post_id: str | None
    payload: bytes
    traceparent: str | None = None


class Feed:
    """Reads both streams of one Redis."""

    def __init__(self, client: aioredis.Redis) -> None:
        self._client = client
        self._outages = outages.OutageLog()

    async def top(self) -> int:
        """The last place that was ever published, as far as Redis knows."""
        async with self._client.pipeline(transaction=True) as pipeline:
            for stream in STREAMS:
                pipeline.xinfo_stream(stream)
            answers = await pipeline.execute(raise_on_error=False)
        return max(_last_place(answer) for answer in answers)

    async def read(self, after: int, most: int) -> list[Entry]:
        """The next entries behind a place, in order, `most` of each stream; all there are or the
        first of them, without holes that are not in the streams.
        """
        answer = await self._client.xread(_behind(after), count=most)
        entries: list[Entry] = []
        horizon = _END
        for rows in _by_stream(answer):
            found = [_entry(identity, fields) for identity, fields in rows]
            if len(found) >= most:
                # Where this stream was cut, the other one may be further.
                horizon = min(horizon, found[-1].place)
            entries += found
        return sorted(
            (entry for entry in entries if entry.place <= horizon), key=lambda entry: entry.place
        )

    async def read_back(self, upto: int, most: int) -> list[Entry]:
        """The last entries up to a place, in order, `most` of each stream, likewise."""
        async with self._client.pipeline(transaction=True) as pipeline:
            for stream in STREAMS:
                pipeline.xrevrange(stream, f"{upto}-{_END}", "-", count=most)
            answers = await pipeline.execute()
        entries: list[Entry] = []
        horizon = NOTHING
        for rows in answers:
            found = [_entry(identity, fields) for identity, fields in rows]
            if len(found) >= most:
                horizon = max(horizon, found[-1].place)
            entries += found
        return sorted(
            (entry for entry in entries if entry.place >= horizon), key=lambda entry: entry.place
        )

    async def fetch(self, places: Sequence[int]) -> list[Entry]:
        """The entries at these places, in order; those that are no longer kept are left out."""
        async with self._client.pipeline(transaction=False) as pipeline:
            for first, last in _runs(places):
                for stream in STREAMS:
                    pipeline.xrange(stream, f"{first}-0", f"{last}-{_END}")
            answers = await pipeline.execute()
        entries = [_entry(identity, fields) for rows in answers for identity, fields in rows]
        return sorted(entries, key=lambda entry: entry.place)

    async def wait(self, after: int) -> None:
        """Returns when there is something behind a place, or after BLOCK.

        It says no more than that: an answer that was waited for may be of one stream alone.
        """
        await self._client.xread(_behind(after), count=1, block=int(BLOCK * 1000))

    async def patiently(self, ask: Callable[[], Awaitable[T]]) -> T:
        """The answer, once there is one: an outage is waited for."""
        attempts = 0
        while True:
            try:
                answer = await ask()
            except FAILURES as error:
                self._outages.fail("redis streams", error)
                await asyncio.sleep(PAUSES[min(attempts, len(PAUSES) - 1)])
                attempts += 1
            else:
                self._outages.recover("redis streams")
                return answer


@contextlib.asynccontextmanager
async def opened(configuration: settings.ServiceSettings) -> AsyncIterator[Feed]:
    """A feed with connections of its own, which may wait long for their answers."""
    async with redis_client.connect(configuration.redis_url.get_secret_value(), PATIENCE) as client:
        yield Feed(client)


def _behind(place: int) -> dict[Any, Any]:
    return dict.fromkeys(STREAMS, f"{place}-{_END}")


def _runs(places: Sequence[int]) -> list[tuple[int, int]]:
    """The first and last of each run of neighbours among these places."""
    runs: list[tuple[int, int]] = []
    for place in sorted(places):
        if runs and place == runs[-1][1] + 1:
            runs[-1] = (runs[-1][0], place)
        else:
            runs.append((place, place))
    return runs


def _by_stream(answer: Any) -> list[list[tuple[bytes, dict[bytes, bytes]]]]:
    if not answer:
        return []
    if isinstance(answer, dict):
        # The third version of Redis' protocol puts the rows of a stream into one more list.
        return [rows for lists in answer.values() for rows in lists]
    return [rows for _stream, rows in answer]


def _entry(identity: bytes, fields: dict[bytes, bytes]) -> Entry:
    return Entry(
        place=_place(identity),
        type=fields.get(b"type", b"").decode(),
        group_id=_canonical(fields.get(b"group_id", b"")),
        post_id=_canonical(fields.get(b"post_id", b"")) or None,
        payload=fields.get(b"payload", b"null"),
        traceparent=fields.get(b"traceparent", b"").decode("latin-1") or None,
    )


def _canonical(value: bytes) -> str:
    try:
        return str(uuid.UUID(value.decode()))
    except ValueError:
        return ""


def _place(identity: bytes) -> int:
    return int(identity.partition(b"-")[0])


def _last_place(answer: Any) -> int:
    if isinstance(answer, redis.ResponseError) and "no such key" in str(answer):
        return NOTHING
    if isinstance(answer, Exception):
        raise answer
    identity = answer["last-generated-id"]
    return _place(identity if isinstance(identity, bytes) else identity.encode())


def unbroken(entries: list[Entry], after: int) -> list[Entry]:
    """The first of the entries, as far as they follow a place and each other without a hole.

    The sequence has none, so what is missing was published, and is lost.
    """
    for index, entry in enumerate(entries):
        if entry.place != after + 1 + index:
            return entries[:index]
    return entries


def unbroken_back(entries: list[Entry], upto: int) -> list[Entry]:
    """The last of the entries, as far as they lead up to a place without a hole."""
    for index, entry in enumerate(reversed(entries)):
        if entry.place != upto - index:
            return entries[len(entries) - index :]
    return entries
