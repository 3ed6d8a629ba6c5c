"""Events, compared with /asyncapi.json. Proves rule 00.19."""

import asyncio
import uuid
from typing import Any

import httpx
import jsonschema
import pytest

from service.reference import asyncapi
from tests.realtime.test_events import act_out, done
from tests.support.sockets import Client, Town, refusal

Json = dict[str, Any]


@pytest.fixture(scope="module")
def document(town: Town) -> Json:
    served: Json = httpx.get(f"{town.service.origin}/asyncapi.json").json()
    # No more than is named.
    for schema in served["components"]["schemas"].values():
        schema["additionalProperties"] = False
    return served


def check(document: Json, channel: str, message: str, payload: Any) -> None:
    """Asserts that the payload follows the document for this message on this channel."""
    assert message in document["channels"][channel]["messages"]
    words = document["components"]["messages"][message]
    jsonschema.Draft202012Validator(
        {**words["payload"], "components": document["components"]},
        format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER,
    ).validate(payload)


def picture(town: Town, subject_type: str, subject: str) -> str:
    """Returns the id of a new picture of a subject."""
    http = town.user("owner").client
    for_what = {"purpose": subject_type, "mime": "image/png", "size_bytes": 3}
    upload = done(http.post("/uploads/presign", json=for_what))
    assert httpx.put(upload["url"], content=b"png", headers=upload["headers"]).is_success
    link = {"key": upload["key"], "subject_type": subject_type, "subject_id": subject}
    return str(done(http.post("/attachments", json=link))["id"])


def attach(town: Town, post: str, subject_type: str, subject: str) -> None:
    """Attaches a picture to a subject and removes it."""
    http = town.user("owner").client
    media = picture(town, subject_type, subject)
    done(http.patch(f"/posts/{post}", json={"body": "With a picture"}))
    done(http.delete(f"/attachments/{media}"))


def everything(town: Town, group_id: str) -> str:
    """Makes every event happen, the end of the group last; the id of a post."""
    owner = town.user("owner")
    made = act_out(owner, group_id, uuid.uuid4())
    post, comment = made["post"], made["comment"]
    done(owner.client.post(f"/posts/{post}/reactions", json={"emoji": "♟"}))
    attach(town, post, "post", post)
    attach(town, post, "comment", comment)
    done(owner.client.delete(f"/groups/{group_id}"))
    return post


@pytest.mark.slow
async def test_every_event_follows_the_document(town: Town, document: Json) -> None:
    group_id = town.group("private")
    async with town.client(f"/groups/{group_id}", "owner") as client:
        post = await asyncio.to_thread(everything, town, group_id)
        await client.hears("group.deleted")
        assert set(client.types) == asyncapi.EVENTS.keys()
        for name, payload in client.heard:
            check(document, "group", name, payload)
            if payload["post_id"] == post:
                check(document, "post", name, payload)
    # A channel of posts has no message that isn't a post's.
    told = {name for name, payload in client.heard if payload["post_id"] == post}
    assert told == asyncapi.EVENTS.keys() & document["channels"]["post"]["messages"].keys()


async def test_removal_in_a_replay_follows_the_document(town: Town, document: Json) -> None:
    group_id = town.group("private", "member")
    owner = town.user("owner")
    async with town.client(f"/groups/{group_id}", "member") as client:
        await asyncio.to_thread(owner.make_post, group_id)
        last = (await client.hears("post.created"))["event_id"]

    def delete_another() -> None:
        post = owner.make_post(group_id)
        owner.make_comment(post)
        done(owner.client.delete(f"/posts/{post}"))

    await asyncio.to_thread(delete_another)
    async with town.client(f"/groups/{group_id}", "member", last=last) as client:
        await client.hears("post.deleted")
        assert client.types == ["post.created", "comment.created", "post.deleted"]
        for name, payload in client.heard:
            assert payload["data"].keys() == {"id", "deleted_at"}
            check(document, "group", name, payload)


async def test_handshake_follows_the_document(town: Town, document: Json) -> None:
    group_id = town.group("private")
    for auth in ({"token": "x"}, {"token": town.service.token(uuid.uuid4())}, {}):
        check(document, "group", "connect", auth)
        client = Client(town.service.origin, f"/groups/{group_id}", auth=auth)
        check(document, "group", "connect_error", {"message": await refusal(client)})


async def test_resync_follows_the_document(town: Town, document: Json) -> None:
    group_id = town.group("private")
    auth = {"token": town.service.token(town.user("owner").id), "last_event_id": 10**15}
    check(document, "group", "connect", auth)
    async with Client(town.service.origin, f"/groups/{group_id}", auth=auth) as client:
        check(document, "group", "resync_required", await client.hears("resync_required"))
