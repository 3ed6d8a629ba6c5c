"""History of the streams: the positions of each channel's events, as far as this process has read.

It begins where the reader begins. The reader extends it forwards, and clients that resume extend it
backwards, a chunk at a time, so that the event loop stays responsive.
"""

import asyncio
from collections import deque
from collections.abc import Collection, Sequence
from typing import Final

from common import streams

CHUNK_ENTRIES: Final = 50  # of each stream
CHUNK_PAUSE_SECONDS: Final = 0.002


class Chunk:
    """Positions of consecutive events, by group and post."""

    __slots__ = ("last", "positions", "size")

    def __init__(self) -> None:
        self.last = streams.BEFORE_FIRST
        self.size = 0
        self.positions: dict[str, list[int]] = {}

    def add(self, entry: streams.Entry) -> None:
        """Adds the next entry."""
        self.last = entry.position
        self.size += 1
        for channel in (entry.group_id, entry.post_id):
            if channel:
                self.positions.setdefault(channel, []).append(entry.position)


class History:
    """Index of the events after `bottom` and up to `top`."""

    def __init__(self, feed: streams.Feed) -> None:
        self.bottom = streams.BEFORE_FIRST
        self.top = streams.BEFORE_FIRST
        self.restarts = 0  # after each, positions may belong to other events
        self._feed = feed
        self._chunks: deque[Chunk] = deque()
        self._last: dict[str, int] = {}
        self._lock = asyncio.Lock()

    def begin(self, position: int) -> None:
        """Empties the index and continues after a position."""
        self.bottom = self.top = position
        self.restarts += 1
        self._chunks.clear()
        self._last.clear()

    def add(self, entries: Sequence[streams.Entry]) -> None:
        """Adds the next entries, which have no gap between them. Known ones are skipped."""
        fresh = [entry for entry in entries if entry.position > self.top]
        if fresh and fresh[0].position != self.top + 1:
            self.begin(fresh[0].position - 1)
        for entry in fresh:
            if not self._chunks or self._chunks[-1].size >= CHUNK_ENTRIES:
                self._chunks.append(Chunk())
            self._chunks[-1].add(entry)
            self._last[entry.group_id] = self.top = entry.position
        self._trim()

    def covers(self, position: int) -> bool:
        """Returns whether every event after a position is known, up to `top`."""
        return self.bottom <= position <= self.top

    def last(self, group_id: str) -> int:
        """Returns the position of the last known event of a group."""
        return self._last.get(group_id, streams.BEFORE_FIRST)

    async def reach(self, position: int) -> bool:
        """Reads the unknown events after a position. Returns False if some of them are lost."""
        await self.catch_up()
        while self.bottom > position >= self.top - streams.MAX_POSITIONS:
            async with self._lock:
                if self.bottom > position and not await self._read_back():
                    return False
            await asyncio.sleep(CHUNK_PAUSE_SECONDS)
        return self.covers(position)

    async def catch_up(self) -> None:
        """Reads forwards to the current end of the streams, or to a gap."""
        end = await self._feed.retry(self._feed.top)
        while self.top < end:
            async with self._lock:
                if self.top < end and not await self._read_ahead():
                    return
            await asyncio.sleep(CHUNK_PAUSE_SECONDS)

    def positions(self, channel: str, after: int, limit: int) -> list[int]:
        """Returns the positions of the next events of a group or post after a position."""
        found: list[int] = []
        for chunk in self._chunks:
            if chunk.last > after:
                found += [
                    position for position in chunk.positions.get(channel, ()) if position > after
                ]
                if len(found) >= limit:
                    break
        return found[:limit]

    async def fetch(self, positions: Collection[int]) -> list[streams.Entry] | None:
        """Returns the events at these positions; None when one of them is no longer kept."""
        entries = await self._feed.retry(lambda: self._feed.fetch(sorted(positions)))
        return entries if len(entries) == len(positions) else None

    async def _read_ahead(self) -> bool:
        top = self.top
        entries = await self._feed.retry(lambda: self._feed.read(top, CHUNK_ENTRIES))
        contiguous = streams.contiguous_after(entries, top)
        self.add(contiguous)
        return bool(contiguous)

    async def _read_back(self) -> bool:
        bottom = self.bottom
        entries = await self._feed.retry(lambda: self._feed.read_back(bottom, CHUNK_ENTRIES))
        if bottom != self.bottom:
            # begin() was called during the read.
            return True
        contiguous = streams.contiguous_up_to(entries, bottom)
        if not contiguous:
            return False
        chunk = Chunk()
        for entry in contiguous:
            chunk.add(entry)
            self._last[entry.group_id] = max(self.last(entry.group_id), entry.position)
        self._chunks.appendleft(chunk)
        self.bottom = contiguous[0].position - 1
        return True

    def _trim(self) -> None:
        """Removes the chunks whose events the streams no longer keep."""
        while self._chunks and self._chunks[0].last <= self.top - streams.MAX_POSITIONS:
            chunk = self._chunks.popleft()
            self.bottom = chunk.last
            for channel in chunk.positions:
                if self._last.get(channel, chunk.last + 1) <= chunk.last:
                    del self._last[channel]
