"""Loop of the consumers: wake-ups, idle leases, outages and shutdown.

Proves rules 06.4, 06.5 and 06.10.
"""

import asyncio
import contextlib
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pydantic
import pytest
import redis
import structlog

from common import database, outages
from common import settings as configuration
from tests.conftest import ServiceFactory, WorkerFactory
from tests.support import servers
from tests.support.forwarder import Forwarder
from tests.support.waiting import eventually, eventually_async, lock_waits
from tests.support.writers import Writer, entries, unpublished, wait_until_published
from tools.instance import stack
from workers.runtime import doorbell, loop, metrics

Settings = configuration.ServiceSettings


class FakeConsumer:
    """Consumer that counts its batches, and returns or raises the outcomes that a test sets."""

    name = "search"

    def __init__(self) -> None:
        self.batches = 0
        self.outcomes: list[int | Exception] = []

    async def handle(self, connection: database.Connection) -> int:
        self.batches += 1
        await connection.execute("select 1")
        outcome = self.outcomes.pop(0) if self.outcomes else 0
        if isinstance(outcome, Exception):
            raise outcome
        return outcome


@pytest.fixture
def settings(test_stack: stack.Stack, database_url: str) -> Settings:
    given = {**test_stack.urls, "DATABASE_URL": database_url, "JWT_SECRET": "unused"}
    named = {name.lower(): value for name, value in given.items()}
    return configuration.load(Settings, _env_file=None, **named)


@contextlib.asynccontextmanager
async def running_loop(settings: Settings, fake: FakeConsumer) -> AsyncIterator[metrics.Metrics]:
    """Runs the loop of a consumer in this process. Yields its metrics."""
    stop = asyncio.Event()
    measured = metrics.Metrics()
    running = asyncio.create_task(loop.Loop(settings, fake, measured, stop).run())
    try:
        yield measured
    finally:
        stop.set()
        await asyncio.wait_for(running, 5)


def is_idle(connection: psycopg.Connection, consumer: str) -> bool:
    row = connection.execute(
        "select sleeps_until > now() from outbox_consumer where name = %s", [consumer]
    ).fetchone()
    assert row is not None
    return bool(row[0])


