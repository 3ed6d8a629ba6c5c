"""Random kills of servers and workers: nothing is lost or doubled, and order is kept.

Proves rules 06.3, 06.7, 70.5, 90.8 and 95.4.
"""

import asyncio
import random
import time
from collections.abc import Iterator, Sequence
from typing import Any

import psycopg
import pytest
import redis

from development import databases
from tests.conftest import ServiceFactory, WorkerFactory
from tests.support import indexing, servers
from tests.support.sockets import Client
from tests.support.waiting import eventually
from tests.support.writers import Writers, check, entries, unpublished
from tools.instance import stack

TIMEOUT_SECONDS = 60.0
# The pause bounds the events of a long run: the streams keep 100,000.
WRITERS_PAUSE_SECONDS = 0.4
CATCH_UP_TIMEOUT_SECONDS = 300.0
# What a writer does with a post.
LIFE = [
    *("post.created", "comment.created", "post.updated", "comment.updated"),
    *("comment.deleted", "comment.restored", "post.deleted", "post.restored"),
]


@pytest.fixture
def index(test_stack: stack.Stack, database: databases.Database) -> Iterator[indexing.Indexing]:
    own = indexing.Indexing(database.url, test_stack.urls["OPENSEARCH_URL"])
    yield own
    own.drop()


def kill_workers(workers: Sequence[servers.Worker]) -> None:
    """Kills one or the other, each at a random moment of its life."""
    for _ in range(servers.KILL_ROUNDS):
        victim = random.choice(workers)
        eventually(victim.has_started, TIMEOUT_SECONDS)
        time.sleep(random.uniform(0, 0.5))
        victim.kill()
        victim.start()


class Hearer:
    """Listens to a group, and to another service with its last id when one has died."""

    def __init__(self, group_id: str) -> None:
        self.namespace = f"/groups/{group_id}"
        self.heard: list[tuple[str, dict[str, Any]]] = []

    def client(self, service: servers.Service) -> Client:
        last = self.heard[-1][1]["event_id"] if self.heard else "0"
        return Client(service.origin, self.namespace, last=last)

    async def kill(self, services: Sequence[servers.Service]) -> None:
        """Kills the service that it listens to, at a random moment."""
        starting = [asyncio.create_task(asyncio.sleep(0)) for _ in services]
        for turn in range(servers.KILL_ROUNDS):
            number = turn % len(services)
            await starting[number]
            client = self.client(services[number])
            async with client:
                await client.until(lambda one: bool(one.heard), TIMEOUT_SECONDS)
                await asyncio.sleep(random.uniform(0, 0.5))
                await asyncio.to_thread(services[number].kill)
                await client.disconnected.wait()
            self.heard += client.heard
            starting[number] = asyncio.create_task(asyncio.to_thread(services[number].start))
        await asyncio.gather(*starting)

    async def hear_the_rest(self, service: servers.Service, count: int) -> None:
        """Waits until it has received this many."""
        client = self.client(service)
        async with client:
            await client.until(
                lambda one: len(self.heard) + len(one.heard) >= count, CATCH_UP_TIMEOUT_SECONDS
            )
        self.heard += client.heard


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
    hearer = Hearer(crowd.writers[0].group)
    with crowd:
        await asyncio.gather(
            asyncio.to_thread(kill_workers, relays),
            asyncio.to_thread(kill_workers, indexers),
            hearer.kill(services),
        )
    await asyncio.to_thread(is_caught_up, database, redis_url)
    with redis.Redis.from_url(redis_url, decode_responses=True) as client:
        published = [
            (f"{place}-0", fields["type"])
            for place, _, fields in entries(client)
            if fields["group_id"] == crowd.writers[0].group
        ]
    await hearer.hear_the_rest(services[0], len(published))
    assert [(event["event_id"], kind) for kind, event in hearer.heard] == published
    lives: dict[str, list[str]] = {}
    for kind, event in hearer.heard:
        if event["post_id"] is not None:
            lives.setdefault(event["post_id"], []).append(kind)
    assert len(lives) > 1
    assert all(life == LIFE for life in lives.values())
    assert await asyncio.to_thread(index.differences) == []
    for worker in (*relays, *indexers):
        await asyncio.to_thread(worker.stop)
        assert "error" not in {line["level"] for line in worker.lines()}


def is_caught_up(database: databases.Database, redis_url: str) -> None:
    """Asserts that every event is in its stream, once, and in the index, at the first attempt."""
    with (
        psycopg.connect(database.url, autocommit=True) as connection,
        redis.Redis.from_url(redis_url, decode_responses=True) as client,
    ):
        eventually(lambda: not unpublished(connection), CATCH_UP_TIMEOUT_SECONDS)
        check(connection, client)
        waiting = "select waiting from api.measure_outbox() where consumer = 'search'"
        eventually(
            lambda: connection.execute(waiting).fetchone() == (0,),
            CATCH_UP_TIMEOUT_SECONDS,
            lambda: f"{connection.execute(waiting).fetchone()} events wait for search",
        )
        assert connection.execute("select count(*) from outbox_failure").fetchone() == (0,)
