"""Current state of events that are sent late, from SQL (rule 95.6).

Clients that resume after an outage ask for the same events. The data of an event is kept until a
later event of its group is known, so that PostgreSQL builds it once for all of them.
"""

import dataclasses
import uuid
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import orjson

from common import streams
from gen import registries
from service.realtime import access, history

Json = dict[str, Any]

MAX_KEPT: Final = 5_000  # events


class State(NamedTuple):
    """Data of an event, and the position of the last event of its group that was known then."""

    data: bytes
    as_of: int


class CurrentState:
    """Replaces the data of late events by the current shape of their subject, or its removal."""

    def __init__(self, access_: access.Access, known: history.History) -> None:
        self._access = access_
        self._history = known
        self._states: dict[int, State] = {}

    async def refresh(self, entries: Sequence[streams.Entry]) -> list[streams.Entry]:
        """Returns the entries with current data. Entries without content stay as they are."""
        identities = {
            entry.position: identity
            for entry in entries
            if (identity := _identity(entry)) is not None
        }
        last = {entry.position: self._history.last(entry.group_id) for entry in entries}
        stale = [
            identity
            for position, identity in identities.items()
            if position not in self._states or self._states[position].as_of < last[position]
        ]
        states = self._states
        if stale:
            found = await self._access.refresh(stale)
            states = states | {
                position: State(data, last[position]) for position, data in found.items()
            }
            self._states = states if len(states) <= MAX_KEPT else {}
        return [
            _with_data(entry, states[entry.position].data)
            if entry.position in identities
            else entry
            for entry in entries
        ]


def _identity(entry: streams.Entry) -> Json | None:
    """Returns the subject of an event with content; None for others and for foreign entries."""
    known = registries.EVENT_TYPES.get(entry.type)
    if known is None or known.ends_subject:
        return None
    try:
        event = orjson.loads(entry.payload)
        return {
            "seq": entry.position,
            "kind": entry.type.partition(".")[0],
            "id": str(uuid.UUID(event["data"]["id"])),
            "subject_id": str(uuid.UUID(event["subject_id"])),
            "post_id": entry.post_id,
        }
    except (ValueError, TypeError, KeyError, AttributeError):
        return None


def _with_data(entry: streams.Entry, data: bytes) -> streams.Entry:
    event = {**orjson.loads(entry.payload), "data": orjson.Fragment(data)}
    return dataclasses.replace(entry, payload=orjson.dumps(event))
