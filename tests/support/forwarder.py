"""TCP address of a store that a test can switch off and on."""

import contextlib
import socket
import threading
import time
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from tools.instance import stack


@dataclass
class Forwarder:
    """Forwards connections to a store while it is up, and holds their bytes back while silent."""

    target: str
    port: int = field(default_factory=stack.free_port)
    silent: bool = False
    _listener: socket.socket | None = None
    _connections: list[socket.socket] = field(default_factory=list)

    @property
    def url(self) -> str:
        """Returns the store's URL with the address of the forwarder."""
        parts = urlsplit(self.target)
        credentials, at, _ = parts.netloc.rpartition("@")
        return parts._replace(netloc=f"{credentials}{at}127.0.0.1:{self.port}").geturl()

    @property
    def is_used(self) -> bool:
        """Returns whether a client has connected since the start."""
        return bool(self._connections)

    def up(self) -> None:
        """Accepts connections."""
        self._listener = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self._accept, args=[self._listener], daemon=True).start()

    def down(self) -> None:
        """Refuses new connections and closes the open ones."""
        if self._listener is not None:
            # Closing alone would not wake the thread that accepts.
            with contextlib.suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
            self._listener = None
        for connection in self._connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        self._connections.clear()

    def __enter__(self) -> Self:
        self.up()
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        self.down()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            parts = urlsplit(self.target)
            server = socket.create_connection((parts.hostname, parts.port))
            self._connections += [client, server]
            for source, sink in ((client, server), (server, client)):
                threading.Thread(target=self._pump, args=[source, sink], daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket) -> None:
        with source, contextlib.suppress(OSError):
            while data := source.recv(65536):
                while self.silent:
                    time.sleep(0.05)
                sink.sendall(data)
            sink.shutdown(socket.SHUT_RDWR)
