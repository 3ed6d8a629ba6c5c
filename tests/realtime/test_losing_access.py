"""Clients that lose access are disconnected. Proves rules 95.7, 95.8 and 95.9."""

import asyncio
import itertools
import random
import threading
import time
from collections.abc import Callable
from datetime import timedelta

import httpx
import pytest

from tests.support import api_client
from tests.support.sockets import Client, Instance

Change = Callable[[Instance, str], httpx.Response]


def ban(instance: Instance, group_id: str) -> httpx.Response:
    path = f"/groups/{group_id}/members/{instance.user('member').id}/ban"
    return instance.user("owner").client.put(path, json={})


def kick(instance: Instance, group_id: str) -> httpx.Response:
    path = f"/groups/{group_id}/members/{instance.user('member').id}"
    return instance.user("owner").client.delete(path)


def leave(instance: Instance, group_id: str) -> httpx.Response:
    return instance.user("member").client.post(f"/groups/{group_id}/leave")


def hide(visibility: str) -> Change:
    def change(instance: Instance, group_id: str) -> httpx.Response:
        return instance.user("owner").client.patch(
            f"/groups/{group_id}", json={"visibility": visibility}
        )

    return change


async def connect_everywhere(
    instance: Instance, group_id: str, post: str, name: str | None
) -> list[Client]:
    clients = [
        instance.client(namespace, name, service=service)
        for namespace in (f"/groups/{group_id}", f"/posts/{post}")
        for service in (0, 1)
    ]
    await asyncio.gather(*(client.connect() for client in clients))
    return clients


@pytest.mark.slow
@pytest.mark.parametrize("visibility", ["private", "secret"])
@pytest.mark.parametrize("change", [ban, kick, leave])
async def test_former_member_is_disconnected(
    instance: Instance, visibility: str, change: Change
) -> None:
    group_id = instance.group(visibility, "member")
    owner = instance.user("owner")
    post = owner.make_post(group_id)
    clients = await connect_everywhere(instance, group_id, post, "member")
    others = await connect_everywhere(instance, group_id, post, "owner")

    def lose() -> None:
        owner.make_comment(post, "before")
        assert change(instance, group_id).is_success
        owner.make_comment(post, "after")

    await asyncio.to_thread(lose)
    await asyncio.gather(*(client.until_disconnected() for client in clients))
    for client in others:
        await client.receives("comment.created", 2)
        await client.close()
    for client in clients:
        assert all(
            payload["data"]["body"] == "before" for payload in client.payloads("comment.created")
        )


@pytest.mark.parametrize("change", [ban, kick, leave])
async def test_public_group_stays_open_for_non_members(instance: Instance, change: Change) -> None:
    group_id = instance.group("public", "member")
    async with instance.client(f"/groups/{group_id}", "member") as client:
        assert change(instance, group_id).is_success
        await asyncio.to_thread(instance.user("owner").make_post, group_id)
        await client.receives("post.created")


@pytest.mark.parametrize("visibility", ["private", "secret"])
async def test_group_that_is_hidden_disconnects_strangers(
    instance: Instance, visibility: str
) -> None:
    group_id = instance.group("public", "member")
    owner = instance.user("owner")
    post = owner.make_post(group_id)
    strangers = [
        *await connect_everywhere(instance, group_id, post, None),
        *await connect_everywhere(instance, group_id, post, "stranger"),
    ]
    members = await connect_everywhere(instance, group_id, post, "member")

    def change() -> None:
        assert hide(visibility)(instance, group_id).is_success
        owner.make_comment(post)

    await asyncio.to_thread(change)
    await asyncio.gather(*(client.until_disconnected() for client in strangers))
    for client in members:
        await client.receives("comment.created")
        await client.close()
    assert all("comment.created" not in client.types for client in strangers)


