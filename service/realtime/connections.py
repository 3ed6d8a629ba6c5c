"""Connections under Socket.IO: limits of idle and talkative ones, and their end (rule 95.10)."""

import asyncio
import time
import urllib.parse
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from engineio import payload
from starlette.types import Message, Receive, Scope, Send

# Bytes that a client may send in one message: a token is the longest.
MESSAGE: Final = 16 * 1024
# Messages that a client may send at once, and a second for long: it connects and answers pings.
BURST: Final = 500
RATE: Final = 20.0
# Connections of a process that are in no namespace, those of them that come from one address, and
# seconds that one may be in none.
UNJOINED: Final = 800
UNJOINED_OF_ADDRESS: Final = 400
PATIENCE: Final = 10.0

_GONE: Final[Message] = {"type": "websocket.disconnect", "code": 1008}
_TOO_LARGE: Final = 1009
_KEY: Final = "communities.transport"
# What stands between the messages of one request, and how many it may have at most.
_BETWEEN: Final = b"\x1e"
_AT_MOST: Final = payload.Payload.max_decode_packets


class Transport(Protocol):
    """What carries a websocket."""

    def abort(self) -> None: ...


@dataclass(slots=True)
class Budget:
    """What a client may say: it is spent by messages, and grows with time."""

    _left: float = BURST
    _since: float = field(default_factory=time.monotonic)

    def spend(self, messages: int = 1) -> bool:
        """Takes these messages; whether they were allowed."""
        now = time.monotonic()
        self._left = min(BURST, self._left + (now - self._since) * RATE) - messages
        self._since = now
        return self._left >= 0


@dataclass(slots=True)
class Connections:
    """The transports of websockets that began as polling; the others' are in their scopes. And
    what those that poll may still say.
    """

    _upgraded: dict[str, Transport] = field(default_factory=dict)
    _budgets: dict[str, Budget] = field(default_factory=dict)

    def begin(self, scope: Scope, send: Send) -> str | None:
        """Notes the transport of a websocket; the session that it upgrades, if it does."""
        # The server's own object: the protocol has no word for cutting a connection whose client
        # doesn't read, and a close that waits for that client may wait for ever.
        transport = getattr(getattr(send, "__self__", None), "transport", None)
        scope[_KEY] = transport
        session = session_of(scope)
        if session is not None and transport is not None:
            self._upgraded[session] = transport
        return session

    def end(self, session: str | None) -> None:
        """Forgets an upgraded one."""
        if session is not None:
            self._upgraded.pop(session, None)

    def take(self, session: str, body: bytes) -> bool:
        """Counts what one that polls says in a request; whether it may."""
        messages = body.count(_BETWEEN) + 1
        if body.startswith(b"d="):
            # In the form of JSONP it isn't seen how many there are.
            messages = _AT_MOST
        return self._budgets.setdefault(session, Budget()).spend(messages)

    def forget(self, session: str) -> None:
        """A session has ended."""
        self._budgets.pop(session, None)

    def cut(self, session: str, scope: Scope | None) -> None:
        """Ends the websocket of a session now, whatever is on its way."""
        transport = self._upgraded.get(session) or (scope or {}).get(_KEY)
        if transport is not None:
            transport.abort()


@dataclass(slots=True)
class Unjoined:
    """Connections that are in no namespace: each is cut when its time is over."""

    cut: Callable[[str], None]
    _clocks: dict[str, tuple[str, asyncio.TimerHandle]] = field(default_factory=dict)
    _addresses: Counter[str] = field(default_factory=Counter)

    def has_room(self, address: str) -> bool:
        """Whether one more may come from this address."""
        return len(self._clocks) < UNJOINED and self._addresses[address] < UNJOINED_OF_ADDRESS

    def begin(self, connection: str, address: str) -> None:
        """A connection is in no namespace yet, or any more."""
        self.end(connection)
        clock = asyncio.get_running_loop().call_later(PATIENCE, self.cut, connection)
        self._clocks[connection] = address, clock
        self._addresses[address] += 1

    def end(self, connection: str) -> None:
        """It is in one, or it has ended."""
        if connection in self._clocks:
            address, clock = self._clocks.pop(connection)
            clock.cancel()
            self._addresses[address] -= 1
            if not self._addresses[address]:
                del self._addresses[address]


def session_of(scope: Scope) -> str | None:
    """The session that a request or a websocket names."""
    query = urllib.parse.parse_qs(scope.get("query_string", b"").decode("latin-1"))
    return next(iter(query.get("sid", [])), None)


def address_of(environ: Mapping[str, Any]) -> str:
    """Where a connection comes from, as the server gives it."""
    client = environ.get("asgi.scope", {}).get("client")
    return str(client[0]) if client else ""


async def body_of(receive: Receive) -> bytes | None:
    """The body of a request; None when it is larger than a message may be."""
    body = b""
    while len(body) <= MESSAGE:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            return body if len(body) <= MESSAGE else None
    return None


def received(body: bytes, receive: Receive) -> Receive:
    """Receives a body that was read before, then what comes behind it."""
    first: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive_again() -> Message:
        return first.pop() if first else await receive()

    return receive_again


def limited(receive: Receive, send: Send, count: Callable[[], None]) -> Receive:
    """Receives as long as the client sends text, and not too much of it; counts one that does."""
    budget = Budget()

    async def receive_limited() -> Message:
        message = await receive()
        if message.get("code") == _TOO_LARGE:
            count()
        if message["type"] != "websocket.receive":
            return message
        if not budget.spend() or message.get("bytes") is not None:
            count()
            await send({"type": "websocket.close", "code": _GONE["code"]})
            return _GONE
        return message

    return receive_limited
