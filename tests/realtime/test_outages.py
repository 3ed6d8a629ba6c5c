"""Sockets during an outage, and clients that do not keep up.

Proves rules 95.6, 95.8, 95.13, 95.14 and 95.15.
"""

import asyncio

import aiohttp
import httpx
import psycopg
import pytest
import redis

from service.realtime import reader
from tests.conftest import ServiceFactory, WorkerFactory
from tests.support.forwarder import Forwarder
from tests.support.sockets import Client, Instance, two_services


@pytest.mark.slow
async def test_redis_outage_neither_loses_nor_repeats_events(
    run_service: ServiceFactory, run_worker: WorkerFactory, redis_forwarder: Forwarder
) -> None:
    with two_services(run_service, run_worker, REDIS_URL=redis_forwarder.url) as instance:
        group_id = instance.group("private")
        owner = instance.user("owner")
        async with (
            instance.client(f"/groups/{group_id}", "owner", service=1) as client,
            instance.client(f"/groups/{group_id}", "owner") as witness,
        ):
            for turn in range(3):
                await asyncio.to_thread(owner.make_post, group_id)
                redis_forwarder.down()
                for _ in range(5):
                    await asyncio.to_thread(owner.make_post, group_id)
                await witness.receives("post.created", turn * 6 + 6)
                if turn == 0:
                    late = instance.client(
                        f"/groups/{group_id}", "owner", service=1, last=witness.ids[-4]
                    )
                    await late.connect()
                redis_forwarder.up()
            await client.receives("post.created", 18)
            assert client.received == witness.received
            await late.until(lambda one: one.ids[-1:] == witness.ids[-1:])
            assert late.ids == witness.ids[witness.ids.index(late.ids[0]) :]
            assert "resync_required" not in late.types
            assert not client.disconnected.is_set()
            await late.close()


@pytest.mark.slow
async def test_content_deleted_during_an_outage_is_sent_as_a_removal(
    run_service: ServiceFactory, run_worker: WorkerFactory, redis_forwarder: Forwarder
) -> None:
    with two_services(run_service, run_worker, REDIS_URL=redis_forwarder.url) as instance:
        group_id = instance.group("private", "member")
        owner = instance.user("owner")
        async with (
            instance.client(f"/groups/{group_id}", "member", service=1) as member,
            instance.client(f"/groups/{group_id}", "owner", service=1) as owner_client,
        ):
            redis_forwarder.down()
            post, kept = owner.make_post(group_id, "secret"), owner.make_post(group_id, "kept")
            owner.make_comment(kept, "said")
            assert owner.client.delete(f"/posts/{post}").is_success
            await instance.until_published()
            # Older events may be out of date, so their content is read again.
            await asyncio.sleep(reader.LATE_SECONDS)
            redis_forwarder.up()
            for client in (member, owner_client):
                await client.receives("post.deleted")
            assert member.received == owner_client.received
            created = member.payloads("post.created")[0]["data"]
            assert created == member.payloads("post.deleted")[0]["data"]
            bodies = [payload["data"].get("body") for _, payload in member.received]
            assert bodies == [None, "kept", "said", None]
            # Later events carry their own state again.
            at_once = owner.make_post(group_id, "new")
            assert owner.client.delete(f"/posts/{at_once}").is_success
            await member.receives("post.deleted", 2)
            assert member.payloads("post.created")[-1]["data"]["body"] == "new"


async def test_deletion_of_a_group_reaches_only_its_current_readers(
    run_service: ServiceFactory, run_worker: WorkerFactory, redis_forwarder: Forwarder
) -> None:
    with two_services(run_service, run_worker, REDIS_URL=redis_forwarder.url) as instance:
        group_id, left = instance.group("public", "member"), instance.group("private", "member")
        owner = instance.user("owner").client
        async with (
            instance.client(f"/groups/{group_id}", "stranger", service=1) as stranger,
            instance.client(f"/groups/{group_id}", "member", service=1) as member,
            instance.client(f"/groups/{left}", "member", service=1) as leaver,
        ):
            # The process receives all these changes at once.
            redis_forwarder.down()
            assert instance.user("member").client.post(f"/groups/{left}/leave").is_success
            hidden = owner.patch(f"/groups/{group_id}", json={"visibility": "secret"})
            assert hidden.is_success
            for ended in (group_id, left):
                assert owner.delete(f"/groups/{ended}").is_success
            await instance.until_published()
            redis_forwarder.up()
            for client in (stranger, member, leaver):
                await client.until_disconnected(5)
            assert member.types == ["group.deleted"]
            assert stranger.types == leaver.types == []


