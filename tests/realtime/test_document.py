"""Events, compared with /asyncapi.json. Proves rule 00.19."""

import asyncio
import uuid
from typing import Any

import httpx
import jsonschema
import pytest

from service.reference import asyncapi
from tests.realtime.test_events import change_everything, done
from tests.support.sockets import Client, Instance, refusal

Json = dict[str, Any]


@pytest.fixture(scope="module")
def document(instance: Instance) -> Json:
    served: Json = httpx.get(f"{instance.service.origin}/asyncapi.json").json()
    # Additional fields are errors.
    for schema in served["components"]["schemas"].values():
        schema["additionalProperties"] = False
    return served


def check(document: Json, channel: str, message: str, payload: Any) -> None:
    """Asserts that the payload follows the document for this message on this channel."""
    assert message in document["channels"][channel]["messages"]
    described = document["components"]["messages"][message]
    jsonschema.Draft202012Validator(
        {**described["payload"], "components": document["components"]},
        format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER,
    ).validate(payload)


def picture(instance: Instance, subject_type: str, subject: str) -> str:
    """Returns the id of a new picture of a subject."""
    http = instance.user("owner").client
    announced = {"purpose": subject_type, "mime": "image/png", "size_bytes": 3}
    upload = done(http.post("/uploads/presign", json=announced))
    assert httpx.put(upload["url"], content=b"png", headers=upload["headers"]).is_success
    link = {"key": upload["key"], "subject_type": subject_type, "subject_id": subject}
    return str(done(http.post("/attachments", json=link))["id"])


def attach(instance: Instance, post: str, subject_type: str, subject: str) -> None:
    """Attaches a picture to a subject and removes it."""
    http = instance.user("owner").client
    media = picture(instance, subject_type, subject)
    done(http.patch(f"/posts/{post}", json={"body": "With a picture"}))
    done(http.delete(f"/attachments/{media}"))


def cause_every_event(instance: Instance, group_id: str) -> str:
    """Causes every event, the deletion of the group last. Returns the id of a post."""
    owner = instance.user("owner")
    made = change_everything(owner, group_id, uuid.uuid4())
    post, comment = made["post"], made["comment"]
    done(owner.client.post(f"/posts/{post}/reactions", json={"emoji": "♟"}))
    attach(instance, post, "post", post)
    attach(instance, post, "comment", comment)
    done(owner.client.delete(f"/groups/{group_id}"))
    return post


@pytest.mark.slow
async def test_every_event_follows_the_document(instance: Instance, document: Json) -> None:
    group_id = instance.group("private")
    async with instance.client(f"/groups/{group_id}", "owner") as client:
        post = await asyncio.to_thread(cause_every_event, instance, group_id)
        await client.receives("group.deleted")
        assert set(client.types) == asyncapi.EVENTS.keys()
        for name, payload in client.received:
            check(document, "group", name, payload)
            if payload["post_id"] == post:
                check(document, "post", name, payload)
    # The channel of a post has exactly the messages of posts.
    of_post = {name for name, payload in client.received if payload["post_id"] == post}
    assert of_post == asyncapi.EVENTS.keys() & document["channels"]["post"]["messages"].keys()


async def test_removal_in_a_replay_follows_the_document(instance: Instance, document: Json) -> None:
    group_id = instance.group("private", "member")
    owner = instance.user("owner")
    async with instance.client(f"/groups/{group_id}", "member") as client:
        await asyncio.to_thread(owner.make_post, group_id)
        last = (await client.receives("post.created"))["event_id"]

    def delete_another() -> None:
        post = owner.make_post(group_id)
        owner.make_comment(post)
        done(owner.client.delete(f"/posts/{post}"))

    await asyncio.to_thread(delete_another)
    async with instance.client(f"/groups/{group_id}", "member", last=last) as client:
        await client.receives("post.deleted")
        assert client.types == ["post.created", "comment.created", "post.deleted"]
        for name, payload in client.received:
            assert payload["data"].keys() == {"id", "deleted_at"}
            check(document, "group", name, payload)


async def test_handshake_follows_the_document(instance: Instance, document: Json) -> None:
    group_id = instance.group("private")
    for auth in ({"token": "x"}, {"token": instance.service.token(uuid.uuid4())}, {}):
        check(document, "group", "connect", auth)
        client = Client(instance.service.origin, f"/groups/{group_id}", auth=auth)
        check(document, "group", "connect_error", {"message": await refusal(client)})


async def test_resync_follows_the_document(instance: Instance, document: Json) -> None:
    group_id = instance.group("private")
    auth = {"token": instance.service.token(instance.user("owner").id), "last_event_id": 10**15}
    check(document, "group", "connect", auth)
    async with Client(instance.service.origin, f"/groups/{group_id}", auth=auth) as client:
        check(document, "group", "resync_required", await client.receives("resync_required"))
