"""Connections under Socket.IO: limits on idle and noisy ones, and their abrupt end (rule 95.10)."""

import asyncio
import time
import urllib.parse
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from engineio import payload
from starlette.types import Message, Receive, Scope, Send

MAX_MESSAGE_BYTES: Final = 16 * 1024  # a token is the longest message
# Token bucket of a client's messages: it only connects and answers pings.
MESSAGE_BURST: Final = 500
MESSAGES_PER_SECOND: Final = 20.0
# Connections without a namespace, of the process and of one address.
MAX_UNJOINED: Final = 800
MAX_UNJOINED_PER_ADDRESS: Final = 400
JOIN_TIMEOUT_SECONDS: Final = 10.0

_GONE: Final[Message] = {"type": "websocket.disconnect", "code": 1008}
_TOO_LARGE: Final = 1009
_KEY: Final = "communities.transport"
_SEPARATOR: Final = b"\x1e"  # between the messages of one request
_MAX_MESSAGES: Final = payload.Payload.max_decode_packets


class Transport(Protocol):
    """Network transport of a websocket."""

    def abort(self) -> None: ...


@dataclass(slots=True)
class Budget:
    """Token bucket: messages take from it, and it refills with time."""

    _left: float = MESSAGE_BURST
    _since: float = field(default_factory=time.monotonic)

    def spend(self, messages: int = 1) -> bool:
        """Takes tokens for these messages. Returns whether there were enough."""
        now = time.monotonic()
        earned = (now - self._since) * MESSAGES_PER_SECOND
        self._left = min(MESSAGE_BURST, self._left + earned) - messages
        self._since = now
        return self._left >= 0


@dataclass(slots=True)
class Connections:
    """Transports of upgraded websockets, and message budgets of polling clients.

    The transport of a websocket that was not upgraded is in its scope.
    """

    _upgraded: dict[str, Transport] = field(default_factory=dict)
    _budgets: dict[str, Budget] = field(default_factory=dict)

    def begin(self, scope: Scope, send: Send) -> str | None:
        """Keeps the transport of a websocket. Returns the session that it upgrades, or None."""
        # ASGI cannot abort a connection, and a close waits for a client that does not read.
        transport = getattr(getattr(send, "__self__", None), "transport", None)
        scope[_KEY] = transport
        session = session_of(scope)
        if session is not None and transport is not None:
            self._upgraded[session] = transport
        return session

    def end(self, session: str | None) -> None:
        """Removes the transport of an upgraded session."""
        if session is not None:
            self._upgraded.pop(session, None)

    def spend(self, session: str, body: bytes) -> bool:
        """Takes tokens for the messages of a polling request. Returns whether there were enough."""
        messages = body.count(_SEPARATOR) + 1
        if body.startswith(b"d="):
            # JSONP escapes the separators, so the maximum is assumed.
            messages = _MAX_MESSAGES
        return self._budgets.setdefault(session, Budget()).spend(messages)

    def remove(self, session: str) -> None:
        """Removes the budget of a session that has ended."""
        self._budgets.pop(session, None)

    def abort(self, session: str, scope: Scope | None) -> None:
        """Aborts the websocket of a session, without sending what is queued."""
        transport = self._upgraded.get(session) or (scope or {}).get(_KEY)
        if transport is not None:
            transport.abort()


@dataclass(slots=True)
class Unjoined:
    """Connections without a namespace. Each is dropped unless it joins one in time."""

    drop: Callable[[str], None]
    _timers: dict[str, tuple[str, asyncio.TimerHandle]] = field(default_factory=dict)
    _addresses: Counter[str] = field(default_factory=Counter)

    def has_room(self, address: str) -> bool:
        """Returns whether another connection from this address may wait."""
        return (
            len(self._timers) < MAX_UNJOINED and self._addresses[address] < MAX_UNJOINED_PER_ADDRESS
        )

    def begin(self, connection: str, address: str) -> None:
        """Starts the timeout of a connection without a namespace."""
        self.end(connection)
        timer = asyncio.get_running_loop().call_later(JOIN_TIMEOUT_SECONDS, self.drop, connection)
        self._timers[connection] = address, timer
        self._addresses[address] += 1

    def end(self, connection: str) -> None:
        """Stops the timeout of a connection that has joined a namespace or ended."""
        if connection in self._timers:
            address, timer = self._timers.pop(connection)
            timer.cancel()
            self._addresses[address] -= 1
            if not self._addresses[address]:
                del self._addresses[address]


def session_of(scope: Scope) -> str | None:
    """Returns the session that a request or websocket names, or None."""
    query = urllib.parse.parse_qs(scope.get("query_string", b"").decode("latin-1"))
    return next(iter(query.get("sid", [])), None)


def address_of(environ: Mapping[str, Any]) -> str:
    """Returns the client address of a connection, or an empty text."""
    client = environ.get("asgi.scope", {}).get("client")
    return str(client[0]) if client else ""


async def body_of(receive: Receive) -> bytes | None:
    """Reads the body of a request. Returns None if it exceeds MAX_MESSAGE_BYTES."""
    body = b""
    while len(body) <= MAX_MESSAGE_BYTES:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            return body if len(body) <= MAX_MESSAGE_BYTES else None
    return None


def received(body: bytes, receive: Receive) -> Receive:
    """Returns a receive function that yields this body first, then the following messages."""
    first: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive_again() -> Message:
        return first.pop() if first else await receive()

    return receive_again


def limited(receive: Receive, send: Send, count: Callable[[], None]) -> Receive:
    """Returns a receive function that closes a websocket which sends binary or too many messages.

    Calls `count` for each such websocket.
    """
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
