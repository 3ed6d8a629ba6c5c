"""Replay of the events that a client missed, until it has caught up with the reader.

Implements rules 95.4 and 95.5.
"""

import asyncio
import time
from typing import Final

from common import streams
from service.realtime import access, current_state, emitter, history, listeners, reader

MAX_CONCURRENT: Final = 8  # resuming clients; others wait for their turn
EVENTS_PER_TURN: Final = 50
# A client is at most this far behind its replay. It gets another turn at half of that, and may keep
# the replay waiting for BACKLOG_TIMEOUT_SECONDS in all.
MAX_BACKLOG_PACKETS: Final = emitter.MAX_QUEUED_PACKETS // 4
BACKLOG_TIMEOUT_SECONDS: Final = 60.0
BACKLOG_CHECK_SECONDS: Final = 0.02
CONNECT_TIMEOUT_SECONDS: Final = 5.0
# Position of a client whose last_event_id the service never sent.
UNKNOWN: Final = -1


class Replay:
    """Sender of missed events to new listeners."""

    def __init__(
        self,
        access_: access.Access,
        emitter_: emitter.Emitter,
        reader_: reader.Reader,
        history_: history.History,
        state: current_state.CurrentState,
    ) -> None:
        self._access = access_
        self._emitter = emitter_
        self._reader = reader_
        self._history = history_
        self._state = state
        self._turns = asyncio.Semaphore(MAX_CONCURRENT)

    async def run(self, listener: listeners.Listener, last_position: int | None) -> None:
        """Sends everything after `last_position`, or after the listener's own position.

        Ends when the listener has caught up with the reader, which sends all later events.
        """
        if not await self._is_connected(listener):
            self._emitter.remove(listener)
            return
        await self._reader.started.wait()
        if last_position is None:
            self._begin(listener)
        else:
            await self._resume(listener, last_position)
        seconds_left = BACKLOG_TIMEOUT_SECONDS
        while not self._go_live(listener):
            if last_position is None:
                # It missed only the events since it connected, which are too few for a turn.
                listener.position = max(listener.position, self._reader.origin)
                await self._advance(listener)
            else:
                async with self._turns:
                    await self._advance(listener)
            seconds_left = await self._wait_for_backlog(listener, seconds_left)

    async def _is_connected(self, listener: listeners.Listener) -> bool:
        # Socket.IO sends the answer to the connect after the handler has returned.
        deadline = time.monotonic() + CONNECT_TIMEOUT_SECONDS
        while not self._emitter.is_connected(listener):
            if listener.is_removed or time.monotonic() > deadline:
                return False
            await asyncio.sleep(0)
        return True

    def _go_live(self, listener: listeners.Listener) -> bool:
        # No await between the comparison and the change, so no event arrives between them.
        listener.is_live = self._reader.position <= listener.position <= self._history.top
        return listener.is_live or listener.is_removed

    def _begin(self, listener: listeners.Listener) -> None:
        if listener.position < streams.BEFORE_FIRST:
            listener.position = self._reader.position
            if self._reader.started_late:
                self._resync(listener)

    async def _resume(self, listener: listeners.Listener, last_position: int) -> None:
        """Sets a listener to its last position, or sends a resync when later events are lost."""
        if last_position == UNKNOWN:
            self._resync(listener)
        elif (
            last_position >= self._history.top - streams.MAX_POSITIONS
            and await self._history.reach(last_position)
        ):
            listener.position = last_position
        else:
            self._resync(listener)

    def _resync(self, listener: listeners.Listener) -> None:
        listener.position = max(self._history.top, self._reader.position)
        self._emit(listener, emitter.resync(listener.position))

    def _emit(self, listener: listeners.Listener, event: emitter.Event) -> None:
        self._emitter.count(event, self._emitter.emit(listener, event))

    async def _advance(self, listener: listeners.Listener) -> None:
        """Sends a listener the next events that it missed, with current data."""
        top = self._history.top
        if not self._history.covers(listener.position):
            self._resync(listener)
            return
        if not self._history.positions(listener.group_id, listener.position, 1):
            listener.position = top
            return
        positions = self._history.positions(
            str(listener.channel.id), listener.position, EVENTS_PER_TURN
        )
        entries = await self._history.fetch(positions)
        if entries is None:
            # Redis has trimmed or lost one of them.
            self._resync(listener)
            return
        entries = await self._state.refresh(entries)
        # No await after the last event: the position covers exactly what was sent.
        if await self._send(listener, entries):
            listener.position = positions[-1] if len(positions) == EVENTS_PER_TURN else top

    async def _send(self, listener: listeners.Listener, entries: list[streams.Entry]) -> bool:
        """Sends these events. Returns False when the client's queue was full before the end."""
        try:
            await self._access.enter_with_retry(listener.actor, listener.channel)
        except access.Refused:
            await self._end(listener, entries)
            return True
        for entry in entries:
            if listener.is_removed or listener.expires <= time.time():
                return True
            if self._emitter.queued(listener) >= MAX_BACKLOG_PACKETS:
                return False
            self._emit(listener, self._emitter.event(entry))
            listener.position = entry.position
        return True

    async def _end(self, listener: listeners.Listener, entries: list[streams.Entry]) -> None:
        """Disconnects a listener without access, after the deletion of its group (rule 95.8)."""
        deletions = [entry for entry in entries if entry.type == "group.deleted"]
        if deletions and await self._access.find(
            "deleted_group", {listener.group_id: [listener.user]}
        ):
            self._emit(listener, self._emitter.event(deletions[-1]))
        await self._emitter.evict(listener, "access")

    async def _wait_for_backlog(self, listener: listeners.Listener, seconds: float) -> float:
        """Waits until the client has received most of its packets. Returns the seconds left."""
        deadline = time.monotonic() + seconds
        while (
            not listener.is_removed and self._emitter.queued(listener) >= MAX_BACKLOG_PACKETS // 2
        ):
            if time.monotonic() > deadline:
                self._emitter.drop(listener.connection, "slow")
            await asyncio.sleep(BACKLOG_CHECK_SECONDS)
        return deadline - time.monotonic()
