"""Prometheus metrics of the workers, in the folder that they share with the service."""

import time
from typing import Final

import prometheus_client

BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class Metrics:
    """Metrics of one worker, by the name of the consumer."""

    def __init__(self) -> None:
        self.registry = registry = prometheus_client.CollectorRegistry()
        self.beat()
        consumer = ["consumer"]
        self.processed = prometheus_client.Counter(
            "communities_outbox_processed", "Events delivered", consumer, registry=registry
        )
        self.failed = prometheus_client.Counter(
            "communities_outbox_failed", "Attempts that failed", consumer, registry=registry
        )
        self.dead = prometheus_client.Counter(
            "communities_outbox_dead", "Events given up", consumer, registry=registry
        )
        self.outages = prometheus_client.Counter(
            "communities_outbox_outages", "Times a store went away", consumer, registry=registry
        )
        self.batches = prometheus_client.Histogram(
            "communities_outbox_batch_duration_seconds",
            "Time to deliver a batch",
            consumer,
            buckets=BUCKETS,
            registry=registry,
        )
        # Every worker measures all consumers: the last one to look is right.
        self.lag = _gauge(registry, "lag_seconds", "Age of the oldest event that waits")
        self.waiting = _gauge(registry, "waiting_rows", "Events that wait")
        self.dead_rows = _gauge(registry, "dead_rows", "Events that were given up and are kept")
        self.swept = prometheus_client.Counter(
            "communities_swept", "Rows and objects removed", ["kind"], registry=registry
        )
        self.refused = prometheus_client.Counter(
            "communities_sweep_refused",
            "Times that the store refused to remove an object",
            registry=registry,
        )

    def beat(self) -> None:
        """Says that the worker is alive: it begins a turn."""
        self._beaten = time.monotonic()

    def age(self) -> float:
        """Seconds since it said so."""
        return time.monotonic() - self._beaten


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
