"""Telling clients: events go into their queues, and who may hear no more is sent away."""

import asyncio
from collections.abc import Mapping
from typing import Any, Final

import engineio.packet
import orjson
import structlog

from common import streams
from service.media import signed_urls
from service.operations import request_metrics
from service.realtime import connections, listeners

RESYNC: Final = "resync_required"
# Packets that wait for one connection; a client that is further behind is cut off.
QUEUE: Final = 1000


class Event:
    """An event, written once for all the clients of a namespace."""

    def __init__(self, kind: str, payload: bytes) -> None:
        self.kind = kind
        self._text = f"[{orjson.dumps(kind).decode()},{payload.decode()}]"
        self._packets: dict[str, Any] = {}

    def packet(self, namespace: str) -> Any:
        """The packet for a namespace; one object is shared by all, and encoded once."""
        packet = self._packets.get(namespace)
        if packet is None:
            packet = engineio.packet.Packet(
                engineio.packet.MESSAGE, data=f"2{namespace},{self._text}"
            )
            self._packets[namespace] = packet
        return packet


def resync(place: int) -> Event:
    """What is told instead of what is no longer kept."""
    return Event(RESYNC, orjson.dumps({"event_id": streams.entry_id(place)}))


class Teller:
    """Knows the listeners of this process and what carries them."""

    def __init__(
        self, server: Any, signer: signed_urls.Signer, measured: request_metrics.Metrics
    ) -> None:
        self.registry = listeners.Registry()
        self.connections = connections.Connections()
        self.is_leaving = False
        self.unjoined = connections.Unjoined(lambda connection: self.drop(connection, "unjoined"))
        self._server = server
        self._signer = signer
        self._metrics = measured
        self._closing: set[asyncio.Task[None]] = set()

    def event(self, entry: streams.Entry) -> Event:
        """Returns the event of an entry, with signed URLs of its pictures (rule 95.11)."""
        return Event(entry.type, self._signer.sign(entry.payload))

    def tell(self, listener: listeners.Listener, event: Event) -> bool:
        """Queues an event, and drops a listener that is too far behind (rule 95.15)."""
        socket = self._socket(listener.connection)
        if listener.gone or socket is None:
            self.forget(listener)
            return False
        if socket.queue.qsize() >= QUEUE:
            self.drop(listener.connection, "slow")
            return False
        socket.queue.put_nowait(event.packet(listener.namespace))
        return True

    def count(self, event: Event, receivers: int) -> None:
        """Counts those who were told."""
        if receivers:
            self._metrics.count_emitted(event.kind, receivers)

    def waiting(self, listener: listeners.Listener) -> int:
        """How many packets its connection is behind."""
        socket = self._socket(listener.connection)
        return socket.queue.qsize() if socket is not None else 0

    def is_connected(self, listener: listeners.Listener) -> bool:
        """Whether the client was told that it is connected."""
        connected: bool = self._server.manager.is_connected(listener.sid, listener.namespace)
        return connected

    def begin(self, connection: str, environ: Mapping[str, Any]) -> bool:
        """Takes a new connection, unless too many do nothing yet, or the process is to stop."""
        if self.is_leaving:
            self._metrics.count_dropped("stopping")
            return False
        address = connections.address_of(environ)
        if not self.unjoined.has_room(address):
            self._metrics.count_dropped("crowded")
            return False
        self.unjoined.begin(connection, address)
        return True

    def end(self, connection: str) -> None:
        """A connection has ended."""
        self.unjoined.end(connection)
        self.connections.forget(connection)

    def add(self, listener: listeners.Listener) -> None:
        """From now on there is this listener."""
        self.registry.add(listener)
        self.unjoined.end(listener.connection)
        self._metrics.set_sockets(len(self.registry))

    def forget(self, listener: listeners.Listener) -> None:
        """From now on there isn't."""
        self.registry.remove(listener)
        connection = listener.connection
        if not self.registry.of_connection(connection) and self._socket(connection) is not None:
            environ = self._server.environ.get(connection, {})
            self.unjoined.begin(connection, connections.address_of(environ))
        self._metrics.set_sockets(len(self.registry))

    async def expel(self, listener: listeners.Listener, reason: str) -> None:
        """Disconnects a client from a namespace; its connection stays."""
        if listener.gone:
            return
        self.forget(listener)
        self._metrics.count_evicted(reason)
        try:
            await self._server.disconnect(listener.sid, namespace=listener.namespace)
        except Exception as error:
            # It went by itself at this moment.
            structlog.get_logger().debug("client had gone", error=type(error).__name__)

    def hears(self, connection: str, body: bytes | None) -> bool:
        """Whether what a client that polls says in a request is taken; else it is cut."""
        if self._socket(connection) is None:
            return False
        if body is None or not self.connections.take(connection, body):
            self.drop(connection, "noisy")
            return False
        return True

    def count_noise(self) -> None:
        """Counts a client that said too much."""
        self._metrics.count_dropped("noisy")

    def drop(self, connection: str, reason: str) -> None:
        """Cuts a connection with all its namespaces, and what waits for it is thrown away."""
        for listener in self.registry.of_connection(connection):
            self.forget(listener)
        socket = self._server.eio.sockets.get(connection)
        if socket is None or socket.closed or socket.closing:
            return
        self._metrics.count_dropped(reason)
        structlog.get_logger().info("connection dropped", reason=reason)
        environ = self._server.environ.get(connection, {})
        task = asyncio.create_task(self._close(socket))
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)
        self.connections.cut(connection, environ.get("asgi.scope"))

    async def closed(self) -> None:
        """Returns when the connections that were cut are closed."""
        await asyncio.gather(*self._closing)

    async def _close(self, socket: Any) -> None:
        try:
            await socket.close(wait=False, abort=True)
        finally:
            while not socket.queue.empty():
                socket.queue.get_nowait()
                socket.queue.task_done()
            # Wakes whoever writes to it.
            socket.queue.put_nowait(None)

    def _socket(self, connection: str) -> Any:
        socket = self._server.eio.sockets.get(connection)
        return None if socket is None or socket.closed or socket.closing else socket
