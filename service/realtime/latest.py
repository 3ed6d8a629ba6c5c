"""What was last said of each thing: who hears of it late hears that, and nothing that is gone."""

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

import orjson

from common import streams
from gen import registries


class Said(NamedTuple):
    """Where something was last said of a thing, and when the thing ended, if it is gone."""

    place: int
    deleted_at: str | None


class Latest:
    """Knows of each thing by its id; the entries are noted from one place on, both ways."""

    def __init__(self) -> None:
        self._said: dict[str, Said] = {}

    def note(self, entry: streams.Entry, *, is_older: bool = False) -> Iterable[str]:
        """Takes down what an entry says, later than all before or older; of which things."""
        states = _states(entry)
        for thing, said in states.items():
            if is_older:
                self._said.setdefault(thing, said)
            else:
                self._said[thing] = said
        return states.keys()

    def forget(self, things: Iterable[str], upto: int) -> None:
        """Forgets what was last said of these things up to a place."""
        for thing in things:
            if thing in self._said and self._said[thing].place <= upto:
                del self._said[thing]

    def outdated(self, entries: Iterable[streams.Entry]) -> set[int]:
        """The places of what was said later of what these entries tell of."""
        places = set()
        for entry in entries:
            event = _event(entry)
            if event is not None and self._end(event) is None:
                said = self._said.get(event["data"]["id"])
                if said is not None and said.place > entry.place:
                    places.add(said.place)
        return places

    def retold(self, entry: streams.Entry, later: Mapping[int, streams.Entry]) -> streams.Entry:
        """An entry with what was said later of the same thing; itself where that is nothing."""
        event = _event(entry)
        if event is None:
            return entry
        data, place = event["data"], entry.place
        end = self._end(event)
        if end is not None:
            return _with(entry, event, {"id": data["id"], "deleted_at": end})
        said = self._said.get(data["id"])
        if said is not None and said.place in later:
            data, place = orjson.loads(later[said.place].payload)["data"], said.place
        data = self._without_removed(data, place)
        return entry if data is event["data"] else _with(entry, event, data)

    def _end(self, event: dict[str, Any]) -> str | None:
        """When the thing that an event tells of ended, or what it is part of."""
        for thing in (event["data"]["id"], event.get("subject_id"), event.get("post_id")):
            said = self._said.get(thing or "")
            if said is not None and said.deleted_at is not None:
                return said.deleted_at
        return None

    def _without_removed(self, data: dict[str, Any], place: int) -> dict[str, Any]:
        """What was said of a thing at a place, without the media and reactions removed since."""
        changed: dict[str, Any] = {}
        media = data.get("media", [])
        kept = [one for one in media if self._said.get(one["id"], _UNKNOWN).deleted_at is None]
        if len(kept) < len(media):
            changed["media"] = kept
        if data.get("reactions") and self._said.get(_of(data["id"]), _UNKNOWN).place > place:
            # Which of them are left isn't known.
            changed["reactions"] = []
        return {**data, **changed} if changed else data


_UNKNOWN: Final = Said(streams.NOTHING, None)


def _of(subject: str) -> str:
    """The reactions of a subject, as a thing of their own that only loses."""
    return f"reactions of {subject}"


def _states(entry: streams.Entry) -> dict[str, Said]:
    """What an entry says of which things."""
    noun = entry.type.partition(".")[0]
    known = registries.EVENT_TYPES.get(entry.type)
    event = _parsed(entry)
    # That a group has ended is no news of its content: who may hear that is asked each time.
    if event is None or known is None or entry.type == "group.deleted":
        return {}
    data = event["data"]
    if not known.ends_subject:
        return {data["id"]: Said(entry.place, None)}
    states = {data["id"]: Said(entry.place, data.get("deleted_at"))}
    if noun == "reaction":
        states[_of(str(event.get("subject_id")))] = Said(entry.place, None)
    return states


def _event(entry: streams.Entry) -> dict[str, Any] | None:
    """The event of an entry that has content; None for the others."""
    known = registries.EVENT_TYPES.get(entry.type)
    return _parsed(entry) if known is not None and not known.ends_subject else None


def _parsed(entry: streams.Entry) -> dict[str, Any] | None:
    """The event of an entry; None for one that is none of ours."""
    try:
        event = orjson.loads(entry.payload)
    except ValueError:
        return None
    data = event.get("data") if isinstance(event, dict) else None
    is_ours = isinstance(data, dict) and isinstance(data.get("id"), str)
    return event if is_ours else None


def _with(entry: streams.Entry, event: dict[str, Any], data: dict[str, Any]) -> streams.Entry:
    return dataclasses.replace(entry, payload=orjson.dumps({**event, "data": data}))
