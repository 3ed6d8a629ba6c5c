"""Connections under Socket.IO: who waits idly, who says too much, and how to cut one at once."""

import asyncio
import time
import urllib.parse
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Protocol

from starlette.types import Message, Receive, Scope, Send

# Bytes that a client may send in one message: a token is the longest.
MESSAGE: Final = 16 * 1024
# Messages that a client may send at once, and a second for long: it connects and answers pings.
BURST: Final = 500
RATE: Final = 20.0
# Connections of a process that are in no namespace, and seconds that one may be in none.
UNJOINED: Final = 500
PATIENCE: Final = 10.0

_GONE: Final[Message] = {"type": "websocket.disconnect", "code": 1008}
_TOO_LARGE: Final = 1009
_KEY: Final = "communities.transport"


class Transport(Protocol):
    """What carries a websocket."""

    def abort(self) -> None: ...


@dataclass(slots=True)
class Connections:
    """The transports of websockets that began as polling; the others' are in their scopes."""

    _upgraded: dict[str, Transport] = field(default_factory=dict)

    def begin(self, scope: Scope, send: Send) -> str | None:
        """Notes the transport of a websocket; the session that it upgrades, if it does."""
        # The server's own object: the protocol has no word for cutting a connection whose client
        # doesn't read, and a close that waits for that client may wait for ever.
        transport = getattr(getattr(send, "__self__", None), "transport", None)
        scope[_KEY] = transport
        query = urllib.parse.parse_qs(scope.get("query_string", b"").decode("latin-1"))
        session: str | None = next(iter(query.get("sid", [])), None)
        if session is not None and transport is not None:
            self._upgraded[session] = transport
        return session

    def end(self, session: str | None) -> None:
        """Forgets an upgraded one."""
        if session is not None:
            self._upgraded.pop(session, None)

    def cut(self, session: str, scope: Scope | None) -> None:
        """Ends the websocket of a session now, whatever is on its way."""
        transport = self._upgraded.get(session) or (scope or {}).get(_KEY)
        if transport is not None:
            transport.abort()


@dataclass(slots=True)
class Unjoined:
    """Connections that are in no namespace: each is cut when its time is over."""

    cut: Callable[[str], None]
    _clocks: dict[str, asyncio.TimerHandle] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self._clocks)

    def begin(self, connection: str) -> None:
        """A connection is in no namespace yet, or any more."""
        self.end(connection)
        loop = asyncio.get_running_loop()
        self._clocks[connection] = loop.call_later(PATIENCE, self.cut, connection)

    def end(self, connection: str) -> None:
        """It is in one, or it has ended."""
        clock = self._clocks.pop(connection, None)
        if clock is not None:
            clock.cancel()


def limited(receive: Receive, send: Send, count: Callable[[], None]) -> Receive:
    """Receives as long as the client sends text, and not too much of it; counts one that does."""
    budget, since = float(BURST), time.monotonic()

    async def receive_limited() -> Message:
        nonlocal budget, since
        message = await receive()
        if message.get("code") == _TOO_LARGE:
            count()
        if message["type"] != "websocket.receive":
            return message
        now = time.monotonic()
        budget, since = min(BURST, budget + (now - since) * RATE) - 1, now
        if budget < 0 or message.get("bytes") is not None:
            count()
            await send({"type": "websocket.close", "code": _GONE["code"]})
            return _GONE
        return message

    return receive_limited
