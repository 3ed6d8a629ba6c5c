"""Current state of events that are sent late, from SQL (rule 95.6).

Clients that resume after an outage need the same events. A result is kept until
a later event of its group is known, so PostgreSQL builds it once for all of them.
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
    """Current payload of an event, and the last known position of its group at that time."""

    payload: bytes
    as_of: int


class CurrentState:
    """Cache of the current states of late events."""

    def __init__(self, access_: access.Access, history_: history.History) -> None:
        self._access = access_
        self._history = history_
        self._states: dict[int, State] = {}
        self._restarts = history_.restarts

    async def refresh(self, entries: Sequence[streams.Entry]) -> list[streams.Entry]:
        """Replaces the data of entries by the current shape of their subject, or by its removal.

        Entries without content stay unchanged."""
        if self._restarts != self._history.restarts:
            self._states, self._restarts = {}, self._history.restarts
        stale = [entry for entry in entries if not self._is_current(entry)]
        states = self._states
        if stale:
            states = states | await self._load(stale)
            self._states = states if len(states) <= MAX_KEPT else {}
        return [
            dataclasses.replace(entry, payload=states[entry.position].payload) for entry in entries
        ]

    def _is_current(self, entry: streams.Entry) -> bool:
        state = self._states.get(entry.position)
        return state is not None and state.as_of >= self._history.last(entry.group_id)

    async def _load(self, entries: Sequence[streams.Entry]) -> dict[int, State]:
        # Read before the query: an event that arrives during the query makes the state stale.
        last = {entry.group_id: self._history.last(entry.group_id) for entry in entries}
        subjects = [subject for entry in entries if (subject := _subject(entry)) is not None]
        data = await self._access.refresh(subjects) if subjects else {}
        return {
            entry.position: State(
                _with_data(entry.payload, data.get(entry.position)), last[entry.group_id]
            )
            for entry in entries
        }


def _subject(entry: streams.Entry) -> Json | None:
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


def _with_data(payload: bytes, data: bytes | None) -> bytes:
    if data is None:
        return payload
    return orjson.dumps({**orjson.loads(payload), "data": orjson.Fragment(data)})
