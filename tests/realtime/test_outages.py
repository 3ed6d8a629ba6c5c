"""Sockets during an outage, and clients that do not keep up.

Proves rules 95.6, 95.8, 95.13, 95.14 and 95.15.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import aiohttp
import httpx
import psycopg
import pytest
import redis

from service.realtime import reader
from tests.conftest import ServiceFactory, WorkerFactory
from tests.support.forwarder import Forwarder
from tests.support.sockets import Town


@pytest.fixture
def cut_redis(redis_url: str) -> Iterator[Forwarder]:
    with Forwarder(redis_url) as forwarder:
        yield forwarder


@pytest.fixture
def cut_postgres(database_url: str) -> Iterator[Forwarder]:
    with Forwarder(database_url) as forwarder:
        yield forwarder


@contextmanager
def town_of(run_service: ServiceFactory, run_worker: WorkerFactory, **given: str) -> Iterator[Town]:
    run_worker("relay")
    # Writes go by a service whose stores are there.
    town = Town([run_service(), run_service(**given)])
    yield town
    town.close()


@pytest.mark.slow
async def test_redis_outage_neither_loses_nor_repeats_events(
    run_service: ServiceFactory, run_worker: WorkerFactory, cut_redis: Forwarder
) -> None:
    with town_of(run_service, run_worker, REDIS_URL=cut_redis.url) as town:
        group_id = town.group("private")
        owner = town.user("owner")
        async with (
            town.client(f"/groups/{group_id}", "owner", service=1) as client,
            town.client(f"/groups/{group_id}", "owner") as witness,
        ):
            for turn in range(3):
                await asyncio.to_thread(owner.make_post, group_id)
                cut_redis.down()
                for _ in range(5):
                    await asyncio.to_thread(owner.make_post, group_id)
                await witness.hears("post.created", turn * 6 + 6)
                if turn == 0:
                    late = town.client(
                        f"/groups/{group_id}", "owner", service=1, last=witness.ids[-4]
                    )
                    await late.connect()
                cut_redis.up()
            await client.hears("post.created", 18)
            assert client.heard == witness.heard
            await late.until(lambda one: one.ids[-1:] == witness.ids[-1:])
            assert late.ids == witness.ids[witness.ids.index(late.ids[0]) :]
            assert "resync_required" not in late.types
            assert not client.disconnected.is_set()
            await late.close()


@pytest.mark.slow
async def test_content_deleted_during_an_outage_is_sent_as_a_removal(
    run_service: ServiceFactory, run_worker: WorkerFactory, cut_redis: Forwarder
) -> None:
    with town_of(run_service, run_worker, REDIS_URL=cut_redis.url) as town:
        group_id = town.group("private", "member")
        owner = town.user("owner")
        async with (
            town.client(f"/groups/{group_id}", "member", service=1) as member,
            town.client(f"/groups/{group_id}", "owner", service=1) as boss,
        ):
            cut_redis.down()
            post, kept = owner.make_post(group_id, "secret"), owner.make_post(group_id, "kept")
            owner.make_comment(kept, "said")
            assert owner.client.delete(f"/posts/{post}").is_success
            await town.settle()
            # What is as old as that may be out of date.
            await asyncio.sleep(reader.LATE_SECONDS)
            cut_redis.up()
            for client in (member, boss):
                await client.hears("post.deleted")
            assert member.heard == boss.heard
            gone = member.payloads("post.created")[0]["data"]
            assert gone == member.payloads("post.deleted")[0]["data"]
            bodies = [payload["data"].get("body") for _, payload in member.heard]
            assert bodies == [None, "kept", "said", None]
            # Later events carry their own state again.
            at_once = owner.make_post(group_id, "new")
            assert owner.client.delete(f"/posts/{at_once}").is_success
            await member.hears("post.deleted", 2)
            assert member.payloads("post.created")[-1]["data"]["body"] == "new"


async def test_deletion_of_a_group_reaches_only_its_current_readers(
    run_service: ServiceFactory, run_worker: WorkerFactory, cut_redis: Forwarder
) -> None:
    with town_of(run_service, run_worker, REDIS_URL=cut_redis.url) as town:
        group_id, left = town.group("public", "member"), town.group("private", "member")
        owner = town.user("owner").client
        async with (
            town.client(f"/groups/{group_id}", "stranger", service=1) as stranger,
            town.client(f"/groups/{group_id}", "member", service=1) as member,
            town.client(f"/groups/{left}", "member", service=1) as leaver,
        ):
            # All of it at once, as far as this process sees it.
            cut_redis.down()
            assert town.user("member").client.post(f"/groups/{left}/leave").is_success
            hidden = owner.patch(f"/groups/{group_id}", json={"visibility": "secret"})
            assert hidden.is_success
            for ended in (group_id, left):
                assert owner.delete(f"/groups/{ended}").is_success
            await town.settle()
            cut_redis.up()
            for client in (stranger, member, leaver):
                await client.is_thrown_out(5)
            assert member.types == ["group.deleted"]
            assert stranger.types == leaver.types == []


@pytest.mark.slow
@pytest.mark.parametrize("lost", ["flushdb", "trim"])
async def test_loss_in_redis_is_detected_before_the_next_event(
    run_service: ServiceFactory,
    run_worker: WorkerFactory,
    cut_redis: Forwarder,
    redis_url: str,
    lost: str,
) -> None:
    with town_of(run_service, run_worker, REDIS_URL=cut_redis.url) as town:
        group_id = town.group("public")
        owner = town.user("owner")
        async with town.client(f"/groups/{group_id}", service=1) as client:
            await asyncio.to_thread(owner.make_post, group_id)
            await client.hears("post.created")
            cut_redis.down()
            await asyncio.to_thread(owner.make_post, group_id)
            await town.settle()
            with redis.Redis.from_url(redis_url) as streams:
                if lost == "flushdb":
                    streams.flushdb()
                else:
                    streams.xtrim("comm:post", maxlen=0, approximate=False)
            cut_redis.up()
            await client.hears("resync_required")
            await asyncio.to_thread(owner.make_post, group_id)
            await client.hears("post.created", 2)
            assert client.types == ["post.created", "resync_required", "post.created"]


async def test_client_that_lost_access_before_an_error_is_disconnected(
    run_service: ServiceFactory, redis_url: str
) -> None:
    town = Town([run_service()], is_relayed=False)
    group_id = town.group("private", "member")
    owner = town.user("owner")
    async with (
        town.client(f"/groups/{group_id}", "member") as member,
        town.client(f"/groups/{group_id}", "owner") as boss,
    ):
        path = f"/groups/{group_id}/members/{town.user('member').id}/ban"
        assert owner.client.put(path, json={}).is_success
        fields = {"type": "post.updated", "group_id": group_id}
        with redis.Redis.from_url(redis_url) as streams, streams.pipeline() as both:
            for place, payload in ((1, b'{"event_id": "1-0"}'), (2, b"\xff")):
                both.xadd("comm:post", {**fields, "payload": payload}, id=f"{place}-0")
            both.execute()
        await member.is_thrown_out(5)
        assert member.types == []
        await boss.hears("resync_required")
        assert boss.types == ["post.updated", "resync_required"]
    town.close()


@pytest.mark.slow
async def test_clients_resync_after_redis_lost_events(
    run_service: ServiceFactory, run_worker: WorkerFactory, cut_redis: Forwarder, redis_url: str
) -> None:
    with town_of(run_service, run_worker, REDIS_URL=cut_redis.url) as town:
        group_id = town.group("public")
        owner = town.user("owner")
        async with town.client(f"/groups/{group_id}", service=1) as client:
            await asyncio.to_thread(owner.make_post, group_id)
            await client.hears("post.created")
            cut_redis.down()
            await asyncio.to_thread(owner.make_post, group_id)
            await town.settle()
            with redis.Redis.from_url(redis_url) as streams:
                streams.flushdb()
            cut_redis.up()
            await asyncio.to_thread(owner.make_post, group_id)
            await client.hears("post.created", 2)
            assert client.types == ["post.created", "resync_required", "post.created"]


async def test_clients_resync_after_a_database_was_restored(
    run_service: ServiceFactory, run_worker: WorkerFactory, database_url: str
) -> None:
    with town_of(run_service, run_worker) as town:
        group_id = town.group("public")
        owner = town.user("owner")
        async with town.client(f"/groups/{group_id}", service=1) as client:
            for count in range(1, 4):
                await asyncio.to_thread(owner.make_post, group_id)
                await client.hears("post.created", count)
            # As an older backup would have it: two places that Redis has are given again.
            with psycopg.connect(database_url) as connection:
                connection.execute(
                    """
                    delete from outbox_event
                    where stream_seq > (select last_seq - 2 from stream_sequence)
                    """
                )
                connection.execute("update stream_sequence set last_seq = last_seq - 2")
            await asyncio.to_thread(owner.make_post, group_id)
            await client.hears("post.created", 4)
            assert client.types == ["post.created"] * 3 + ["resync_required", "post.created"]
            # So is who was away meanwhile.
            late = town.client(f"/groups/{group_id}", last=client.ids[0])
            async with late:
                await late.hears("resync_required")
                await asyncio.to_thread(owner.make_post, group_id)
                await late.hears("post.created")
                assert late.types == ["resync_required", "post.created"]


async def test_events_wait_while_access_cannot_be_checked(
    run_service: ServiceFactory, run_worker: WorkerFactory, cut_postgres: Forwarder
) -> None:
    with town_of(run_service, run_worker, DATABASE_URL=cut_postgres.url) as town:
        group_id = town.group("private", "member")
        owner = town.user("owner")
        async with (
            town.client(f"/groups/{group_id}", "owner", service=1) as client,
            town.client(f"/groups/{group_id}", "member", service=1) as member,
            town.client(f"/groups/{group_id}", "owner") as witness,
        ):
            await asyncio.to_thread(owner.make_post, group_id)
            await client.hears("post.created")
            await member.hears("post.created")
            cut_postgres.down()
            path = f"/groups/{group_id}/members/{town.user('member').id}/ban"
            await asyncio.to_thread(lambda: owner.client.put(path, json={}))
            await asyncio.to_thread(owner.make_post, group_id)
            await witness.hears("post.created", 2)
            await asyncio.sleep(0.3)
            assert len(client.heard) == len(member.heard)
            cut_postgres.up()
            await client.hears("post.created", 2)
            await member.is_thrown_out(5)
            assert client.heard[-3:] == witness.heard[-3:]
            assert member.types.count("post.created") == 1
            assert "member.banned" not in member.types


@pytest.mark.slow
async def test_client_is_closed_without_a_refusal_while_the_database_is_down(
    run_service: ServiceFactory, run_worker: WorkerFactory, cut_postgres: Forwarder
) -> None:
    with town_of(run_service, run_worker, DATABASE_URL=cut_postgres.url) as town:
        group_id = town.group("public")
        cut_postgres.down()
        url = f"{town.services[1].origin}/socket.io/?EIO=4&transport=websocket"
        async with aiohttp.ClientSession() as session, session.ws_connect(url) as socket:
            await socket.send_str(f"40/groups/{group_id},")
            await socket.receive()
            # Not a word of refusal, after which clients would not try again.
            assert (await socket.receive(10)).type in (
                aiohttp.WSMsgType.CLOSED,
                aiohttp.WSMsgType.ERROR,
            )
        cut_postgres.up()
        async with town.client(f"/groups/{group_id}", service=1):
            pass


@pytest.mark.slow
async def test_slow_client_is_dropped_and_others_continue(
    run_service: ServiceFactory, redis_url: str
) -> None:
    service = run_service()
    town = Town([service], is_relayed=False)
    group_id = town.group("public")
    url = f"{service.origin}/socket.io/?EIO=4&transport=websocket"
    payload = b'{"event_id": "1-0", "data": "%s"}' % (b"x" * 20_000)
    async with (
        town.client(f"/groups/{group_id}") as reading,
        aiohttp.ClientSession() as session,
        session.ws_connect(url) as sleeping,
    ):
        await sleeping.send_str(f"40/groups/{group_id},")
        await sleeping.receive()
        await sleeping.receive()
        assert sleeping._response.connection is not None
        transport = sleeping._response.connection.transport
        assert transport is not None
        transport.pause_reading()

        def feed() -> None:
            fields = {"type": "post.updated", "group_id": group_id, "post_id": ""}
            with redis.Redis.from_url(redis_url) as streams:
                for place in range(1, 3001):
                    streams.xadd("comm:post", {**fields, "payload": payload}, id=f"{place}-0")

        await asyncio.to_thread(feed)
        await reading.until(lambda one: one.types.count("post.updated") == 3000, 60)
        text = (await asyncio.to_thread(httpx.get, f"{service.origin}/metrics")).text
        assert 'communities_sockets_dropped_total{reason="slow"} 1.0' in text
        assert "communities_sockets 1.0" in text
    town.close()


async def test_service_stops_with_open_sockets(run_service: ServiceFactory) -> None:
    town = Town([run_service()], is_relayed=False)
    group_id = town.group("public")
    clients = [town.client(f"/groups/{group_id}") for _ in range(5)]
    await asyncio.gather(*(client.connect() for client in clients))
    async with asyncio.timeout(5):
        await asyncio.to_thread(town.service.stop)
    await asyncio.gather(*(client.is_thrown_out() for client in clients))
    log = town.service.log.read_text()
    assert "Traceback" not in log
    assert "Task was destroyed" not in log
    town.close()
