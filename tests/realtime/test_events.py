"""Events that clients receive. Proves rules 95.2, 95.3, 95.10, 95.11 and 95.12."""

import asyncio
import re
import uuid
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from tests.support import api_client
from tests.support.sockets import Client, Instance

FIELDS = {
    "event_id",
    "type",
    "group_id",
    "post_id",
    "subject_type",
    "subject_id",
    "actor_id",
    "occurred_at",
    "data",
}
REMOVALS = ("post.deleted", "comment.deleted", "reaction.removed", "group.deleted")


def done(response: httpx.Response) -> Any:
    assert response.is_success, response.text
    return response.json() if response.content else None


def change_everything(owner: api_client.User, group_id: str, guest: uuid.UUID) -> dict[str, str]:
    """Causes the events of a group, except for its deletion. Returns the new post and comment."""
    http = owner.client
    post = owner.make_post(group_id)
    done(http.patch(f"/posts/{post}", json={"body": "Another"}))
    done(http.put(f"/posts/{post}/pin"))
    done(http.delete(f"/posts/{post}/pin"))
    comment = owner.make_comment(post)
    done(http.patch(f"/comments/{comment}", json={"body": "Another"}))
    for subject in (f"/posts/{post}", f"/comments/{comment}"):
        done(http.post(f"{subject}/reactions", json={"emoji": "👍"}))
        done(http.delete(f"{subject}/reactions/👍"))
    done(http.delete(f"/comments/{comment}"))
    done(http.post(f"/comments/{comment}/restore"))
    done(http.delete(f"/posts/{post}"))
    done(http.post(f"/posts/{post}/restore"))
    member = f"/groups/{group_id}/members/{guest}"
    done(http.put(member, json={"role": "member"}))
    done(http.put(member, json={"role": "moderator"}))
    done(http.delete(member))
    done(http.put(f"{member}/ban", json={}))
    done(http.delete(f"{member}/ban"))
    done(http.patch(f"/groups/{group_id}", json={"name": "Another"}))
    return {"post": post, "comment": comment}


EXPECTED_TYPES = [
    "post.created",
    "post.updated",
    "post.pinned",
    "post.unpinned",
    "comment.created",
    "comment.updated",
    "reaction.added",
    "reaction.removed",
    "reaction.added",
    "reaction.removed",
    "comment.deleted",
    "comment.restored",
    "post.deleted",
    "post.restored",
    "member.joined",
    "member.role_changed",
    "member.left",
    "member.banned",
    "member.unbanned",
    "group.updated",
]


async def test_group_subscriber_receives_every_event_in_order_on_every_process(
    instance: Instance,
) -> None:
    group_id = instance.group("private", "member")
    clients = [
        instance.client(f"/groups/{group_id}", name, service=service)
        for name in ("owner", "member")
        for service in (0, 1)
    ]
    await asyncio.gather(*(client.connect() for client in clients))
    guest = uuid.uuid4()
    made = await asyncio.to_thread(change_everything, instance.user("owner"), group_id, guest)
    for client in clients:
        await client.receives("group.updated")
        assert client.types == EXPECTED_TYPES
        assert client.received == clients[0].received
        await client.close()
    positions = [int(event_id.removesuffix("-0")) for event_id in clients[0].ids]
    assert positions == sorted(set(positions))
    for name, payload in clients[0].received:
        assert payload.keys() == FIELDS
        assert payload["type"] == name
        assert payload["group_id"] == group_id
        assert payload["actor_id"] == str(instance.user("owner").id)
        at = datetime.fromisoformat(payload["occurred_at"])
        assert abs((datetime.now(UTC) - at).total_seconds()) < 60
        has_post = name.split(".")[0] in ("post", "comment", "reaction")
        assert payload["post_id"] == (made["post"] if has_post else None)
        if name in REMOVALS:
            assert payload["data"].keys() == {"id", "deleted_at"}


async def test_post_subscriber_receives_only_events_of_the_post(instance: Instance) -> None:
    group_id = instance.group("secret")
    owner = instance.user("owner")
    post = owner.make_post(group_id)
    async with instance.client(f"/posts/{post}", "owner") as client:
        await asyncio.to_thread(change_everything, owner, group_id, uuid.uuid4())
        comment = await asyncio.to_thread(owner.make_comment, post)
        received = await client.receives("comment.created")
        assert client.types == ["comment.created"]
        assert (received["post_id"], received["subject_id"]) == (post, comment)


