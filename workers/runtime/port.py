"""HTTP port of a worker that shares no folder with the service: /metrics and /healthz."""

import contextlib
import http.server
import threading
from collections.abc import Iterator
from typing import Final

import prometheus_client

from common import settings as configuration
from workers.runtime import metrics

MAX_TURN_SECONDS: Final = 120.0  # a longer turn hangs


@contextlib.contextmanager
def opened(settings: configuration.Settings, measured: metrics.Metrics) -> Iterator[None]:
    """Serves on METRICS_PORT, unless that is 0."""
    if not settings.metrics_port:
        yield
        return

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path == "/metrics":
                text = prometheus_client.generate_latest(measured.registry)
                self._answer(200, text, prometheus_client.CONTENT_TYPE_LATEST)
            elif self.path == "/healthz":
                is_alive = measured.heartbeat_age_seconds() < MAX_TURN_SECONDS
                body = b'{"status":"ok"}' if is_alive else b'{"status":"error"}'
                self._answer(200 if is_alive else 503, body, "application/json")
            else:
                self.send_error(404)

        def _answer(self, status: int, body: bytes, media_type: str) -> None:
            self.send_response(status)
            self.send_header("content-type", media_type)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer((settings.host, settings.metrics_port), Handler) as server:
        serving = threading.Thread(target=server.serve_forever, daemon=True)
        serving.start()
        try:
            yield
        finally:
            server.shutdown()
            serving.join()
