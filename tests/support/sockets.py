"""Socket.IO clients with the events that they received, and the services that they connect to."""

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Self

import psycopg
import socketio
from socketio import exceptions

from tests.support import api_client, servers
from tests.support.waiting import eventually_async

TIMEOUT_SECONDS = 10.0
WAITING = """
select count(*) from outbox_event where stream is not null and published_at is null
"""


@dataclass
class Client:
    """Client in one namespace. `received` holds each event's name and payload, in order."""

    origin: str
    namespace: str
    token: Any = None
    last: Any = None
    auth: Any = None
    before_connect: Callable[[], Awaitable[None]] | None = None
    received: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    disconnected: asyncio.Event = field(default_factory=asyncio.Event)
    refusal: str | None = None
    io: Any = field(init=False)

    async def connect(self, transport: str = "websocket") -> Self:
        if self.before_connect is not None:
            await self.before_connect()
        self.io = socketio.AsyncClient(reconnection=False)
        self.io.on("*", namespace=self.namespace, handler=self._receive)
        self.io.on("connect_error", namespace=self.namespace, handler=self._refuse)
        self.io.on("disconnect", namespace=self.namespace, handler=self._disconnect)
        await self.io.connect(
            self.origin,
            namespaces=[self.namespace],
            auth=self._auth(),
            transports=[transport],
            wait_timeout=TIMEOUT_SECONDS,
        )
        return self

    def _auth(self) -> Any:
        if self.auth is not None:
            return self.auth
        given = {"token": self.token, "last_event_id": self.last}
        return {name: value for name, value in given.items() if value is not None} or None

    async def close(self) -> None:
        await self.io.disconnect()
        # The library leaves this session open after the server was killed.
        if self.io.eio.http is not None:
            await self.io.eio.http.close()

    async def __aenter__(self) -> Self:
        return await self.connect()

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    @property
    def types(self) -> list[str]:
        return [name for name, _ in self.received]

    @property
    def ids(self) -> list[str]:
        return [payload["event_id"] for _, payload in self.received]

    def payloads(self, name: str) -> list[dict[str, Any]]:
        return [payload for event, payload in self.received if event == name]

    async def until(self, check: Callable[[Self], bool], seconds: float = TIMEOUT_SECONDS) -> None:
        """Waits until the client passes the check."""
        await eventually_async(lambda: check(self), seconds, lambda: self.types)

    async def receives(self, name: str, count: int = 1) -> dict[str, Any]:
        """Waits for this many events of a name. Returns the payload of the last one."""
        await self.until(lambda client: client.types.count(name) >= count)
        return self.payloads(name)[count - 1]

    async def until_disconnected(self, seconds: float = 1.5) -> None:
        """Waits until the server disconnects the namespace. The time includes the relay's."""
        async with asyncio.timeout(seconds):
            await self.disconnected.wait()

    async def _receive(self, name: str, payload: dict[str, Any]) -> None:
        self.received.append((name, payload))

    async def _refuse(self, error: Any) -> None:
        self.refusal = error["message"] if isinstance(error, dict) else str(error)

    async def _disconnect(self, *_: object) -> None:
        self.disconnected.set()


async def refusal(client: Client) -> str | None:
    """Returns the error with which the server refuses a client, or None."""
    try:
        await client.connect()
    except exceptions.ConnectionError:
        assert client.refusal is not None
        return client.refusal
    else:
        return None
    finally:
        await client.close()


@dataclass
class Instance:
    """Services on the same stores, with their users. A relay publishes their events."""

    services: list[servers.Service]
    is_relayed: bool = True
    users: dict[str, api_client.User] = field(default_factory=dict)
    opened: list[Any] = field(default_factory=list)

    @property
    def service(self) -> servers.Service:
        return self.services[0]

    def user(self, name: str) -> api_client.User:
        """Returns a user by name, created at the first call."""
        if name not in self.users:
            user_id = uuid.uuid4()
            client = self.service.client(user_id)
            self.opened.append(client)
            self.users[name] = api_client.User(user_id, client)
        return self.users[name]

    def group(self, visibility: str, *members: str, owner: str = "owner") -> str:
        """Returns the id of a new group with these members."""
        group_id = self.user(owner).make_group(visibility)
        for name in members:
            self.put(group_id, name, "member")
        return group_id

    def put(self, group_id: str, name: str, role: str) -> None:
        """Makes a user a member with this role."""
        path = f"/groups/{group_id}/members/{self.user(name).id}"
        response = self.user("owner").client.put(path, json={"role": role})
        assert response.is_success, response.text

    async def until_published(self) -> None:
        """Waits until the relay has published every event."""
        url = self.service.environment["DATABASE_URL"]
        async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
            for _ in range(1000):
                if await (await connection.execute(WAITING)).fetchone() == (0,):
                    break
                await asyncio.sleep(0.01)
        await asyncio.sleep(0.1)

    def client(
        self,
        namespace: str,
        name: str | None = None,
        *,
        service: int = 0,
        last: Any = None,
        ttl: timedelta = timedelta(hours=1),
    ) -> Client:
        """Returns a client that has not connected yet."""
        token = None if name is None else self.service.token(self.user(name).id, ttl)
        # A new client is to receive no earlier events, so it waits for the relay.
        before = self.until_published if self.is_relayed and last is None else None
        origin = self.services[service].origin
        return Client(origin, namespace, token, last, before_connect=before)

    def close(self) -> None:
        for client in self.opened:
            client.close()


@contextmanager
def two_services(
    run_service: Callable[..., servers.Service], run_worker: Callable[..., object], **given: str
) -> Iterator[Instance]:
    """Yields two services and a relay. Only the second service has the given settings."""
    run_worker("relay")
    instance = Instance([run_service(), run_service(**given)])
    yield instance
    instance.close()
