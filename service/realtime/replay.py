"""What a client missed, told to it alone until it is where the reader is."""

import asyncio
import time
from typing import Final

from service import streams
from service.realtime import access, feed, listeners, reader, removed, telling

AT_ONCE: Final = 8  # replays; others wait for their turn
# A replay goes on when the client has so few packets before it; it has so long for each of them.
ROOM: Final = telling.QUEUE // 4
PATIENCE: Final = 20.0  # seconds
SETTLED: Final = 5.0  # seconds


class Replay:
    """Brings new listeners to the reader's place."""

    def __init__(
        self,
        source: feed.Feed,
        asked: access.Access,
        teller: telling.Teller,
        ahead: reader.Reader,
    ) -> None:
        self._feed = source
        self._access = asked
        self._teller = teller
        self._reader = ahead
        self._turns = asyncio.Semaphore(AT_ONCE)

    async def bring(self, listener: listeners.Listener, last: int | None) -> None:
        """Tells a listener all behind `last`, or its own place, then leaves it to the reader."""
        if not await self._is_settled(listener):
            self._teller.forget(listener)
            return
        await self._reader.started.wait()
        gone = removed.Removed()
        if last is not None:
            gone = await self._resume(listener, last)
        elif listener.place < feed.NOTHING:
            listener.place = self._reader.place
            if self._reader.late:
                self._resync(listener, self._reader.place)
        if not self._arrives(listener):
            async with self._turns:
                while not self._arrives(listener):
                    await self._advance(listener, gone, is_resumed=last is not None)

    async def _is_settled(self, listener: listeners.Listener) -> bool:
        # First comes the answer that it is connected, which is sent behind the handler's back.
        deadline = time.monotonic() + SETTLED
        while not self._teller.is_connected(listener):
            if listener.gone or time.monotonic() > deadline:
                return False
            await asyncio.sleep(0)
        return True

    def _arrives(self, listener: listeners.Listener) -> bool:
        # Without a pause between the look and the change: no event falls between them.
        listener.live = listener.place >= self._reader.place
        return listener.live or listener.gone

    async def _resume(self, listener: listeners.Listener, last: int) -> removed.Removed:
        """Sets a listener to the place that it gave, if all behind it is there; what it may not
        read any more of that.
        """
        # Where Redis was emptied it knows less than the reader.
        top = max(await self._feed.patiently(self._feed.top), self._reader.place)
        if top - streams.KEPT <= last <= top:
            gone, is_whole = await removed.survey(self._feed, last, top, {listener.group_id})
            if is_whole:
                listener.place = last
                if gone and await self._access.sees_deleted(listener):
                    return removed.Removed()
                return gone
        self._resync(listener, top)
        return removed.Removed()

    def _resync(self, listener: listeners.Listener, place: int) -> None:
        listener.place = place
        event = telling.resync(place)
        self._teller.count(event, self._teller.tell(listener, event))

    async def _advance(
        self, listener: listeners.Listener, gone: removed.Removed, *, is_resumed: bool
    ) -> None:
        place = listener.place
        entries = await removed.page(self._feed, place)
        if entries and place == feed.NOTHING and not is_resumed:
            place = entries[0].place - 1
        entries = feed.unbroken(entries, place)
        if not entries:
            # It was trimmed, or Redis has lost it.
            top = await self._feed.patiently(self._feed.top)
            self._resync(listener, max(top, self._reader.place))
            return
        if any(entry.group_id == listener.group_id for entry in entries):
            await self._tell(listener, entries, gone)
        listener.place = entries[-1].place

    async def _tell(
        self, listener: listeners.Listener, entries: list[feed.Entry], gone: removed.Removed
    ) -> None:
        wanted = [gone.readable(entry) for entry in entries if listener.wants(entry)]
        try:
            await self._access.enter_patiently(listener.actor, listener.channel)
        except access.Refused:
            wanted = [entry for entry in wanted if entry.type == "group.deleted"]
            await self._tell_all(listener, wanted)
            await self._teller.expel(listener, "access")
        else:
            await self._tell_all(listener, wanted)

    async def _tell_all(self, listener: listeners.Listener, entries: list[feed.Entry]) -> None:
        for entry in entries:
            await self._wait_for_room(listener)
            if listener.gone or listener.expires <= time.time():
                return
            event = self._teller.event(entry)
            self._teller.count(event, self._teller.tell(listener, event))

    async def _wait_for_room(self, listener: listeners.Listener) -> None:
        deadline = time.monotonic() + PATIENCE
        while not listener.gone and self._teller.waiting(listener) >= ROOM:
            if time.monotonic() > deadline:
                self._teller.drop(listener.connection, "slow")
            await asyncio.sleep(0.02)