async def test_deleted_group_sends_its_event_and_keeps_only_moderators_connected(
    instance: Instance,
) -> None:
    group_id = instance.group("private", "member", "moderator")
    instance.put(group_id, "moderator", "moderator")
    owner: api_client.User = instance.user("owner")
    names = ("member", "moderator", "owner")
    clients = {
        (name, service): instance.client(f"/groups/{group_id}", name, service=service)
        for name in names
        for service in (0, 1)
    }
    await asyncio.gather(*(client.connect() for client in clients.values()))
    await asyncio.to_thread(owner.client.delete, f"/groups/{group_id}")
    for (name, _), client in clients.items():
        payload = await client.receives("group.deleted")
        assert payload["data"].keys() == {"id", "deleted_at"}
        if name == "member":
            await client.until_disconnected()
        else:
            assert not client.disconnected.is_set()
            await client.close()


def demote(instance: Instance, group_id: str) -> httpx.Response:
    path = f"/groups/{group_id}/members/{instance.user('member').id}"
    return instance.user("owner").client.put(path, json={"role": "member"})


@pytest.mark.parametrize("change", [ban, kick, leave, demote])
async def test_former_moderator_is_disconnected_from_deleted_posts(
    instance: Instance, change: Change
) -> None:
    group_id = instance.group("public", "member")
    instance.put(group_id, "member", "moderator")
    owner = instance.user("owner")
    deleted, other = owner.make_post(group_id), owner.make_post(group_id)
    assert owner.client.delete(f"/posts/{deleted}").is_success
    clients = [
        instance.client(f"/posts/{deleted}", "member", service=service) for service in (0, 1)
    ]
    others = [
        instance.client(f"/posts/{other}", "member"),
        instance.client(f"/posts/{deleted}", "owner"),
    ]
    await asyncio.gather(*(client.connect() for client in (*clients, *others)))
    await asyncio.to_thread(change, instance, group_id)
    await asyncio.gather(*(client.until_disconnected() for client in clients))
    for client in others:
        assert not client.disconnected.is_set()
        await client.close()


async def test_socket_is_disconnected_when_its_token_expires(instance: Instance) -> None:
    group_id = instance.group("public")
    await instance.until_published()
    # Within the leeway of ten seconds an expired token still connects.
    ttl = timedelta(seconds=4 - 10)
    ends = [
        instance.client(f"/groups/{group_id}", "owner", service=service, ttl=ttl)
        for service in (0, 1)
    ]
    stays = instance.client(f"/groups/{group_id}", "owner")
    await asyncio.gather(*(client.connect() for client in (*ends, stays)))
    await asyncio.gather(*(client.until_disconnected(5.2) for client in ends))
    await asyncio.to_thread(instance.user("owner").make_post, group_id)
    await stays.receives("post.created")
    await stays.close()
    assert all(client.types == [] for client in ends)


@pytest.mark.slow
@pytest.mark.parametrize("visibility", ["private", "secret"])
async def test_banned_member_receives_nothing_committed_after_the_ban_under_load(
    instance: Instance, visibility: str
) -> None:
    names = [f"member {number}" for number in range(6)]
    group_id = instance.group(visibility, *names)
    owner = instance.user("owner")
    post = owner.make_post(group_id)
    stop, begun = threading.Event(), itertools.count()
    last = 0

    def write() -> None:
        nonlocal last
        with instance.service.client(owner.id) as http:
            while not stop.is_set():
                last = next(begun)
                assert http.post(f"/posts/{post}/comments", json={"body": str(last)}).is_success

    # A larger number was sent after the answer to the ban.
    known: dict[str, int] = {}

    def ban_all() -> None:
        for name in random.sample(names, len(names)):
            time.sleep(random.uniform(0, 0.3))
            path = f"/groups/{group_id}/members/{instance.user(name).id}/ban"
            assert owner.client.put(path, json={}).is_success
            known[name] = last

    clients = {name: await connect_everywhere(instance, group_id, post, name) for name in names}
    writing = asyncio.create_task(asyncio.to_thread(write))
    try:
        await clients[names[0]][0].receives("comment.created")
        await asyncio.to_thread(ban_all)
        disconnects = (
            client.until_disconnected(5) for group in clients.values() for client in group
        )
        await asyncio.gather(*disconnects)
    finally:
        stop.set()
        await writing
    for name, group in clients.items():
        for client in group:
            received = [int(one["data"]["body"]) for one in client.payloads("comment.created")]
            assert (
                received == list(range(received[0], received[0] + len(received)))
                if received
                else True
            )
            assert all(number <= known[name] for number in received)
