"""Connections to namespaces, and their refusals. Proves rules 95.1 and 95.9."""

import asyncio
import uuid
from datetime import timedelta
from typing import Any

import pytest

from tests.support.sockets import Client, Instance, refusal

# anonymous, stranger, banned, member, moderator, owner
PEOPLE = (None, "stranger", "banned", "member", "moderator", "owner")


def make_group(instance: Instance, visibility: str) -> tuple[str, str]:
    group_id = instance.group(visibility, "member", "moderator", "banned")
    instance.put(group_id, "moderator", "moderator")
    owner = instance.user("owner")
    banned = instance.user("banned").id
    assert owner.client.put(f"/groups/{group_id}/members/{banned}/ban", json={}).is_success
    return group_id, owner.make_post(group_id)


async def answers(instance: Instance, namespace: str) -> list[str | None]:
    clients = [instance.client(namespace, name) for name in PEOPLE]
    return list(await asyncio.gather(*(refusal(client) for client in clients)))


@pytest.mark.parametrize(
    ("visibility", "of_group", "of_post"),
    [
        ("public", [None] * 3, [None] * 3),
        # An anonymous client may connect with a token, as over HTTP.
        ("private", ["unauthenticated"] + ["not_found"] * 2, ["not_found"] * 3),
        ("secret", ["not_found"] * 3, ["not_found"] * 3),
    ],
)
async def test_reader_of_content_over_http_may_connect(
    instance: Instance, visibility: str, of_group: list[str | None], of_post: list[str | None]
) -> None:
    group_id, post_id = make_group(instance, visibility)
    assert await answers(instance, f"/groups/{group_id}") == of_group + [None] * 3
    assert await answers(instance, f"/posts/{post_id}") == of_post + [None] * 3


async def test_deleted_content_accepts_connections_of_moderators_only(instance: Instance) -> None:
    group_id, post_id = make_group(instance, "public")
    expected = ["not_found"] * 4 + [None] * 2
    assert instance.user("owner").client.delete(f"/posts/{post_id}").is_success
    assert await answers(instance, f"/posts/{post_id}") == expected
    assert instance.user("owner").client.delete(f"/groups/{group_id}").is_success
    assert await answers(instance, f"/groups/{group_id}") == expected


@pytest.mark.parametrize(
    "namespace",
    [
        "/",
        "/groups",
        "/groups/",
        "/groups/x",
        "/comments/{id}",
        "/groups/{id}/posts",
        "/groups/{id}",
    ],
)
async def test_unknown_namespace_is_not_found(instance: Instance, namespace: str) -> None:
    client = instance.client(namespace.replace("{id}", str(uuid.uuid4())), "owner")
    assert await refusal(client) == "not_found"


async def test_id_in_a_namespace_may_be_in_upper_case(instance: Instance) -> None:
    group_id = instance.group("private")
    async with instance.client(f"/groups/{group_id.upper()}", "owner") as client:
        instance.user("owner").make_post(group_id)
        await client.receives("post.created")


@pytest.mark.parametrize("token", ["", "x", "a.b.c", 5, ["a"], {"a": 1}, "ü.ü.ü", "a.b.c\0"])
async def test_invalid_token_is_unauthenticated(instance: Instance, token: Any) -> None:
    client = Client(
        instance.service.origin, f"/groups/{instance.group('public')}", auth={"token": token}
    )
    assert await refusal(client) == "unauthenticated"


async def test_expired_token_is_unauthenticated(instance: Instance) -> None:
    namespace = f"/groups/{instance.group('public')}"
    client = instance.client(namespace, "owner", ttl=timedelta(seconds=-60))
    assert await refusal(client) == "unauthenticated"


@pytest.mark.parametrize("auth", [["a"], "text", True])
async def test_credentials_must_be_an_object(instance: Instance, auth: Any) -> None:
    namespace = f"/groups/{instance.group('public')}"
    assert await refusal(Client(instance.service.origin, namespace, auth=auth)) == "not_found"
    assert await refusal(instance.client(namespace)) is None


@pytest.mark.parametrize(
    "last",
    ["", "abc", "0-1", "1-1", "-1", -1, 5, 1.5, 10**30, True, {"a": 1}, ["1-0"], "1" * 30, "١"],
)
async def test_unknown_last_event_id_is_answered_by_one_resync(
    instance: Instance, last: Any
) -> None:
    group_id = instance.group("public")
    await instance.until_published()
    auth = {"last_event_id": last}
    async with Client(instance.service.origin, f"/groups/{group_id}", auth=auth) as client:
        resync = await client.receives("resync_required")
        instance.user("owner").make_post(group_id)
        await client.receives("post.created")
        assert client.types == ["resync_required", "post.created"]
    # The id of the resync continues the stream.
    resumed = Client(
        instance.service.origin, f"/groups/{group_id}", auth={"last_event_id": resync["event_id"]}
    )
    async with resumed as client:
        await client.receives("post.created")
        assert client.types == ["post.created"]


async def test_polling_client_receives_events(instance: Instance) -> None:
    group_id = instance.group("private", "member")
    client = await instance.client(f"/groups/{group_id}", "member").connect("polling")
    instance.user("owner").make_post(group_id)
    await client.receives("post.created")
    await client.close()