async def lose_post(
    instance: Instance, client: Client, redis_forwarder: Forwarder, redis_url: str, lost: str
) -> None:
    """Lets a client receive a post, and removes a second post from Redis during an outage."""
    group_id = client.namespace.removeprefix("/groups/")
    owner = instance.user("owner")
    await asyncio.to_thread(owner.make_post, group_id)
    await client.receives("post.created")
    redis_forwarder.down()
    await asyncio.to_thread(owner.make_post, group_id)
    await instance.until_published()
    with redis.Redis.from_url(redis_url) as streams:
        if lost == "flushdb":
            streams.flushdb()
        else:
            streams.xtrim("comm:post", maxlen=0, approximate=False)
    redis_forwarder.up()


@pytest.mark.slow
@pytest.mark.parametrize("lost", ["flushdb", "trim"])
async def test_loss_in_redis_is_detected_before_the_next_event(
    run_service: ServiceFactory,
    run_worker: WorkerFactory,
    redis_forwarder: Forwarder,
    redis_url: str,
    lost: str,
) -> None:
    with two_services(run_service, run_worker, REDIS_URL=redis_forwarder.url) as instance:
        group_id = instance.group("public")
        owner = instance.user("owner")
        async with instance.client(f"/groups/{group_id}", service=1) as client:
            await lose_post(instance, client, redis_forwarder, redis_url, lost)
            await client.receives("resync_required")
            await asyncio.to_thread(owner.make_post, group_id)
            await client.receives("post.created", 2)
            assert client.types == ["post.created", "resync_required", "post.created"]


async def test_client_that_lost_access_before_an_error_is_disconnected(
    run_service: ServiceFactory, redis_url: str
) -> None:
    instance = Instance([run_service()], is_relayed=False)
    group_id = instance.group("private", "member")
    owner = instance.user("owner")
    async with (
        instance.client(f"/groups/{group_id}", "member") as member,
        instance.client(f"/groups/{group_id}", "owner") as owner_client,
    ):
        path = f"/groups/{group_id}/members/{instance.user('member').id}/ban"
        assert owner.client.put(path, json={}).is_success
        fields = {"type": "post.updated", "group_id": group_id}
        with redis.Redis.from_url(redis_url) as streams, streams.pipeline() as both:
            for position, payload in ((1, b'{"event_id": "1-0"}'), (2, b"\xff")):
                both.xadd("comm:post", {**fields, "payload": payload}, id=f"{position}-0")
            both.execute()
        await member.until_disconnected(5)
        assert member.types == []
        await owner_client.receives("resync_required")
        assert owner_client.types == ["post.updated", "resync_required"]
    instance.close()


@pytest.mark.slow
async def test_clients_resync_after_redis_lost_events(
    run_service: ServiceFactory,
    run_worker: WorkerFactory,
    redis_forwarder: Forwarder,
    redis_url: str,
) -> None:
    with two_services(run_service, run_worker, REDIS_URL=redis_forwarder.url) as instance:
        group_id = instance.group("public")
        owner = instance.user("owner")
        async with instance.client(f"/groups/{group_id}", service=1) as client:
            await lose_post(instance, client, redis_forwarder, redis_url, "flushdb")
            await asyncio.to_thread(owner.make_post, group_id)
            await client.receives("post.created", 2)
            assert client.types == ["post.created", "resync_required", "post.created"]


async def test_clients_resync_after_a_database_was_restored(
    run_service: ServiceFactory, run_worker: WorkerFactory, database_url: str
) -> None:
    with two_services(run_service, run_worker) as instance:
        group_id = instance.group("public")
        owner = instance.user("owner")
        async with instance.client(f"/groups/{group_id}", service=1) as client:
            for count in range(1, 4):
                await asyncio.to_thread(owner.make_post, group_id)
                await client.receives("post.created", count)
            # As after a restore from an older backup: two positions of Redis are used again.
            with psycopg.connect(database_url) as connection:
                connection.execute(
                    """
                    delete from outbox_event
                    where stream_seq > (select last_seq - 2 from stream_sequence)
                    """
                )
                connection.execute("update stream_sequence set last_seq = last_seq - 2")
            await asyncio.to_thread(owner.make_post, group_id)
            await client.receives("post.created", 4)
            assert client.types == ["post.created"] * 3 + ["resync_required", "post.created"]
            # A client that was disconnected resyncs, too.
            late = instance.client(f"/groups/{group_id}", last=client.ids[0])
            async with late:
                await late.receives("resync_required")
                await asyncio.to_thread(owner.make_post, group_id)
                await late.receives("post.created")
                assert late.types == ["resync_required", "post.created"]


