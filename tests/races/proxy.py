"""TCP proxy that can hold a message back, for example the answer to a commit."""

import contextlib
import socket
import threading
from collections.abc import Iterator
from typing import Literal
from urllib.parse import urlsplit

Direction = Literal["request", "response"]


class Proxy:
    """Proxy that forwards bytes until it holds a chunk back.

    After that the connection forwards nothing in the direction of the chunk.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._target = (parts.hostname or "127.0.0.1", parts.port or 0)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._wanted: tuple[Direction, bytes] | None = None
        self._held = threading.Event()
        self._lock = threading.Lock()
        self._sockets: list[socket.socket] = []
        login = "".join(parts.netloc.rpartition("@")[:2])
        address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self.url = parts._replace(netloc=login + address).geturl()
        threading.Thread(target=self._accept, daemon=True).start()

    def hold_back(self, direction: Direction, chunk: bytes) -> None:
        """Holds back the next chunk of this direction that contains these bytes."""
        self._held.clear()
        with self._lock:
            self._wanted = (direction, chunk)

    def wait(self) -> None:
        """Waits until the proxy has held the chunk back."""
        assert self._held.wait(10), "no chunk had these bytes"

    def close(self) -> None:
        for each in [self._listener, *self._sockets]:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(self._target)
                self._sockets += [client, server]
                for ends in ((client, server, "request"), (server, client, "response")):
                    threading.Thread(target=self._pump, args=ends, daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket, direction: Direction) -> None:
        holding = False
        with contextlib.suppress(OSError):
            while chunk := source.recv(1 << 16):
                holding = holding or self._takes(direction, chunk)
                if not holding:
                    sink.sendall(chunk)
        with contextlib.suppress(OSError):
            sink.shutdown(socket.SHUT_WR)

    def _takes(self, direction: Direction, chunk: bytes) -> bool:
        with self._lock:
            if self._wanted is None or self._wanted[0] != direction or self._wanted[1] not in chunk:
                return False
            self._wanted = None
        self._held.set()
        return True


@contextlib.contextmanager
def between(url: str) -> Iterator[Proxy]:
    """Yields a proxy in front of the server at this URL."""
    proxy = Proxy(url)
    try:
        yield proxy
    finally:
        proxy.close()
