"""Listeners: the clients of this process, each in one namespace."""

import asyncio
import math
import re
import uuid
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import Final, Literal, TypeVar

from common import streams
from service.http import parsing

# User of clients without a token, also in SQL.
ANONYMOUS: Final = uuid.UUID(int=0)
NEVER: Final = math.inf

Kind = Literal["group", "post"]
K = TypeVar("K")
V = TypeVar("V")

_NAMESPACE: Final = re.compile(r"/(group|post)s/([0-9A-Fa-f-]{36})")


@dataclass(frozen=True, slots=True)
class Channel:
    """Group or post whose events a namespace receives."""

    kind: Kind
    id: uuid.UUID

    @classmethod
    def of(cls, namespace: str) -> "Channel":
        """Returns the channel of a namespace. Raises ValueError for another name."""
        match = _NAMESPACE.fullmatch(namespace)
        if match is None:
            raise ValueError("is not a namespace")
        return cls("group" if match[1] == "group" else "post", parsing.parse_uuid(match[2]))


@dataclass(slots=True, eq=False, kw_only=True)
class Listener:
    """Client in one namespace. It has received everything up to `position`."""

    sid: str
    connection: str  # Engine.IO session, which may carry several namespaces
    namespace: str
    channel: Channel
    user: uuid.UUID
    expires: float  # seconds since the epoch
    position: int
    group_id: str = ""
    is_live: bool = False  # the reader sends its events; before, its replay does
    is_removed: bool = False
    timer: asyncio.TimerHandle | None = None  # ends it with its token

    @property
    def actor(self) -> uuid.UUID | None:
        """Returns the user as SQL takes an actor."""
        return None if self.user == ANONYMOUS else self.user

    def wants(self, entry: streams.Entry) -> bool:
        """Returns whether an event belongs to its namespace (rule 95.2)."""
        if self.channel.kind == "post":
            return entry.post_id == str(self.channel.id)
        return entry.group_id == self.group_id


@dataclass(slots=True)
class Registry:
    """Index of the listeners by id, group, connection and user."""

    _by_sid: dict[tuple[str, str], Listener] = field(default_factory=dict)
    _by_group: dict[str, dict[str, Listener]] = field(default_factory=dict)
    _by_connection: dict[str, dict[str, Listener]] = field(default_factory=dict)
    _connections: dict[uuid.UUID, dict[str, int]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self._by_sid)

    def __iter__(self) -> Iterator[Listener]:
        return iter(list(self._by_sid.values()))

    def add(self, listener: Listener) -> None:
        self._by_sid[listener.namespace, listener.sid] = listener
        self._by_group.setdefault(listener.group_id, {})[listener.sid] = listener
        self._by_connection.setdefault(listener.connection, {})[listener.sid] = listener
        counts = self._connections.setdefault(listener.user, {})
        counts[listener.connection] = counts.get(listener.connection, 0) + 1

    def remove(self, listener: Listener) -> bool:
        """Removes a listener. Returns False if it was removed before."""
        if self._by_sid.pop((listener.namespace, listener.sid), None) is None:
            return False
        listener.is_removed = True
        if listener.timer is not None:
            listener.timer.cancel()
        _discard(self._by_group, listener.group_id, listener.sid)
        _discard(self._by_connection, listener.connection, listener.sid)
        counts = self._connections[listener.user]
        counts[listener.connection] -= 1
        if not counts[listener.connection]:
            _discard(self._connections, listener.user, listener.connection)
        return True

    def find(self, namespace: str, sid: str) -> Listener | None:
        return self._by_sid.get((namespace, sid))

    def live_in(self, group_id: str) -> list[Listener]:
        """Returns the listeners in a group whose events the reader sends."""
        return [
            listener for listener in self._by_group.get(group_id, {}).values() if listener.is_live
        ]

    def of_connection(self, connection: str) -> Collection[Listener]:
        return list(self._by_connection.get(connection, {}).values())

    def connections_of(self, user: uuid.UUID) -> Collection[str]:
        return self._connections.get(user, {}).keys()


def _discard(index: dict[K, dict[str, V]], key: K, name: str) -> None:
    members = index.get(key, {})
    members.pop(name, None)
    if not members:
        index.pop(key, None)
