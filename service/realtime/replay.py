"""Replay of the events that a client missed, until it has caught up with the reader.

Implements rules 95.4 and 95.5.
"""

import asyncio
import time
from typing import Final

from common import streams
from service.realtime import access, listeners, reader, survey, telling

AT_ONCE: Final = 8  # resuming clients that are told some more; others wait for their turn
MOST: Final = 50  # events that one is told in its turn
# It gets no more than so many packets behind; another turn when it has taken half of them. It may
# be waited for so long in all.
ROOM: Final = telling.QUEUE // 4
PATIENCE: Final = 60.0  # seconds
LOOK: Final = 0.02  # seconds
SETTLED: Final = 5.0  # seconds
# Position of a client whose last_event_id the service never sent.
UNKNOWN: Final = -1


class Replay:
    """Brings new listeners to the reader's place."""

    def __init__(
        self,
        asked: access.Access,
        teller: telling.Teller,
        ahead: reader.Reader,
        surveyed: survey.Survey,
    ) -> None:
        self._access = asked
        self._teller = teller
        self._reader = ahead
        self._survey = surveyed
        self._turns = asyncio.Semaphore(AT_ONCE)

    async def bring(self, listener: listeners.Listener, last: int | None) -> None:
        """Tells a listener all behind `last`, or its own place, then leaves it to the reader."""
        if not await self._is_settled(listener):
            self._teller.forget(listener)
            return
        await self._reader.started.wait()
        if last is None:
            self._begin(listener)
        else:
            await self._resume(listener, last)
        patience = PATIENCE
        while not self._arrives(listener):
            if last is None:
                # It missed what happened while it connected: nothing to wait in a queue for.
                listener.place = max(listener.place, self._reader.origin)
                await self._advance(listener)
            else:
                async with self._turns:
                    await self._advance(listener)
            patience = await self._wait_for_room(listener, patience)

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
        listener.live = self._reader.place <= listener.place <= self._survey.top
        return listener.live or listener.gone

    def _begin(self, listener: listeners.Listener) -> None:
        if listener.place < streams.NOTHING:
            listener.place = self._reader.place
            if self._reader.late:
                self._resync(listener)

    async def _resume(self, listener: listeners.Listener, last: int) -> None:
        """Sets a listener to its last position; sends a resync when events after it are gone."""
        if last == UNKNOWN:
            self._resync(listener)
        elif last >= self._survey.top - streams.KEPT and await self._survey.reach(last):
            listener.place = last
        else:
            self._resync(listener)

    def _resync(self, listener: listeners.Listener) -> None:
        listener.place = max(self._survey.top, self._reader.place)
        event = telling.resync(listener.place)
        self._teller.count(event, self._teller.tell(listener, event))

    async def _advance(self, listener: listeners.Listener) -> None:
        """Tells a listener the next events that it missed, as they are by now."""
        top = self._survey.top
        if not self._survey.holds(listener.place):
            self._resync(listener)
            return
        if not self._survey.places(listener.group_id, listener.place, 1):
            listener.place = top
            return
        places = self._survey.places(str(listener.channel.id), listener.place, MOST)
        entries = await self._survey.fetch(places)
        entries = entries and await self._survey.retold(entries)
        if entries is None:
            # It was trimmed, or Redis has lost it.
            self._resync(listener)
            return
        # Without a pause behind the last: the place is that of all that was told.
        if await self._tell(listener, entries):
            listener.place = places[-1] if len(places) == MOST else top

    async def _tell(self, listener: listeners.Listener, entries: list[streams.Entry]) -> bool:
        """Tells a listener these events, as far as there is room; whether there was."""
        try:
            await self._access.enter_patiently(listener.actor, listener.channel)
        except access.Refused:
            await self._end(listener, entries)
            return True
        for entry in entries:
            if listener.gone or listener.expires <= time.time():
                return True
            if self._teller.waiting(listener) >= ROOM:
                return False
            event = self._teller.event(entry)
            self._teller.count(event, self._teller.tell(listener, event))
            listener.place = entry.place
        return True

    async def _end(self, listener: listeners.Listener, entries: list[streams.Entry]) -> None:
        """Sends away who may hear no more, behind the end of its group if it was that."""
        ends = [entry for entry in entries if entry.type == "group.deleted"]
        hearers = await self._access.hear_end({listener.group_id: [listener.user]}) if ends else ()
        if hearers:
            event = self._teller.event(ends[-1])
            self._teller.count(event, self._teller.tell(listener, event))
        await self._teller.expel(listener, "access")

    async def _wait_for_room(self, listener: listeners.Listener, patience: float) -> float:
        """Returns when the client has taken most of what waits for it; the patience left."""
        deadline = time.monotonic() + patience
        while not listener.gone and self._teller.waiting(listener) >= ROOM // 2:
            if time.monotonic() > deadline:
                self._teller.drop(listener.connection, "slow")
            await asyncio.sleep(LOOK)
        return deadline - time.monotonic()
