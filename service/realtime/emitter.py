"""Emitter: queues events for clients, and disconnects clients that lose access or fall behind."""

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
# Packets that may wait for one connection (rule 95.15).
MAX_QUEUED_PACKETS: Final = 1000


class Event:
    """Event, encoded once for all clients of a namespace."""

    def __init__(self, kind: str, payload: bytes) -> None:
        self.kind = kind
        self._text = f"[{orjson.dumps(kind).decode()},{payload.decode()}]"
        self._packets: dict[str, Any] = {}

    def packet(self, namespace: str) -> Any:
        """Returns the packet for a namespace, which all its clients share."""
        packet = self._packets.get(namespace)
        if packet is None:
            packet = engineio.packet.Packet(
                engineio.packet.MESSAGE, data=f"2{namespace},{self._text}"
            )
            self._packets[namespace] = packet
        return packet


def resync(position: int) -> Event:
    """Returns the event that replaces events which are no longer kept (rule 95.5)."""
    return Event(RESYNC, orjson.dumps({"event_id": streams.entry_id(position)}))


class Emitter:
    """Listeners of this process, and their connections."""

    def __init__(
        self, server: Any, signer: signed_urls.Signer, metrics: request_metrics.Metrics
    ) -> None:
        self.registry = listeners.Registry()
        self.connections = connections.Connections()
        self.is_stopping = False
        self.unjoined = connections.Unjoined(lambda connection: self.drop(connection, "unjoined"))
        self._server = server
        self._signer = signer
        self._metrics = metrics
        self._closing: set[asyncio.Task[None]] = set()

    def event(self, entry: streams.Entry) -> Event:
        """Returns the event of an entry, with signed URLs of its pictures (rule 95.11)."""
        return Event(entry.type, self._signer.sign(entry.payload))

    def emit(self, listener: listeners.Listener, event: Event) -> bool:
        """Queues an event, and drops a listener that is too far behind (rule 95.15).

        Returns whether the event was queued.
        """
        socket = self._socket(listener.connection)
        if listener.is_removed or socket is None:
            self.remove(listener)
            return False
        if socket.queue.qsize() >= MAX_QUEUED_PACKETS:
            self.drop(listener.connection, "slow")
            return False
        socket.queue.put_nowait(event.packet(listener.namespace))
        return True

    def count(self, event: Event, receivers: int) -> None:
        """Counts the receivers of an event in the metrics."""
        if receivers:
            self._metrics.count_emitted(event.kind, receivers)

    def queued(self, listener: listeners.Listener) -> int:
        """Returns the number of packets that wait for the listener's connection."""
        socket = self._socket(listener.connection)
        return socket.queue.qsize() if socket is not None else 0

    def is_connected(self, listener: listeners.Listener) -> bool:
        """Returns whether Socket.IO has confirmed the connection to the client."""
        connected: bool = self._server.manager.is_connected(listener.sid, listener.namespace)
        return connected

    def accept(self, connection: str, environ: Mapping[str, Any]) -> bool:
        """Accepts a connection, unless the process stops or too many have no namespace yet."""
        if self.is_stopping:
            self._metrics.count_dropped("stopping")
            return False
        address = connections.address_of(environ)
        if not self.unjoined.has_room(address):
            self._metrics.count_dropped("crowded")
            return False
        self.unjoined.begin(connection, address)
        return True

    def end(self, connection: str) -> None:
        """Removes a connection that has ended."""
        self.unjoined.end(connection)
        self.connections.remove(connection)

    def add(self, listener: listeners.Listener) -> None:
        """Adds a listener."""
        self.registry.add(listener)
        self.unjoined.end(listener.connection)
        self._metrics.set_sockets(len(self.registry))

    def remove(self, listener: listeners.Listener) -> None:
        """Removes a listener. Its connection must join another namespace in time."""
        self.registry.remove(listener)
        connection = listener.connection
        if not self.registry.of_connection(connection) and self._socket(connection) is not None:
            environ = self._server.environ.get(connection, {})
            self.unjoined.begin(connection, connections.address_of(environ))
        self._metrics.set_sockets(len(self.registry))

    async def evict(self, listener: listeners.Listener, reason: str) -> None:
        """Disconnects a client from a namespace; its connection stays."""
        if listener.is_removed:
            return
        self.remove(listener)
        self._metrics.count_evicted(reason)
        try:
            await self._server.disconnect(listener.sid, namespace=listener.namespace)
        except Exception as error:
            # The client disconnected concurrently.
            structlog.get_logger().debug("client already disconnected", error=type(error).__name__)

    def allows(self, connection: str, body: bytes | None) -> bool:
        """Returns whether a polling client may send this request; drops it otherwise."""
        if self._socket(connection) is None:
            return False
        if body is None or not self.connections.spend(connection, body):
            self.drop(connection, "noisy")
            return False
        return True

    def count_noise(self) -> None:
        """Counts a client that sent too much."""
        self._metrics.count_dropped("noisy")

    def drop(self, connection: str, reason: str) -> None:
        """Closes a connection with all its namespaces, and discards its packets."""
        for listener in self.registry.of_connection(connection):
            self.remove(listener)
        socket = self._server.eio.sockets.get(connection)
        if socket is None or socket.closed or socket.closing:
            return
        self._metrics.count_dropped(reason)
        structlog.get_logger().info("connection dropped", reason=reason)
        environ = self._server.environ.get(connection, {})
        task = asyncio.create_task(self._close(socket))
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)
        self.connections.abort(connection, environ.get("asgi.scope"))

    async def closed(self) -> None:
        """Waits until every dropped connection is closed."""
        await asyncio.gather(*self._closing)

    async def _close(self, socket: Any) -> None:
        try:
            await socket.close(wait=False, abort=True)
        finally:
            while not socket.queue.empty():
                socket.queue.get_nowait()
                socket.queue.task_done()
            # Wakes the task that writes to the socket.
            socket.queue.put_nowait(None)

    def _socket(self, connection: str) -> Any:
        socket = self._server.eio.sockets.get(connection)
        return None if socket is None or socket.closed or socket.closing else socket
