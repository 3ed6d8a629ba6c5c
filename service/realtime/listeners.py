"""Who is connected to this process, and to what."""

import asyncio
import math
import re
import uuid
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import Final, Literal, TypeVar

from common import streams
from service.http import parsing

# Whoever has no token; the rulebook knows them by this id too.
NOBODY: Final = uuid.UUID(int=0)
NEVER: Final = math.inf

Kind = Literal["group", "post"]
K = TypeVar("K")
V = TypeVar("V")

_NAMESPACE: Final = re.compile(r"/(group|post)s/([0-9A-Fa-f-]{36})")


@dataclass(frozen=True, slots=True)
class Channel:
    """What a namespace tells of."""

    kind: Kind
    id: uuid.UUID

    @classmethod
    def of(cls, namespace: str) -> "Channel":
        """The channel of a namespace. Raises ValueError where there is none."""
        match = _NAMESPACE.fullmatch(namespace)
        if match is None:
            raise ValueError("is no namespace")
        return cls("group" if match[1] == "group" else "post", parsing.parse_uuid(match[2]))


@dataclass(slots=True, eq=False, kw_only=True)
class Listener:
    """A client in one namespace. Everything up to `place` is behind it."""

    sid: str
    connection: str  # the Engine.IO session that carries it, perhaps with others
    namespace: str
    channel: Channel
    user: uuid.UUID
    expires: float  # seconds since the epoch
    place: int
    group_id: str = ""
    live: bool = False  # the reader tells it; before that, its own replay does
    gone: bool = False
    timer: asyncio.TimerHandle | None = None  # looks at the clock for its token

    @property
    def actor(self) -> uuid.UUID | None:
        """The user as doors take it."""
        return None if self.user == NOBODY else self.user

    def wants(self, entry: streams.Entry) -> bool:
        """Returns whether an event belongs to its namespace (rule 95.2)."""
        if self.channel.kind == "post":
            return entry.post_id == str(self.channel.id)
        return entry.group_id == self.group_id


@dataclass(slots=True)
class Registry:
    """The listeners of this process, by all that they are looked up by."""

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
        """Forgets a listener; False when it was forgotten before."""
        if self._by_sid.pop((listener.namespace, listener.sid), None) is None:
            return False
        listener.gone = True
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
        """Those whom the reader tells what happens in a group."""
        return [one for one in self._by_group.get(group_id, {}).values() if one.live]

    def of_connection(self, connection: str) -> Collection[Listener]:
        return list(self._by_connection.get(connection, {}).values())

    def connections_of(self, user: uuid.UUID) -> Collection[str]:
        return self._connections.get(user, {}).keys()


def _discard(index: dict[K, dict[str, V]], key: K, name: str) -> None:
    members = index.get(key, {})
    members.pop(name, None)
    if not members:
        index.pop(key, None)
