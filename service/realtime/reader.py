"""Reader: the task of a process that follows the streams and sends new events to its clients.

SQL decides who may receive an event after the reader has read it, so after its commit. A client
therefore receives no event that was committed after it lost access (rule 95.7).
"""

import asyncio
import contextlib
import datetime
import time
import uuid
from collections.abc import Collection, Iterable, Sequence
from typing import Final

import orjson
import structlog

from common import streams, telemetry
from gen import registries
from service.realtime import access, current_state, emitter, history, listeners

BATCH_ENTRIES: Final = 200  # of each stream
# An older event is late, as after an outage: its data may be out of date.
LATE_SECONDS: Final = 5.0
# After this many packets, other tasks of the event loop run.
PACKETS_PER_TURN: Final = 500
LOSS_CHECK_SECONDS: Final = 1.0
RETRY_PAUSE_SECONDS: Final = 0.1

# Listeners by the id of the group or post whose visibility decides.
Targets = dict[str, list[listeners.Listener]]


class Reader:
    """Sender of new events. Everything up to `position` has been sent or is being sent."""

    def __init__(
        self,
        feed: streams.Feed,
        access_: access.Access,
        emitter_: emitter.Emitter,
        history_: history.History,
        state: current_state.CurrentState,
        tracer: telemetry.Tracer | None,
    ) -> None:
        self.position = streams.BEFORE_FIRST
        # Position at the start. A client without an id that connects later missed no earlier event.
        self.origin = streams.BEFORE_FIRST
        self.started = asyncio.Event()
        # Redis was down at the start, so events published before its return are unknown.
        self.started_late = False
        self._attempted = False
        # A batch failed, so the access of every listener is checked again.
        self._must_check_access = False
        # The last position that Redis knew, and the time of that answer.
        self._known_top = streams.BEFORE_FIRST
        self._checked_at = -LOSS_CHECK_SECONDS
        self._feed = feed
        self._access = access_
        self._emitter = emitter_
        self._history = history_
        self._state = state
        self._tracer = tracer

    async def run(self) -> None:
        """Reads until it is cancelled."""
        while True:
            try:
                if self._must_check_access:
                    await self._recover()
                await self._send_all(await self._feed.retry(self._next))
            except Exception:
                structlog.get_logger().exception("events were not sent")
                self._must_check_access = True
                await asyncio.sleep(RETRY_PAUSE_SECONDS)

    async def _next(self) -> list[streams.Entry]:
        if not self.started.is_set():
            self.started_late, self._attempted = self._attempted, True
            self._begin(await self._feed.top())
            self.origin = self.position
            self.started.set()
        entries = await self._feed.read(self.position, BATCH_ENTRIES)
        if not entries and time.monotonic() - self._checked_at > LOSS_CHECK_SECONDS:
            await self._check_for_losses()
        elif not entries:
            await self._feed.wait(self.position)
        return entries

    def _begin(self, position: int) -> None:
        self.position = self._known_top = position
        self._history.begin(position)
        for listener in self._emitter.registry:
            if listener.is_live:
                listener.position = min(listener.position, position)

    async def _check_for_losses(self) -> None:
        """Continues after the top when Redis has lost positions that it had (rule 95.13)."""
        top = await self._feed.top()
        is_lost = top < self._known_top or (
            top > self.position and not await self._feed.read(self.position, 1)
        )
        self._known_top, self._checked_at = top, time.monotonic()
        if is_lost:
            self._begin(top)
            self._resync()

    async def _send_all(self, entries: list[streams.Entry]) -> None:
        while entries:
            # In empty streams the first event may have any position.
            if self.position == streams.BEFORE_FIRST:
                self._begin(entries[0].position - 1)
                self.origin = self.position
            batch = streams.contiguous_after(entries, self.position)
            if batch:
                await self._send_batch(batch)
            else:
                self._begin(entries[0].position - 1)
                self._resync()
            entries = entries[len(batch) :]

    def _resync(self) -> None:
        event = emitter.resync(self.position)
        receivers = [
            listener
            for listener in self._emitter.registry
            if listener.is_live and self._emitter.emit(listener, event)
        ]
        self._emitter.count(event, len(receivers))

    async def _recover(self) -> None:
        """Checks the access of every listener after a batch that may have been sent in part."""
        targets: Targets = {}
        for listener in self._emitter.registry:
            if listener.is_live:
                targets.setdefault(listener.group_id, []).append(listener)
        await self._evict(targets, await self._allowed(targets))
        await self._check_posts(listener for audience in targets.values() for listener in audience)
        self._resync()
        self._must_check_access = False

    async def _allowed(self, targets: Targets) -> set[access.Pair]:
        return await self._access.find("group", _users(targets, targets))

    async def _send_batch(self, entries: Sequence[streams.Entry]) -> None:
        # From now on, the replay sends these events to every listener that is not live yet.
        self.position = self._known_top = entries[-1].position
        self._history.add(entries)
        targets = {
            group_id: audience
            for group_id in {entry.group_id for entry in entries}
            if (audience := self._emitter.registry.live_in(group_id))
        }
        if not targets:
            return
        current = await self._refreshed([entry for entry in entries if entry.group_id in targets])
        deleted = {entry.group_id for entry in current if entry.type == "group.deleted"}
        allowed = await self._allowed(targets)
        # The deletion of a group is the last event of those who could see it (rule 95.8).
        last_allowed = (
            await self._access.find("deleted_group", _users(targets, deleted)) if deleted else set()
        )
        for entry in current:
            with self._span(entry):
                await self._send(
                    entry,
                    targets[entry.group_id],
                    allowed | last_allowed if entry.type == "group.deleted" else allowed,
                )
        await self._evict(targets, allowed)
        await self._check_changed(entries, targets)

    async def _refreshed(self, entries: list[streams.Entry]) -> list[streams.Entry]:
        """Returns the entries, with current data if they are late (rule 95.6)."""
        if time.time() - _occurred_at(entries[0]) <= LATE_SECONDS:
            return entries
        return await self._state.refresh(entries)

    def _span(self, entry: streams.Entry) -> contextlib.AbstractContextManager[None]:
        if self._tracer is None or entry.traceparent is None:
            return contextlib.nullcontext()
        event = {"communities.event_id": streams.entry_id(entry.position)}
        return self._tracer.receiving(f"emit {entry.type}", entry.traceparent, event)

    async def _send(
        self, entry: streams.Entry, audience: list[listeners.Listener], allowed: set[access.Pair]
    ) -> None:
        now = time.time()
        event = self._emitter.event(entry)
        receivers = 0
        for listener in audience:
            if (
                listener.position >= entry.position
                or listener.expires <= now
                or not listener.wants(entry)
                or (entry.group_id, listener.user) not in allowed
            ):
                continue
            receivers += self._emitter.emit(listener, event)
            if receivers % PACKETS_PER_TURN == PACKETS_PER_TURN - 1:
                await asyncio.sleep(0)
        self._emitter.count(event, receivers)
        await asyncio.sleep(0)

    async def _evict(self, targets: Targets, allowed: set[access.Pair]) -> None:
        for channel, audience in targets.items():
            for listener in audience:
                if (channel, listener.user) not in allowed:
                    await self._emitter.evict(listener, "access")

    async def _check_changed(self, entries: Sequence[streams.Entry], targets: Targets) -> None:
        """Checks the listeners of deleted posts, and of members who may have lost a role."""
        deleted = {entry.post_id for entry in entries if entry.type == "post.deleted"}
        changed = {
            (entry.group_id, _member(entry)) for entry in entries if entry.type in _ROLE_CHANGES
        }
        await self._check_posts(
            listener
            for audience in targets.values()
            for listener in audience
            if str(listener.channel.id) in deleted
            or (listener.group_id, str(listener.user)) in changed
        )

    async def _check_posts(self, audience: Iterable[listeners.Listener]) -> None:
        """Disconnects the listeners of posts who may no longer see their post."""
        watching: Targets = {}
        for listener in audience:
            if not listener.is_removed and listener.channel.kind == "post":
                watching.setdefault(str(listener.channel.id), []).append(listener)
        if watching:
            allowed = await self._access.find("post", _users(watching, watching))
            await self._evict(watching, allowed)


# A member may see fewer deleted posts after one of these.
_ROLE_CHANGES: Final = frozenset(
    kind
    for kind, event in registries.EVENT_TYPES.items()
    if kind.startswith("member.") and event.may_end_access
)


def _users(targets: Targets, channels: Collection[str]) -> dict[str, set[uuid.UUID]]:
    return {channel: {listener.user for listener in targets[channel]} for channel in channels}


def _member(entry: streams.Entry) -> str:
    return str(orjson.loads(entry.payload)["data"]["user_id"])


def _occurred_at(entry: streams.Entry) -> float:
    """Returns the time of an event in seconds since the epoch, or now for a foreign entry.

    A foreign entry must not stop the other events of its batch.
    """
    event = orjson.loads(entry.payload)
    if not isinstance(event, dict) or "occurred_at" not in event:
        return time.time()
    return datetime.datetime.fromisoformat(event["occurred_at"]).timestamp()