async def test_event_data_equals_the_http_answer_without_viewer_fields(instance: Instance) -> None:
    group_id = instance.group("public")
    owner = instance.user("owner")
    async with instance.client(f"/groups/{group_id}") as client:
        post = await asyncio.to_thread(owner.make_post, group_id)
        comment = await asyncio.to_thread(owner.make_comment, post)
        await asyncio.to_thread(
            lambda: done(owner.client.patch(f"/groups/{group_id}", json={"description": "New"}))
        )
        updated = await client.receives("group.updated")
        created = client.payloads("post.created")[0]
        commented = client.payloads("comment.created")[0]
        assert updated["data"]["role"] is None
        for payload, path in (
            (created, f"/posts/{post}"),
            (commented, f"/comments/{comment}"),
            (updated, f"/groups/{group_id}"),
        ):
            data, answer = payload["data"], done(owner.client.get(path))
            assert data.keys() == answer.keys()
            # The later comment has changed counters of the post.
            same = {"id", "body", "author_id", "created_at", "name", "slug", "visibility"}
            for field in same & data.keys():
                assert data[field] == answer[field]


async def test_deleted_post_has_no_more_events_for_members(instance: Instance) -> None:
    group_id = instance.group("public", "member")
    owner = instance.user("owner")
    post = owner.make_post(group_id)
    member, owner_client = (instance.client(f"/posts/{post}", name) for name in ("member", "owner"))
    await asyncio.gather(member.connect(), owner_client.connect())
    await asyncio.to_thread(lambda: done(owner.client.delete(f"/posts/{post}")))
    await member.until_disconnected()
    assert member.types == ["post.deleted"]
    await asyncio.to_thread(lambda: done(owner.client.post(f"/posts/{post}/restore")))
    await owner_client.receives("post.restored")
    assert owner_client.types == ["post.deleted", "post.restored"]
    await owner_client.close()


async def test_messages_of_clients_are_ignored(instance: Instance) -> None:
    group_id = instance.group("public")
    async with instance.client(f"/groups/{group_id}") as client:
        for _ in range(20):
            await client.io.emit("post.created", {"a": 1}, namespace=client.namespace)
        await asyncio.to_thread(instance.user("owner").make_post, group_id)
        await client.receives("post.created")
        assert len(client.received) == 1


async def test_client_that_sends_too_many_messages_is_disconnected(instance: Instance) -> None:
    client = await instance.client(f"/groups/{instance.group('public')}").connect()
    for _ in range(600):
        await client.io.emit("noise", namespace=client.namespace)
    await client.until_disconnected(5)


async def test_number_of_namespaces_of_a_connection_is_limited(instance: Instance) -> None:
    namespaces = [f"/groups/{instance.group('public')}" for _ in range(51)]
    client = Client(instance.service.origin, namespaces[0])
    await client.connect()
    refused = asyncio.Event()

    async def refuse(error: Any) -> None:
        assert error["message"] == "not_found"
        refused.set()

    client.io.on("connect_error", namespace=namespaces[50], handler=refuse)
    for namespace in namespaces[1:]:
        await client.io._send_packet(client.io.packet_class(0, namespace=namespace))
    async with asyncio.timeout(5):
        await refused.wait()
    await client.close()


async def test_metrics_count_sockets_and_emitted_events(instance: Instance) -> None:
    group_id = instance.group("public")
    async with instance.client(f"/groups/{group_id}") as client:
        await asyncio.to_thread(instance.user("owner").make_post, group_id)
        await client.receives("post.created")
        text = (await asyncio.to_thread(httpx.get, f"{instance.service.origin}/metrics")).text
        assert float(re.findall(r"^communities_sockets (.*)$", text, re.M)[0]) >= 1
        assert 'communities_events_emitted_total{type="post.created"}' in text


@pytest.mark.parametrize("frame", ["", "x", "9", "4", "40/groups", "451-[", "42/groups/x,["])
async def test_malformed_frame_does_not_affect_other_clients(
    instance: Instance, frame: str
) -> None:
    import aiohttp

    url = instance.service.websocket_url
    async with aiohttp.ClientSession() as session, session.ws_connect(url) as socket:
        await socket.send_str(frame)
        await asyncio.sleep(0.05)
    async with instance.client(f"/groups/{instance.group('public')}"):
        pass
