"""What the streams keep, as far as a process has read them: it is read once for all who resume.

It begins where the reader does, grows with what the reader reads, and backwards when somebody
wants to know what was before: little at a time, so that everything else goes on meanwhile.
"""

import asyncio
from collections import deque
from collections.abc import Collection, Iterable, Sequence
from typing import Final

from common import streams
from service.realtime import latest

# Entries of each stream that are read at once, and seconds for others behind them.
SLICE: Final = 50
PAUSE: Final = 0.002


class Page:
    """Some neighbouring places: which channels' events are there, and which things' news."""

    __slots__ = ("last", "places", "size", "things")

    def __init__(self) -> None:
        self.last = streams.NOTHING
        self.size = 0
        self.places: dict[str, list[int]] = {}
        self.things: set[str] = set()

    def add(self, entry: streams.Entry, things: Iterable[str]) -> None:
        """Takes down the next entry."""
        self.last = entry.place
        self.size += 1
        for channel in (entry.group_id, entry.post_id):
            if channel:
                self.places.setdefault(channel, []).append(entry.place)
        self.things.update(things)


class Survey:
    """Knows where the events of each channel are, behind `bottom` and up to `top`."""

    def __init__(self, source: streams.Feed) -> None:
        self.bottom = streams.NOTHING
        self.top = streams.NOTHING
        self._feed = source
        self._latest = latest.Latest()
        self._pages: deque[Page] = deque()
        self._turn = asyncio.Lock()

    def begin(self, place: int) -> None:
        """Knows nothing of what is up to this place, or behind it yet."""
        self.bottom = self.top = place
        self._latest = latest.Latest()
        self._pages.clear()

    def note(self, entries: Sequence[streams.Entry]) -> None:
        """Takes down the next entries, which have no hole; those that it has are left out."""
        fresh = [entry for entry in entries if entry.place > self.top]
        if fresh and fresh[0].place != self.top + 1:
            self.begin(fresh[0].place - 1)
        for entry in fresh:
            if not self._pages or self._pages[-1].size >= SLICE:
                self._pages.append(Page())
            self._pages[-1].add(entry, self._latest.note(entry))
            self.top = entry.place
        self._trim()

    def holds(self, place: int) -> bool:
        """Whether all behind a place is known, as far as there is something."""
        return self.bottom <= place <= self.top

    async def reach(self, last: int) -> bool:
        """Reads what is not known yet behind a place; whether all of it was there."""
        await self.catch_up()
        while self.bottom > last >= self.top - streams.KEPT:
            async with self._turn:
                if self.bottom > last and not await self._read_back():
                    return False
            await asyncio.sleep(PAUSE)
        return self.holds(last)

    async def catch_up(self) -> None:
        """Reads ahead to where the streams end now, or to a hole in them."""
        end = await self._feed.patiently(self._feed.top)
        while self.top < end:
            async with self._turn:
                if self.top < end and not await self._read_ahead():
                    return
            await asyncio.sleep(PAUSE)

    def places(self, channel: str, after: int, most: int) -> list[int]:
        """The places of the next events of a group or post behind a place."""
        found: list[int] = []
        for page in self._pages:
            if page.last > after:
                found += [place for place in page.places.get(channel, ()) if place > after]
                if len(found) >= most:
                    break
        return found[:most]

    async def fetch(self, places: Collection[int]) -> list[streams.Entry] | None:
        """The events at these places; None when one isn't kept any more."""
        entries = await self._feed.patiently(lambda: self._feed.fetch(sorted(places)))
        return entries if len(entries) == len(places) else None

    async def retold(self, entries: Sequence[streams.Entry]) -> list[streams.Entry] | None:
        """Events that are told late, each with what was last said of its thing; None when that
        isn't kept any more.
        """
        later: dict[int, streams.Entry] = {}
        while missing := self._latest.outdated(entries) - later.keys():
            found = await self.fetch(missing)
            if found is None:
                return None
            later.update({entry.place: entry for entry in found})
        return [self._latest.retold(entry, later) for entry in entries]

    async def _read_ahead(self) -> bool:
        top = self.top
        entries = await self._feed.patiently(lambda: self._feed.read(top, SLICE))
        whole = streams.unbroken(entries, top)
        self.note(whole)
        return bool(whole)

    async def _read_back(self) -> bool:
        bottom = self.bottom
        entries = await self._feed.patiently(lambda: self._feed.read_back(bottom, SLICE))
        if bottom != self.bottom:
            # It has begun anew meanwhile.
            return True
        whole = streams.unbroken_back(entries, bottom)
        if not whole:
            return False
        page = Page()
        for entry in reversed(whole):
            page.things.update(self._latest.note(entry, is_older=True))
        for entry in whole:
            page.add(entry, ())
        self._pages.appendleft(page)
        self.bottom = whole[0].place - 1
        return True

    def _trim(self) -> None:
        """Forgets what isn't kept any more."""
        while self._pages and self._pages[0].last <= self.top - streams.KEPT:
            page = self._pages.popleft()
            self.bottom = page.last
            self._latest.forget(page.things, page.last)
