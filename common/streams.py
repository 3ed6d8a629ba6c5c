"""Reader of the two streams as one, in the order of their common sequence (rule 95.3)."""

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import redis
from redis import asyncio as aioredis

from common import outages, redis_client, settings

STREAMS: Final = ("comm:post", "comm:comment")
MAX_POSITIONS: Final = 100_000  # kept in both streams together
BEFORE_FIRST: Final = 0  # position in empty streams
BLOCK_SECONDS: Final = 1.0
TIMEOUT_SECONDS: Final = 3.0  # for an answer
RETRY_PAUSES_SECONDS: Final = (0.05, 0.1, 0.2, 0.4)  # the last one repeats
# Errors of the client when Redis is down, slow, loading or out of memory.
FAILURES: Final = (redis.RedisError, OSError, TimeoutError)
_MAX_SUFFIX: Final = 2**64 - 1  # of the ids at a position

T = TypeVar("T")


def entry_id(seq: int) -> str:
    """Returns the id of the entry at this position."""
    return f"{seq}-0"


@dataclass(frozen=True, slots=True)
class Entry:
    """Event in a stream. `payload` is JSON text."""

    position: int
    type: str
    group_id: str
    post_id: str | None
    payload: bytes
    traceparent: str | None = None


class Feed:
    """Reader of both streams."""

    def __init__(self, client: aioredis.Redis) -> None:
        self._client = client
        self._outages = outages.OutageLog()

    async def top(self) -> int:
        """Returns the last published position, as Redis knows it."""
        async with self._client.pipeline(transaction=True) as pipeline:
            for stream in STREAMS:
                pipeline.xinfo_stream(stream)
            answers = await pipeline.execute(raise_on_error=False)
        return max(_last_position(answer) for answer in answers)

    async def read(self, after: int, limit: int) -> list[Entry]:
        """Returns the next entries after a position, in order, at most `limit` of each stream.

        Every kept entry between the first and the last one is included.
        """
        answer = await self._client.xread(_after(after), count=limit)
        entries: list[Entry] = []
        horizon = _MAX_SUFFIX
        for rows in _by_stream(answer):
            found = [_entry(identity, fields) for identity, fields in rows]
            if len(found) >= limit:
                # This stream may have more, so later entries of the other one are dropped.
                horizon = min(horizon, found[-1].position)
            entries += found
        return sorted(
            (entry for entry in entries if entry.position <= horizon),
            key=lambda entry: entry.position,
        )

    async def read_back(self, up_to: int, limit: int) -> list[Entry]:
        """Returns the last entries up to a position, in order, at most `limit` of each stream."""
        async with self._client.pipeline(transaction=True) as pipeline:
            for stream in STREAMS:
                pipeline.xrevrange(stream, f"{up_to}-{_MAX_SUFFIX}", "-", count=limit)
            answers = await pipeline.execute()
        entries: list[Entry] = []
        horizon = BEFORE_FIRST
        for rows in answers:
            found = [_entry(identity, fields) for identity, fields in rows]
            if len(found) >= limit:
                horizon = max(horizon, found[-1].position)
            entries += found
        return sorted(
            (entry for entry in entries if entry.position >= horizon),
            key=lambda entry: entry.position,
        )

    async def fetch(self, positions: Sequence[int]) -> list[Entry]:
        """Returns the entries at these positions, in order, without those no longer kept."""
        async with self._client.pipeline(transaction=False) as pipeline:
            for first, last in _runs(positions):
                for stream in STREAMS:
                    pipeline.xrange(stream, f"{first}-0", f"{last}-{_MAX_SUFFIX}")
            answers = await pipeline.execute()
        entries = [_entry(identity, fields) for rows in answers for identity, fields in rows]
        return _in_order(entries)

    async def wait(self, after: int) -> None:
        """Waits for an entry after a position, for at most BLOCK_SECONDS."""
        # The answer is not used: a blocking read may return entries of one stream only.
        await self._client.xread(_after(after), count=1, block=int(BLOCK_SECONDS * 1000))

    async def retry(self, attempt: Callable[[], Awaitable[T]]) -> T:
        """Returns the result of an attempt, and retries while Redis is down."""
        failures = 0
        while True:
            try:
                answer = await attempt()
            except FAILURES as error:
                self._outages.fail("redis streams", error)
                await asyncio.sleep(
                    RETRY_PAUSES_SECONDS[min(failures, len(RETRY_PAUSES_SECONDS) - 1)]
                )
                failures += 1
            else:
                self._outages.recover("redis streams")
                return answer


@contextlib.asynccontextmanager
async def opened(configuration: settings.ServiceSettings) -> AsyncIterator[Feed]:
    """Yields a feed with its own connections."""
    async with redis_client.connect(
        configuration.redis_url.get_secret_value(), TIMEOUT_SECONDS
    ) as client:
        yield Feed(client)


def _in_order(entries: Iterable[Entry]) -> list[Entry]:
    return sorted(entries, key=lambda entry: entry.position)


def _after(position: int) -> dict[Any, Any]:
    return dict.fromkeys(STREAMS, f"{position}-{_MAX_SUFFIX}")


def _runs(positions: Sequence[int]) -> list[tuple[int, int]]:
    """Returns the first and last of each run of consecutive positions."""
    runs: list[tuple[int, int]] = []
    for position in sorted(positions):
        if runs and position == runs[-1][1] + 1:
            runs[-1] = (runs[-1][0], position)
        else:
            runs.append((position, position))
    return runs


def _by_stream(answer: Any) -> list[list[tuple[bytes, dict[bytes, bytes]]]]:
    if not answer:
        return []
    if isinstance(answer, dict):
        # RESP3 nests the rows of a stream in one more list.
        return [rows for lists in answer.values() for rows in lists]
    return [rows for _stream, rows in answer]


def _entry(identity: bytes, fields: dict[bytes, bytes]) -> Entry:
    return Entry(
        position=_position(identity),
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


def _position(identity: bytes) -> int:
    return int(identity.partition(b"-")[0])


def _last_position(answer: Any) -> int:
    if isinstance(answer, redis.ResponseError) and "no such key" in str(answer):
        return BEFORE_FIRST
    if isinstance(answer, Exception):
        raise answer
    identity = answer["last-generated-id"]
    return _position(identity if isinstance(identity, bytes) else identity.encode())


def contiguous_after(entries: list[Entry], after: int) -> list[Entry]:
    """Returns the leading entries that follow a position and each other without a gap.

    The sequence has no gaps, so a missing entry was published and is lost.
    """
    for index, entry in enumerate(entries):
        if entry.position != after + 1 + index:
            return entries[:index]
    return entries


def contiguous_up_to(entries: list[Entry], up_to: int) -> list[Entry]:
    """Returns the trailing entries that lead up to a position without a gap."""
    for index, entry in enumerate(reversed(entries)):
        if entry.position != up_to - index:
            return entries[len(entries) - index :]
    return entries