async def test_events_wait_while_access_cannot_be_checked(
    run_service: ServiceFactory, run_worker: WorkerFactory, postgres_forwarder: Forwarder
) -> None:
    with two_services(run_service, run_worker, DATABASE_URL=postgres_forwarder.url) as instance:
        group_id = instance.group("private", "member")
        owner = instance.user("owner")
        async with (
            instance.client(f"/groups/{group_id}", "owner", service=1) as client,
            instance.client(f"/groups/{group_id}", "member", service=1) as member,
            instance.client(f"/groups/{group_id}", "owner") as witness,
        ):
            await asyncio.to_thread(owner.make_post, group_id)
            await client.receives("post.created")
            await member.receives("post.created")
            postgres_forwarder.down()
            path = f"/groups/{group_id}/members/{instance.user('member').id}/ban"
            await asyncio.to_thread(lambda: owner.client.put(path, json={}))
            await asyncio.to_thread(owner.make_post, group_id)
            await witness.receives("post.created", 2)
            await asyncio.sleep(0.3)
            assert len(client.received) == len(member.received)
            postgres_forwarder.up()
            await client.receives("post.created", 2)
            await member.until_disconnected(5)
            assert client.received[-3:] == witness.received[-3:]
            assert member.types.count("post.created") == 1
            assert "member.banned" not in member.types


@pytest.mark.slow
async def test_client_is_closed_without_a_refusal_while_the_database_is_down(
    run_service: ServiceFactory, run_worker: WorkerFactory, postgres_forwarder: Forwarder
) -> None:
    with two_services(run_service, run_worker, DATABASE_URL=postgres_forwarder.url) as instance:
        group_id = instance.group("public")
        postgres_forwarder.down()
        url = instance.services[1].websocket_url
        async with aiohttp.ClientSession() as session, session.ws_connect(url) as socket:
            await socket.send_str(f"40/groups/{group_id},")
            await socket.receive()
            # After a refusal clients would not reconnect, so there is none.
            assert (await socket.receive(10)).type in (
                aiohttp.WSMsgType.CLOSED,
                aiohttp.WSMsgType.ERROR,
            )
        postgres_forwarder.up()
        async with instance.client(f"/groups/{group_id}", service=1):
            pass


@pytest.mark.slow
async def test_slow_client_is_dropped_and_others_continue(
    run_service: ServiceFactory, redis_url: str
) -> None:
    service = run_service()
    instance = Instance([service], is_relayed=False)
    group_id = instance.group("public")
    payload = b'{"event_id": "1-0", "data": "%s"}' % (b"x" * 20_000)
    async with (
        instance.client(f"/groups/{group_id}") as reading,
        aiohttp.ClientSession() as session,
        session.ws_connect(service.websocket_url) as sleeping,
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
                for position in range(1, 3001):
                    streams.xadd("comm:post", {**fields, "payload": payload}, id=f"{position}-0")

        await asyncio.to_thread(feed)
        await reading.until(lambda one: one.types.count("post.updated") == 3000, 60)
        text = (await asyncio.to_thread(httpx.get, f"{service.origin}/metrics")).text
        assert 'communities_sockets_dropped_total{reason="slow"} 1.0' in text
        assert "communities_sockets 1.0" in text
    instance.close()


async def test_service_stops_with_open_sockets(run_service: ServiceFactory) -> None:
    instance = Instance([run_service()], is_relayed=False)
    group_id = instance.group("public")
    clients = [instance.client(f"/groups/{group_id}") for _ in range(5)]
    await asyncio.gather(*(client.connect() for client in clients))
    async with asyncio.timeout(5):
        await asyncio.to_thread(instance.service.stop)
    await asyncio.gather(*(client.until_disconnected() for client in clients))
    log = instance.service.log.read_text()
    assert "Traceback" not in log
    assert "Task was destroyed" not in log
    instance.close()
