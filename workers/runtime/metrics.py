"""Prometheus metrics of the workers, in the same folder as those of the service."""

import time
from typing import Final

import prometheus_client

BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class Metrics:
    """Metrics of one worker, labelled by consumer."""

    def __init__(self) -> None:
        self.registry = registry = prometheus_client.CollectorRegistry()
        self.record_heartbeat()
        consumer = ["consumer"]
        self.processed = prometheus_client.Counter(
            "communities_outbox_processed", "Events delivered", consumer, registry=registry
        )
        self.failed = prometheus_client.Counter(
            "communities_outbox_failed", "Failed attempts", consumer, registry=registry
        )
        self.dead = prometheus_client.Counter(
            "communities_outbox_dead", "Events that became dead", consumer, registry=registry
        )
        self.outages = prometheus_client.Counter(
            "communities_outbox_outages", "Outages of a store", consumer, registry=registry
        )
        self.batches = prometheus_client.Histogram(
            "communities_outbox_batch_duration_seconds",
            "Time to deliver a batch",
            consumer,
            buckets=BUCKETS,
            registry=registry,
        )
        # Every worker measures all consumers. The latest value is the valid one.
        self.lag = _gauge(registry, "lag_seconds", "Age of the oldest waiting event")
        self.waiting = _gauge(registry, "waiting_rows", "Waiting events")
        self.dead_rows = _gauge(registry, "dead_rows", "Dead events")
        self.swept = prometheus_client.Counter(
            "communities_swept", "Deleted rows and objects", ["kind"], registry=registry
        )
        self.refused = prometheus_client.Counter(
            "communities_sweep_refused",
            "Objects that the store refused to delete",
            registry=registry,
        )

    def record_heartbeat(self) -> None:
        """Records that the worker began a turn."""
        self._last_heartbeat = time.monotonic()

    def heartbeat_age_seconds(self) -> float:
        """Returns the seconds since the last turn began."""
        return time.monotonic() - self._last_heartbeat


def _gauge(
    registry: prometheus_client.CollectorRegistry, name: str, meaning: str
) -> prometheus_client.Gauge:
    return prometheus_client.Gauge(
        f"communities_outbox_{name}",
        meaning,
        ["consumer"],
        registry=registry,
        multiprocess_mode="mostrecent",
    )
