"""Metrics of the service: requests by route, created resources, sockets (rule 00.29)."""

import os
from pathlib import Path
from typing import Final

import prometheus_client
from prometheus_client import Counter, Histogram, multiprocess

BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
EVICTED: Final = ("access", "token")
DROPPED: Final = ("slow", "noisy", "unavailable", "stopping")
METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class Metrics:
    """Metrics of this process."""

    def __init__(self) -> None:
        self._registry = prometheus_client.CollectorRegistry()
        self._requests = prometheus_client.Counter(
            "communities_http_requests",
            "Answered requests",
            ["method", "route", "status"],
            registry=self._registry,
        )
        self._durations = prometheus_client.Histogram(
            "communities_http_request_duration_seconds",
            "Time to answer a request",
            ["method", "route"],
            buckets=BUCKETS,
            registry=self._registry,
        )
        # A cache, because a lookup by labels takes longer than the counting.
        self._children: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}
        self._created = prometheus_client.Counter(
            "communities_created", "Created resources", ["kind"], registry=self._registry
        )
        self._pool = {
            name: prometheus_client.Gauge(
                f"communities_db_pool_{name}",
                meaning,
                registry=self._registry,
                multiprocess_mode="livesum",
            )
            for name, meaning in (
                ("size", "Connections to PostgreSQL"),
                ("available", "Idle connections"),
                ("waiting", "Requests that wait for a connection"),
            )
        }
        self._sockets = prometheus_client.Gauge(
            "communities_sockets",
            "Connected namespaces",
            registry=self._registry,
            multiprocess_mode="livesum",
        )
        self._emitted = prometheus_client.Counter(
            "communities_events_emitted",
            "Events sent, counted per socket",
            ["type"],
            registry=self._registry,
        )
        self._evicted = prometheus_client.Counter(
            "communities_sockets_evicted",
            "Namespaces from which clients were disconnected",
            ["reason"],
            registry=self._registry,
        )
        self._dropped = prometheus_client.Counter(
            "communities_sockets_dropped",
            "Dropped connections",
            ["reason"],
            registry=self._registry,
        )

        # Labelled at the start, so that rates begin at 0.
        for counter, reasons in ((self._evicted, EVICTED), (self._dropped, DROPPED)):
            for reason in reasons:
                counter.labels(reason)

    def count_request(self, method: str, route: str, status: int, seconds: float) -> None:
        """Counts a request; `route` is the template of its path."""
        key = (method if method in METHODS else "other", route, status)
        children = self._children.get(key)
        if children is None:
            requests = self._requests.labels(key[0], route, str(status))
            children = self._children[key] = (requests, self._durations.labels(key[0], route))
        children[0].inc()
        children[1].observe(seconds)

    def count_created(self, kind: str) -> None:
        """Counts a created resource: group, post, comment, reaction, member and others."""
        self._created.labels(kind).inc()

    def set_pool(self, size: int, available: int, waiting: int) -> None:
        """Sets the numbers of pooled connections, and of requests that wait for one."""
        values = {"size": size, "available": available, "waiting": waiting}
        for name, value in values.items():
            self._pool[name].set(value)

    def set_sockets(self, number: int) -> None:
        """Sets the number of connected namespaces of this process."""
        self._sockets.set(number)

    def count_emitted(self, kind: str, receivers: int) -> None:
        """Counts an event for each socket that received it."""
        self._emitted.labels(kind).inc(receivers)

    def count_evicted(self, reason: str) -> None:
        """Counts a client that was disconnected from a namespace: access, token."""
        self._evicted.labels(reason).inc()

    def count_dropped(self, reason: str) -> None:
        """Counts a dropped or refused connection.

        Reasons of drops are slow, noisy, unavailable, unjoined, anonymous and stopping. The reason
        of a refusal is crowded.
        """
        self._dropped.labels(reason).inc()

    def text(self) -> bytes:
        """Returns the exposition, of all processes of this instance when they share a folder."""
        registry = self._registry
        if folder := os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
            _remove_dead(Path(folder))
            registry = prometheus_client.CollectorRegistry()
            multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        return prometheus_client.generate_latest(registry)


def _remove_dead(folder: Path) -> None:
    """Removes the gauges of ended processes, which must not be summed."""
    for path in folder.glob("gauge_live*.db"):
        try:
            os.kill(int(path.stem.rpartition("_")[2]), 0)
        except ProcessLookupError:
            path.unlink(missing_ok=True)
        except PermissionError:
            pass  # a running process of another user
