"""Random kills of servers and workers, after which each event arrives once and in order.

Proves rules 06.3, 06.7, 70.5, 90.8 and 95.4.
"""

import asyncio
import random
import time
from collections.abc import Sequence
from typing import Any

import psycopg
import pytest
import redis

from development import databases
from tests.conftest import ServiceFactory, WorkerFactory
from tests.support import indexing, servers
from tests.support.sockets import Client
from tests.support.waiting import eventually
from tests.support.writers import Writers, check, entries, wait_until_published

TIMEOUT_SECONDS = 60.0
# The pause bounds the events of a long run: the streams keep 100,000.
WRITERS_PAUSE_SECONDS = 0.4
CATCH_UP_TIMEOUT_SECONDS = 300.0
# Events of each post of a writer.
EVENTS_OF_A_POST = [
    *("post.created", "comment.created", "post.updated", "comment.updated"),
    *("comment.deleted", "comment.restored", "post.deleted", "post.restored"),
]


def kill_workers(workers: Sequence[servers.Worker]) -> None:
    """Kills random workers, each at a random moment after its start."""
    for _ in range(servers.KILL_ROUNDS):
        victim = random.choice(workers)
        eventually(victim.has_started, TIMEOUT_SECONDS)
        time.sleep(random.uniform(0, 0.5))
        victim.kill()
        victim.start()


class Subscriber:
    """Client of a group that resumes at another service after each kill."""

    def __init__(self, group_id: str) -> None:
        self.namespace = f"/groups/{group_id}"
        self.received: list[tuple[str, dict[str, Any]]] = []

    def client(self, service: servers.Service) -> Client:
        last = self.received[-1][1]["event_id"] if self.received else "0"
        return Client(service.origin, self.namespace, last=last)

    async def kill(self, services: Sequence[servers.Service]) -> None:
        """Kills the connected service at a random moment, once for each round."""
        starting = [asyncio.create_task(asyncio.sleep(0)) for _ in services]
        for turn in range(servers.KILL_ROUNDS):
            number = turn % len(services)
            await starting[number]
            client = self.client(services[number])
            async with client:
                await client.until(lambda one: bool(one.received), TIMEOUT_SECONDS)
                await asyncio.sleep(random.uniform(0, 0.5))
                await asyncio.to_thread(services[number].kill)
                await client.disconnected.wait()
            self.received += client.received
            starting[number] = asyncio.create_task(asyncio.to_thread(services[number].start))
        await asyncio.gather(*starting)

    async def receive_all(self, service: servers.Service, count: int) -> None:
        """Waits until it has received this many events."""
        client = self.client(service)
        async with client:
            await client.until(
                lambda one: len(self.received) + len(one.received) >= count,
                CATCH_UP_TIMEOUT_SECONDS,
            )
        self.received += client.received


@pytest.mark.slow
async def test_index_streams_and_clients_have_every_event_once_after_kills(
    run_service: ServiceFactory,
    run_worker: WorkerFactory,
    database: databases.Database,
    redis_url: str,
    index: indexing.Indexing,
) -> None:
    relays = [await asyncio.to_thread(run_worker, "relay") for _ in range(2)]
    indexers = [await asyncio.to_thread(run_worker, "indexer") for _ in range(2)]
    services = [await asyncio.to_thread(run_service) for _ in range(2)]
    crowd = Writers(database.url, pause=WRITERS_PAUSE_SECONDS)
    subscriber = Subscriber(crowd.writers[0].group)
    with crowd:
        await asyncio.gather(
            asyncio.to_thread(kill_workers, relays),
            asyncio.to_thread(kill_workers, indexers),
            subscriber.kill(services),
        )
    await asyncio.to_thread(check_backlog, database, redis_url)
    with redis.Redis.from_url(redis_url, decode_responses=True) as client:
        published = [
            (f"{position}-0", fields["type"])
            for position, _, fields in entries(client)
            if fields["group_id"] == crowd.writers[0].group
        ]
    await subscriber.receive_all(services[0], len(published))
    assert [(event["event_id"], kind) for kind, event in subscriber.received] == published
    by_post: dict[str, list[str]] = {}
    for kind, event in subscriber.received:
        if event["post_id"] is not None:
            by_post.setdefault(event["post_id"], []).append(kind)
    assert len(by_post) > 1
    assert all(kinds == EVENTS_OF_A_POST for kinds in by_post.values())
    assert await asyncio.to_thread(index.differences) == []
    for worker in (*relays, *indexers):
        await asyncio.to_thread(worker.stop)
        assert "error" not in {line["level"] for line in worker.lines()}


def check_backlog(database: databases.Database, redis_url: str) -> None:
    """Waits for the backlog, and asserts that each event succeeded once, at the first attempt."""
    with (
        psycopg.connect(database.url, autocommit=True) as connection,
        redis.Redis.from_url(redis_url, decode_responses=True) as client,
    ):
        wait_until_published(connection, CATCH_UP_TIMEOUT_SECONDS)
        check(connection, client)
        waiting = "select waiting from api.measure_outbox() where consumer = 'search'"
        eventually(
            lambda: connection.execute(waiting).fetchone() == (0,),
            CATCH_UP_TIMEOUT_SECONDS,
            lambda: f"{connection.execute(waiting).fetchone()} events wait for search",
        )
        assert connection.execute("select count(*) from outbox_failure").fetchone() == (0,)
