"""Clients that resume after a break. Proves rules 95.4, 95.5 and 95.6."""

import asyncio
import itertools
import threading
from typing import Any

import pytest
import redis

from tests.realtime.test_document import attach
from tests.support.sockets import Client, Instance


def last_position(instance: Instance) -> int:
    with redis.Redis.from_url(instance.service.environment["REDIS_URL"]) as client:
        positions = [
            client.xinfo_stream(stream)["last-generated-id"]
            for stream in ("comm:post", "comm:comment")
            if client.exists(stream)
        ]
    return max(int(position.partition(b"-")[0]) for position in positions)


async def received_live(instance: Instance, group_id: str, post: str, count: int) -> Client:
    async with instance.client(f"/groups/{group_id}", "owner") as witness:
        for number in range(count):
            await asyncio.to_thread(instance.user("owner").make_comment, post, str(number))
            if number % 3 == 0:
                await asyncio.to_thread(instance.user("owner").make_post, group_id, str(number))
        await witness.receives("comment.created", count)
        await asyncio.sleep(0.1)
    return witness


@pytest.mark.slow
@pytest.mark.parametrize("is_bare", [False, True])
async def test_missed_events_are_sent_first_and_once(instance: Instance, is_bare: bool) -> None:
    group_id = instance.group("private", "member")
    post = instance.user("owner").make_post(group_id)
    witness = await received_live(instance, group_id, post, 10)
    for position in (0, 4, len(witness.ids) - 1):
        last = witness.ids[position]
        given = last.removesuffix("-0") if is_bare else last
        async with instance.client(
            f"/groups/{group_id}", "member", last=given, service=1
        ) as client:
            await asyncio.to_thread(instance.user("owner").make_post, group_id, "now")
            await client.until(
                lambda one: any(p["data"]["body"] == "now" for p in one.payloads("post.created"))
            )
            missed = witness.received[position + 1 :]
            assert client.received[: len(missed)] == missed
            assert len(set(client.ids)) == len(client.ids)
            assert "resync_required" not in client.types


async def test_post_subscriber_resumes_with_events_of_the_post(instance: Instance) -> None:
    group_id = instance.group("private")
    post = instance.user("owner").make_post(group_id)
    witness = await received_live(instance, group_id, post, 6)
    last = f"{int(witness.ids[0].removesuffix('-0')) - 1}-0"
    async with instance.client(f"/posts/{post}", "owner", last=last) as client:
        await client.receives("comment.created", 6)
        assert client.received == [one for one in witness.received if one[1]["post_id"] == post]


@pytest.mark.slow
async def test_client_that_resumes_during_writes_receives_each_event_once(
    instance: Instance,
) -> None:
    group_id = instance.group("public")
    owner = instance.user("owner")
    posts = [owner.make_post(group_id) for _ in range(2)]
    stop = threading.Event()
    counts = [0, 0]

    def write(index: int) -> None:
        with instance.service.client(owner.id) as http:
            for number in itertools.count():
                if stop.is_set():
                    break
                body = {"body": str(number)}
                assert http.post(f"/posts/{posts[index]}/comments", json=body).is_success
                counts[index] += 1

    witness = await instance.client(f"/groups/{group_id}").connect()
    writers = [asyncio.create_task(asyncio.to_thread(write, index)) for index in range(2)]
    received: list[str] = []
    bodies: list[tuple[str, str]] = []
    last = f"{last_position(instance)}-0"
    for turn in range(50):
        client = instance.client(f"/groups/{group_id}", last=last, service=turn % 2)
        async with client:
            await client.until(lambda one: len(one.received) > 15)
        received += client.ids
        bodies += [(p["post_id"], p["data"]["body"]) for _, p in client.received]
        last = received[-1]
    stop.set()
    await asyncio.gather(*writers)
    await witness.receives("comment.created", sum(counts))
    await witness.close()
    begin = witness.ids.index(received[0])
    assert received == witness.ids[begin : begin + len(received)]
    for post in posts:
        numbers = [int(body) for one, body in bodies if one == post]
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))


@pytest.mark.slow
@pytest.mark.parametrize("beyond", [1, 10**6, 2**64])
async def test_event_id_that_was_never_issued_requires_a_resync(
    instance: Instance, beyond: int
) -> None:
    group_id = instance.group("public")
    owner = instance.user("owner")
    async with instance.client(f"/groups/{group_id}") as witness:
        await asyncio.to_thread(owner.make_post, group_id)
        await witness.receives("post.created")
    position = last_position(instance)
    async with instance.client(f"/groups/{group_id}", last=str(position + beyond)) as client:
        resync = await client.receives("resync_required")
        assert resync == {"event_id": f"{position}-0"}
        await asyncio.to_thread(owner.make_post, group_id)
        await client.receives("post.created")
        assert client.types == ["resync_required", "post.created"]


