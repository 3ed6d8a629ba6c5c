"""The one task of a process that reads the streams as they grow and tells those who may hear it.

Who may is asked after the events were read, so after they were committed: nobody hears what was
committed after they were banned.
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
from service.realtime import access, listeners, survey, telling

BATCH: Final = 200  # entries of each stream
# Seconds after which an event is late, as when a store was away: it may be out of date.
LATE: Final = 5.0
# So many packets are put into queues before the queues get time to empty.
AT_ONCE: Final = 500
# Seconds between looks at whether Redis has lost something, and before another try after an error.
LOOK: Final = 1.0
PAUSE: Final = 0.1

# Listeners by the group, or the post, that they are to be asked for.
Targets = dict[str, list[listeners.Listener]]


class Reader:
    """Hands out what happens. Everything up to `place` is handed out, or about to be."""

    def __init__(
        self,
        source: streams.Feed,
        asked: access.Access,
        teller: telling.Teller,
        surveyed: survey.Survey,
        tracer: telemetry.Tracer | None,
    ) -> None:
        self.place = streams.NOTHING
        # Where it began: who came since then without an id has missed nothing before.
        self.origin = streams.NOTHING
        self.started = asyncio.Event()
        # Redis was away when it began: what was published before it came back is not known.
        self.late = False
        self._attempted = False
        # Something went wrong: who may still hear what is to be asked anew.
        self._in_doubt = False
        # The last place that Redis was seen to know, and when it was asked.
        self._known = streams.NOTHING
        self._looked = -LOOK
        self._feed = source
        self._access = asked
        self._teller = teller
        self._survey = surveyed
        self._tracer = tracer

    async def run(self) -> None:
        """Reads until it is cancelled."""
        while True:
            try:
                if self._in_doubt:
                    await self._recover()
                await self._take(await self._feed.patiently(self._next))
            except Exception:
                structlog.get_logger().exception("events were not told")
                self._in_doubt = True
                await asyncio.sleep(PAUSE)

    async def _next(self) -> list[streams.Entry]:
        if not self.started.is_set():
            self.late, self._attempted = self._attempted, True
            self._begin(await self._feed.top())
            self.origin = self.place
            self.started.set()
        entries = await self._feed.read(self.place, BATCH)
        if not entries and time.monotonic() - self._looked > LOOK:
            await self._look_for_losses()
        elif not entries:
            await self._feed.wait(self.place)
        return entries

    def _begin(self, place: int) -> None:
        self.place = self._known = place
        self._survey.begin(place)
        for listener in self._teller.registry:
            if listener.live:
                listener.place = min(listener.place, place)

    async def _look_for_losses(self) -> None:
        """Begins anew where Redis knows less than it did, or more than it still has."""
        top = await self._feed.top()
        is_lost = top < self._known or (
            top > self.place and not await self._feed.read(self.place, 1)
        )
        self._known, self._looked = top, time.monotonic()
        if is_lost:
            self._begin(top)
            self._resync()

    async def _take(self, entries: list[streams.Entry]) -> None:
        while entries:
            # Where nothing was published yet, the first may have any place.
            if self.place == streams.NOTHING:
                self._begin(entries[0].place - 1)
                self.origin = self.place
            batch = streams.unbroken(entries, self.place)
            if batch:
                await self._hand_out(batch)
            else:
                self._begin(entries[0].place - 1)
                self._resync()
            entries = entries[len(batch) :]

    def _resync(self) -> None:
        event = telling.resync(self.place)
        told = [one for one in self._teller.registry if one.live and self._teller.tell(one, event)]
        self._teller.count(event, len(told))

    async def _recover(self) -> None:
        """Sends away who may hear no more, after a batch that was perhaps not heard to its end."""
        targets: Targets = {}
        for listener in self._teller.registry:
            if listener.live:
                targets.setdefault(listener.group_id, []).append(listener)
        await self._expel(targets, await self._allowed(targets))
        await self._look_again(one for audience in targets.values() for one in audience)
        self._resync()
        self._in_doubt = False

    async def _allowed(self, targets: Targets) -> set[access.Pair]:
        return await self._access.allowed(_users(targets, targets))

    async def _hand_out(self, entries: Sequence[streams.Entry]) -> None:
        # From here on, who is not among the targets has to see to it that it gets these.
        self.place = self._known = entries[-1].place
        self._survey.note(entries)
        targets = {
            group_id: audience
            for group_id in {entry.group_id for entry in entries}
            if (audience := self._teller.registry.live_in(group_id))
        }
        if not targets:
            return
        retold = await self._retold([entry for entry in entries if entry.group_id in targets])
        ended = {entry.group_id for entry in retold if entry.type == "group.deleted"}
        allowed = await self._allowed(targets)
        # The end of a group is the last that its people hear; it tells no content.
        hear_end = await self._access.hear_end(_users(targets, ended)) if ended else set()
        for entry in retold:
            with self._span(entry):
                await self._tell(
                    entry,
                    targets[entry.group_id],
                    allowed | hear_end if entry.type == "group.deleted" else allowed,
                )
        await self._expel(targets, allowed)
        await self._leave_deleted(entries, targets)

    async def _retold(self, entries: list[streams.Entry]) -> list[streams.Entry]:
        """The entries, and if they are late what was said of the same things since."""
        if time.time() - _occurred_at(entries[0]) > LATE:
            await self._survey.catch_up()
        elif self._survey.top == self.place:
            return entries
        retold = await self._survey.retold(entries)
        if retold is None:
            raise LookupError("the streams have lost something")
        return retold

    def _span(self, entry: streams.Entry) -> contextlib.AbstractContextManager[None]:
        if self._tracer is None or entry.traceparent is None:
            return contextlib.nullcontext()
        event = {"communities.event_id": streams.entry_id(entry.place)}
        return self._tracer.receiving(f"emit {entry.type}", entry.traceparent, event)

    async def _tell(
        self, entry: streams.Entry, audience: list[listeners.Listener], allowed: set[access.Pair]
    ) -> None:
        now = time.time()
        event = self._teller.event(entry)
        told = 0
        for listener in audience:
            if (
                listener.place >= entry.place
                or listener.expires <= now
                or not listener.wants(entry)
                or (entry.group_id, listener.user) not in allowed
            ):
                continue
            told += self._teller.tell(listener, event)
            if told % AT_ONCE == AT_ONCE - 1:
                await asyncio.sleep(0)
        self._teller.count(event, told)
        await asyncio.sleep(0)

    async def _expel(self, targets: Targets, allowed: set[access.Pair]) -> None:
        for thing, audience in targets.items():
            for listener in audience:
                if (thing, listener.user) not in allowed:
                    await self._teller.expel(listener, "access")

    async def _leave_deleted(self, entries: Sequence[streams.Entry], targets: Targets) -> None:
        """Disconnects those who may not see a post any more because it was deleted, or because
        they don't moderate the group of a deleted one any more.
        """
        deleted = {entry.post_id for entry in entries if entry.type == "post.deleted"}
        changed = {
            (entry.group_id, _member(entry)) for entry in entries if entry.type in _STANDINGS
        }
        await self._look_again(
            listener
            for audience in targets.values()
            for listener in audience
            if str(listener.channel.id) in deleted
            or (listener.group_id, str(listener.user)) in changed
        )

    async def _look_again(self, audience: Iterable[listeners.Listener]) -> None:
        """Disconnects those of the listeners of posts who may not see theirs any more."""
        watching: Targets = {}
        for listener in audience:
            if not listener.gone and listener.channel.kind == "post":
                watching.setdefault(str(listener.channel.id), []).append(listener)
        if watching:
            await self._expel(watching, await self._access.see_posts(_users(watching, watching)))


# After these somebody may see less of what was deleted.
_STANDINGS: Final = frozenset(
    kind
    for kind, event in registries.EVENT_TYPES.items()
    if kind.startswith("member.") and event.may_end_access
)


def _users(targets: Targets, things: Collection[str]) -> dict[str, set[uuid.UUID]]:
    return {thing: {one.user for one in targets[thing]} for thing in things}


def _member(entry: streams.Entry) -> str:
    return str(orjson.loads(entry.payload)["data"]["user_id"])


def _occurred_at(entry: streams.Entry) -> float:
    """When it happened, in seconds since the epoch; now, where an entry that is none of ours says
    nothing of that: it must not keep the others of its batch from being told.
    """
    event = orjson.loads(entry.payload)
    if not isinstance(event, dict) or "occurred_at" not in event:
        return time.time()
    return datetime.datetime.fromisoformat(event["occurred_at"]).timestamp()
