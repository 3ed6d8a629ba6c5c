"""The one task of a process that reads the streams as they grow and tells those who may hear it.

Who may is asked after the events were read, so after they were committed: nobody hears what was
committed after they were banned.
"""

import asyncio
import contextlib
import datetime
import time
import uuid
from collections.abc import Sequence
from typing import Final

import orjson
import structlog

from service import streams, telemetry
from service.realtime import access, feed, listeners, removed, telling

BATCH: Final = 200  # entries of each stream
# Seconds after which an event is late, as when a store was away: it may be out of date.
LATE: Final = 5.0
# So many packets are put into queues before the queues get time to empty.
AT_ONCE: Final = 500

Targets = dict[str, list[listeners.Listener]]


class Reader:
    """Hands out what happens. Everything up to `place` is handed out, or about to be."""

    def __init__(
        self,
        source: feed.Feed,
        asked: access.Access,
        teller: telling.Teller,
        tracer: telemetry.Tracer | None,
    ) -> None:
        self.place = feed.NOTHING
        self.started = asyncio.Event()
        # Redis was away when it began: what was published before it came back is not known.
        self.late = False
        self._attempted = False
        # What is gone of what is told late, as far as the streams were read for that.
        self._gone = removed.Removed()
        self._surveyed = feed.NOTHING
        self._feed = source
        self._access = asked
        self._teller = teller
        self._tracer = tracer

    async def run(self) -> None:
        """Reads until it is cancelled."""
        while True:
            entries = await self._feed.patiently(self._next)
            try:
                await self._take(entries)
            except Exception:
                structlog.get_logger().exception("events were not told")
                self._resync()

    async def _next(self) -> list[feed.Entry]:
        if not self.started.is_set():
            self.late, self._attempted = self._attempted, True
            self.place = await self._feed.top()
            self.started.set()
        entries = await self._feed.read(self.place, BATCH)
        if not entries:
            await self._feed.wait(self.place)
        return entries

    async def _take(self, entries: list[feed.Entry]) -> None:
        while entries:
            # Where nothing was published yet, the first may have any place.
            if self.place == feed.NOTHING:
                self.place = entries[0].place - 1
            batch = feed.unbroken(entries, self.place)
            if batch:
                await self._hand_out(batch)
            else:
                self.place = entries[0].place - 1
                self._resync()
            entries = entries[len(batch) :]

    def _resync(self) -> None:
        self._surveyed = feed.NOTHING
        event = telling.resync(self.place)
        told = [one for one in self._teller.registry if one.live and self._teller.tell(one, event)]
        self._teller.count(event, len(told))

    async def _hand_out(self, entries: Sequence[feed.Entry]) -> None:
        # From here on, who is not among the targets has to see to it that it gets these.
        self.place = entries[-1].place
        targets = {
            group_id: audience
            for group_id in {entry.group_id for entry in entries}
            if (audience := self._teller.registry.live_in(group_id))
        }
        if not targets:
            return
        allowed = await self._access.allowed(
            {group_id: {one.user for one in audience} for group_id, audience in targets.items()}
        )
        await self._survey(entries, targets)
        departed: set[uuid.UUID] = set()
        for entry in entries:
            if entry.type in ("member.left", "member.banned"):
                departed.add(_member(entry))
            audience = targets.get(entry.group_id, [])
            if audience:
                with self._span(entry):
                    await self._tell(entry, audience, allowed, departed)
        await self._expel(targets, allowed)
        await self._leave_deleted(entries, targets)

    async def _survey(self, entries: Sequence[feed.Entry], targets: Targets) -> None:
        """Looks at what was deleted behind these entries, if they are late."""
        if entries[-1].place <= self._surveyed:
            return
        self._gone = removed.Removed()
        if time.time() - _occurred_at(entries[0]) > LATE:
            self._surveyed = max(await self._feed.patiently(self._feed.top), entries[-1].place)
            self._gone, _ = await removed.survey(
                self._feed, entries[0].place - 1, self._surveyed, targets.keys()
            )

    def _span(self, entry: feed.Entry) -> contextlib.AbstractContextManager[None]:
        if self._tracer is None or entry.traceparent is None:
            return contextlib.nullcontext()
        event = {"communities.event_id": streams.entry_id(entry.place)}
        return self._tracer.receiving(f"emit {entry.type}", entry.traceparent, event)

    async def _tell(
        self,
        entry: feed.Entry,
        audience: list[listeners.Listener],
        allowed: set[access.Pair],
        departed: set[uuid.UUID],
    ) -> None:
        now = time.time()
        event = self._teller.event(entry)
        readable = self._gone.readable(entry)
        shortened = None if readable is entry else self._teller.event(readable)
        told = 0
        for listener in audience:
            if (
                listener.place >= entry.place
                or listener.expires <= now
                or not listener.wants(entry)
            ):
                continue
            if (entry.group_id, listener.user) not in allowed and (
                # The end of a group is the last that its people hear; it tells no content.
                entry.type != "group.deleted" or listener.user in departed
            ):
                continue
            if shortened is not None and not await self._access.sees_deleted(listener):
                told += self._teller.tell(listener, shortened)
            else:
                told += self._teller.tell(listener, event)
            if told % AT_ONCE == AT_ONCE - 1:
                await asyncio.sleep(0)
        self._teller.count(event, told)
        await asyncio.sleep(0)

    async def _expel(self, targets: Targets, allowed: set[access.Pair]) -> None:
        for group_id, audience in targets.items():
            for listener in audience:
                if (group_id, listener.user) not in allowed:
                    await self._teller.expel(listener, "access")

    async def _leave_deleted(self, entries: Sequence[feed.Entry], targets: Targets) -> None:
        """Disconnects those who may not see a post any more because it was deleted."""
        deleted = {entry.post_id for entry in entries if entry.type == "post.deleted"}
        if not deleted:
            return
        known: dict[tuple[uuid.UUID, listeners.Channel], bool] = {}
        for listener in [one for audience in targets.values() for one in audience]:
            channel = listener.channel
            if listener.gone or channel.kind != "post" or str(channel.id) not in deleted:
                continue
            key = (listener.user, channel)
            if key not in known:
                known[key] = await self._sees(listener)
            if not known[key]:
                await self._teller.expel(listener, "access")

    async def _sees(self, listener: listeners.Listener) -> bool:
        try:
            await self._access.enter_patiently(listener.actor, listener.channel)
        except access.Refused:
            return False
        return True


def _member(entry: feed.Entry) -> uuid.UUID:
    return uuid.UUID(orjson.loads(entry.payload)["data"]["user_id"])


def _occurred_at(entry: feed.Entry) -> float:
    """When it happened, in seconds since the epoch; now, where an entry that is none of ours says
    nothing of that: it must not keep the others of its batch from being told.
    """
    event = orjson.loads(entry.payload)
    if not isinstance(event, dict) or "occurred_at" not in event:
        return time.time()
    return datetime.datetime.fromisoformat(event["occurred_at"]).timestamp()