async def test_idle_consumer_is_woken_by_a_notify(
    settings: Settings,
    writer: Writer,
    database_connection: psycopg.Connection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Only a NOTIFY can wake the loop before these timeouts.
    monkeypatch.setattr(loop, "MIN_WAIT_SECONDS", 60)
    monkeypatch.setattr(loop, "IDLE_LEASE_SECONDS", 60)
    fake = FakeConsumer()
    async with running_loop(settings, fake):
        for _ in range(3):
            await eventually_async(lambda: is_idle(database_connection, "search"))
            await asyncio.sleep(0.3)
            batches = fake.batches
            await asyncio.sleep(0.3)
            assert fake.batches == batches
            fake.outcomes = [5]
            await asyncio.to_thread(writer.post)
            await eventually_async(lambda: not fake.outcomes)


async def test_idle_consumer_polls_without_a_notify(
    settings: Settings, database_connection: psycopg.Connection
) -> None:
    fake = FakeConsumer()
    async with running_loop(settings, fake):
        await eventually_async(lambda: fake.batches > 5)
        assert is_idle(database_connection, "search")
        fake.outcomes = [7, 7]
        await eventually_async(lambda: not fake.outcomes)


def test_writers_send_notify_only_while_a_consumer_is_idle(
    writer: Writer, database_url: str, database_connection: psycopg.Connection
) -> None:
    with psycopg.connect(database_url, autocommit=True) as listener:
        listener.execute("listen outbox")
        for lease, count in [(None, 0), ("2 seconds", 1), ("-2 seconds", 0)]:
            if lease:
                database_connection.execute(
                    "select api.mark_idle('streams', now() + %s::interval)", [lease]
                )
            writer.post()
            received = list(listener.notifies(timeout=0.3))
            assert [len(received), {each.payload for each in received}] == [
                count,
                {""} if count else set(),
            ]


def test_new_event_wakes_an_idle_relay_at_once(
    idle_relay: servers.Worker, writer: Writer, client: redis.Redis
) -> None:
    assert idle_relay.process is not None
    times = []
    for count in range(1, 6):
        time.sleep(0.7)
        started = time.monotonic()
        writer.post()
        eventually(lambda count=count: len(entries(client)) == count, 5)  # type: ignore[misc]
        times.append(time.monotonic() - started)
    assert min(times) < 0.5


async def test_exception_in_a_batch_does_not_end_the_loop(settings: Settings) -> None:
    fake = FakeConsumer()
    fake.outcomes = [RuntimeError("a bug"), 3, psycopg.errors.UndefinedTable("no such table"), 4]
    with structlog.testing.capture_logs() as logged:
        async with running_loop(settings, fake) as measured:
            await eventually_async(lambda: fake.batches > 5)
    failed = [line for line in logged if line["log_level"] == "error"]
    assert [line["event"] for line in failed] == ["batch failed"] * 2
    assert "RuntimeError: a bug" in failed[0]["error"]
    assert measured.failed.labels("search")._value.get() == 2
    assert measured.processed.labels("search")._value.get() == 7


async def test_outage_is_logged_once_at_its_start_and_once_at_its_end(
    settings: Settings,
) -> None:
    fake = FakeConsumer()
    fake.outcomes = [outages.StoreUnavailable("opensearch") for _ in range(4)]
    with structlog.testing.capture_logs() as logged:
        async with running_loop(settings, fake) as measured:
            await eventually_async(lambda: fake.batches > 6)
    lines = [(line["event"], line["store"]) for line in logged if "store" in line]
    assert lines == [("store unavailable", "opensearch"), ("store available again", "opensearch")]
    assert measured.outages.labels("search")._value.get() == 1
    assert measured.failed.labels("search")._value.get() == 0


@pytest.mark.slow
async def test_listener_reconnects_when_its_server_stops_answering(
    settings: Settings, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doorbell, "SAMPLE_INTERVAL_SECONDS", 0.1)
    monkeypatch.setattr(doorbell, "LIVENESS_TIMEOUT_SECONDS", 0.5)
    monkeypatch.setattr(doorbell, "RECONNECT_PAUSE_SECONDS", 0.1)
    with Forwarder(database_url) as postgres, structlog.testing.capture_logs() as logged:
        forwarded = settings.model_copy(update={"database_url": _secret(postgres.url)})
        listener = doorbell.Doorbell(forwarded, structlog.get_logger(), metrics.Metrics())
        listening = asyncio.create_task(listener.listen())
        await listener.wait(10)
        postgres.silent = True
        await eventually_async(lambda: [line["event"] for line in logged] == ["store unavailable"])
        listener.clear()
        postgres.silent = False
        await eventually_async(
            lambda: [line["event"] for line in logged][1:] == ["store available again"]
        )
        # The listener wakes the loop, which may have missed a NOTIFY.
        async with asyncio.timeout(5):
            await listener.wait(60)
        listening.cancel()
        await asyncio.wait([listening])


@pytest.fixture
def idle_relay(
    run_worker: WorkerFactory, database_connection: psycopg.Connection
) -> servers.Worker:
    relay = run_worker("relay")
    eventually(lambda: is_idle(database_connection, "streams"))
    return relay


@contextlib.contextmanager
def batch_in_flight(
    database_url: str, writer: Writer, connection: psycopg.Connection
) -> Iterator[None]:
    """Holds a relay in the middle of a batch of eight events."""
    with psycopg.connect(database_url) as lock:
        lock.execute("select from stream_sequence for update")
        writer.some_events()
        eventually(lambda: lock_waits(connection))
        yield


@pytest.mark.slow
def test_term_rolls_back_a_batch_that_cannot_finish(
    idle_relay: servers.Worker,
    writer: Writer,
    database_connection: psycopg.Connection,
    database_url: str,
    client: redis.Redis,
) -> None:
    with batch_in_flight(database_url, writer, database_connection):
        started = time.monotonic()
        idle_relay.stop()
        assert time.monotonic() - started < 8
        assert not lock_waits(database_connection)
    assert not entries(client)
    idle_relay.start()
    wait_until_published(database_connection)
    assert len(entries(client)) == 8


def test_term_lets_a_batch_in_flight_finish(
    idle_relay: servers.Worker,
    writer: Writer,
    database_connection: psycopg.Connection,
    database_url: str,
    client: redis.Redis,
) -> None:
    with batch_in_flight(database_url, writer, database_connection):
        process = idle_relay.process
        assert process is not None
        process.terminate()
        time.sleep(0.3)
    assert process.wait(5) == 0
    assert len(entries(client)) == 8
    assert not unpublished(database_connection)


@pytest.mark.slow
def test_term_does_not_wait_for_a_silent_store(
    run_worker: WorkerFactory, writer: Writer, redis_url: str, database_url: str
) -> None:
    writer.some_events()
    with Forwarder(redis_url) as silent, Forwarder(database_url) as unreachable:
        silent.silent = True
        unreachable.down()
        relays = [
            run_worker("relay", REDIS_URL=silent.url),
            run_worker("relay", DATABASE_URL=unreachable.url),
            run_worker("sweeper", DATABASE_URL=unreachable.url),
        ]
        for relay in relays:
            eventually(relay.has_started)
        time.sleep(0.5)
        for relay in relays:
            started = time.monotonic()
            relay.stop()
            assert time.monotonic() - started < 8
            assert relay.lines()[-1]["event"] == "worker stopped"


def test_invalid_setting_is_reported_in_one_line(run_worker: WorkerFactory) -> None:
    worker = run_worker("relay", DATABASE_URL="nonsense")
    assert isinstance(worker.process, subprocess.Popen)
    assert worker.process.wait(20) == 1
    assert worker.log.read_text().count("\n") == 1
    assert worker.log.read_text().startswith("DATABASE_URL: must be a URL")


@pytest.mark.slow
def test_service_metrics_show_the_backlog_of_each_consumer(
    run_service: ServiceFactory,
    run_worker: WorkerFactory,
    writer: Writer,
    tmp_path: Path,
    database_connection: psycopg.Connection,
) -> None:
    folder = tmp_path / "metrics"
    folder.mkdir()
    service = run_service(PROMETHEUS_MULTIPROC_DIR=str(folder))
    run_worker("relay", PROMETHEUS_MULTIPROC_DIR=str(folder))
    writer.some_events()
    wait_until_published(database_connection)
    waiting = database_connection.execute(
        "select waiting from api.measure_outbox() where consumer = 'search'"
    ).fetchone()
    assert waiting is not None
    assert waiting[0] > 0

    def measured(gauge: str, consumer: str) -> float:
        return service.metric(f'communities_outbox_{gauge}{{consumer="{consumer}"}}')

    eventually(lambda: measured("waiting_rows", "search") == waiting[0])
    eventually(lambda: measured("waiting_rows", "streams") == 0)
    eventually(lambda: measured("lag_seconds", "streams") == 0)
    assert measured("lag_seconds", "search") > 0
    assert service.metric('communities_outbox_processed_total{consumer="streams"}') == 8
    assert service.metric('communities_outbox_dead_total{consumer="streams"}') == 0
    seconds = "communities_outbox_batch_duration_seconds_count"
    assert service.metric(f'{seconds}{{consumer="streams"}}') >= 1


def _secret(url: str) -> Any:
    return pydantic.SecretStr(url)