async def test_trimmed_events_require_a_resync(instance: Instance) -> None:
    group_id = instance.group("public")
    owner = instance.user("owner")
    post = owner.make_post(group_id)
    witness = await received_live(instance, group_id, post, 6)
    with redis.Redis.from_url(instance.service.environment["REDIS_URL"]) as streams:
        streams.xtrim("comm:comment", maxlen=0, approximate=False)
        for last in (witness.ids[0], "0", "0-0"):
            async with instance.client(f"/groups/{group_id}", last=last) as client:
                resync = await client.receives("resync_required")
                assert resync == {"event_id": f"{last_position(instance)}-0"}
                await asyncio.to_thread(owner.make_comment, post)
                await client.receives("comment.created")
                assert client.types == ["resync_required", "comment.created"]
        streams.flushdb()
        async with (
            instance.client(f"/groups/{group_id}", last=witness.ids[0]) as client,
            instance.client(f"/groups/{group_id}") as other,
        ):
            await client.receives("resync_required")
            await asyncio.to_thread(owner.make_comment, post)
            for one in (client, other):
                await one.receives("comment.created")
            # The service may have detected the loss while both were connected.
            expected = ["resync_required", "comment.created"]
            assert client.types in (expected, ["resync_required", *expected])
            assert other.types in (expected, expected[1:])


async def test_missed_event_of_deleted_content_is_a_removal(instance: Instance) -> None:
    group_id = instance.group("private", "member")
    owner = instance.user("owner")
    post, kept = owner.make_post(group_id), owner.make_post(group_id, "kept")
    comment = owner.make_comment(kept, "secret")
    owner.make_comment(post, "secret")
    assert owner.client.delete(f"/posts/{post}").is_success
    assert owner.client.delete(f"/comments/{comment}").is_success
    await instance.until_published()
    last = str(last_position(instance) - 6)
    async with (
        instance.client(f"/groups/{group_id}", "member", last=last) as member,
        instance.client(f"/groups/{group_id}", "owner", last=last) as owner_client,
    ):
        for client in (member, owner_client):
            await client.receives("comment.deleted")
        assert member.received == owner_client.received
        bodies = [payload["data"].get("body") for _, payload in member.received]
        assert bodies == [None, "kept", None, None, None, None]
        assert all(
            payload["data"].keys() == {"id", "deleted_at"}
            for _, payload in member.received
            if "body" not in payload["data"]
        )


async def test_missed_event_carries_the_last_change(instance: Instance) -> None:
    group_id = instance.group("private", "member")
    owner = instance.user("owner")
    post = owner.make_post(group_id, "old post")
    comment = owner.make_comment(post, "old comment")
    for path, field, change in (
        (f"/posts/{post}", "body", "newer post"),
        (f"/posts/{post}", "body", "new post"),
        (f"/comments/{comment}", "body", "new comment"),
        (f"/groups/{group_id}", "name", "Old name"),
        (f"/groups/{group_id}", "name", "New name"),
    ):
        assert owner.client.patch(path, json={field: change}).is_success
    assert owner.client.delete(f"/posts/{post}").is_success
    assert owner.client.post(f"/posts/{post}/restore").is_success
    await instance.until_published()
    last = str(last_position(instance) - 9)
    async with instance.client(f"/groups/{group_id}", "member", last=last) as client:
        await client.receives("post.restored")
        received = [(name, _text(payload)) for name, payload in client.received]
        assert received == [
            ("post.created", "new post"),
            ("comment.created", "new comment"),
            ("post.updated", "new post"),
            ("post.updated", "new post"),
            ("comment.updated", "new comment"),
            ("group.updated", "New name"),
            ("group.updated", "New name"),
            ("post.deleted", None),
            ("post.restored", "new post"),
        ]
        assert client.ids == [f"{int(last) + number}-0" for number in range(1, 10)]


async def test_late_events_leave_out_removed_reactions_and_attachments(instance: Instance) -> None:
    group_id = instance.group("public")
    owner = instance.user("owner")
    await instance.until_published()
    last = str(last_position(instance))
    post = owner.make_post(group_id)
    for emoji in ("👍", "🦉"):
        assert owner.client.post(f"/posts/{post}/reactions", json={"emoji": emoji}).is_success
    attach(instance, post, "post", post)
    assert owner.client.delete(f"/posts/{post}/reactions/👍").is_success
    await instance.until_published()
    async with instance.client(f"/groups/{group_id}", last=last) as client:
        removed = await client.receives("reaction.removed")
        first, second = client.payloads("reaction.added")
        assert first["data"] == removed["data"]
        assert second["data"]["emoji"] == "🦉"
        assert (
            client.payloads("attachment.added")[0]["data"]
            == client.payloads("attachment.removed")[0]["data"]
        )
        for name in ("post.created", "post.updated"):
            assert client.payloads(name)[0]["data"]["body"] == "With a picture"
            assert client.payloads(name)[0]["data"]["media"] == []
            assert client.payloads(name)[0]["data"]["reactions"] == [
                {"emoji": "🦉", "count": 1, "reacted": None}
            ]


def _text(payload: dict[str, Any]) -> str | None:
    """Returns the body or name in an event, or None for a removal."""
    data = payload["data"]
    return str(data.get("body", data.get("name"))) if data.keys() > {"id", "deleted_at"} else None
