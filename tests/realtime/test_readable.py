"""Events, compared with the answers of HTTP at the same moment. Proves rules 95.6 and 95.11."""

import asyncio
import contextlib
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import socketio

from tests.realtime.test_document import picture
from tests.realtime.test_events import done
from tests.realtime.test_resuming import last_position
from tests.support.sockets import Client, Instance

Json = dict[str, Any]

VIEWERS = (None, "stranger", "banned", "member", "moderator", "joiner")
REMOVAL = {"id", "deleted_at"}
# Fields that are signed for each answer, and the fields of the viewer.
UNLIKE = {"url", "avatar_url", "cover_url"}
OWN = {"reacted"}


def story(instance: Instance, group_id: str) -> Iterator[None]:
    """Changes the group in steps. Yields after each step."""
    owner, member = instance.user("owner"), instance.user("member")
    http = owner.client
    post = owner.make_post(group_id, "first words")
    yield
    orphaned = owner.make_post(group_id, "to be deleted")
    yield
    done(http.patch(f"/posts/{post}", json={"body": "other words"}))
    yield
    comment = member.make_comment(post, "first answer")
    yield
    member.make_comment(orphaned, "deleted with its post")
    yield
    done(member.client.patch(f"/comments/{comment}", json={"body": "other answer"}))
    yield
    for subject in (f"/posts/{post}", f"/comments/{comment}"):
        for emoji in ("👍", "🦉"):
            done(member.client.post(f"{subject}/reactions", json={"emoji": emoji}))
            yield
        done(member.client.delete(f"{subject}/reactions/👍"))
        yield
    kept = [picture(instance, "post", post) for _ in range(2)]
    yield
    done(http.put(f"/posts/{post}/pin"))
    yield
    done(http.delete(f"/attachments/{kept[0]}"))
    yield
    for name in ("Another name", "Yet another"):
        done(http.patch(f"/groups/{group_id}", json={"name": name}))
        yield
    for path in (f"/comments/{comment}", f"/posts/{orphaned}"):
        done(http.delete(path))
        yield
    done(http.post(f"/comments/{comment}/restore"))
    yield
    members = f"/groups/{group_id}/members"
    for user, role in (("guest", "member"), ("guest", "moderator"), ("joiner", "member")):
        done(http.put(f"{members}/{instance.user(user).id}", json={"role": role}))
        yield


def answer(http: httpx.Client, event: Json) -> Json | None:
    """Returns the HTTP answer for the subject of an event, or None."""
    noun, data = event["type"].partition(".")[0], event["data"]
    if noun in ("reaction", "attachment"):
        subject = f"/{event['subject_type']}s/{event['subject_id']}"
        if noun == "reaction":
            candidates = done(http.get(f"{subject}/reactions"))["items"]
        else:
            candidates = done(http.get(subject))["media"]
        return next((one for one in candidates if one["id"] == data["id"]), None)
    if noun == "member":
        response = http.get(f"/groups/{event['group_id']}/members/{data['user_id']}")
    else:
        response = http.get(f"/{noun}s/{data['id']}")
    return response.json() if response.is_success else None


def plain(value: Any, without: set[str]) -> Any:
    """Returns a value without these fields at any depth."""
    if isinstance(value, dict):
        return {name: plain(one, without) for name, one in value.items() if name not in without}
    return [plain(one, without) for one in value] if isinstance(value, list) else value


def check(http: httpx.Client, event: Json, *, is_late: bool) -> None:
    """Asserts that the event shows nothing that HTTP hides."""
    if event["data"].keys() == REMOVAL:
        return
    answered = answer(http, event)
    assert answered is not None, event
    own = OWN | {"role"} if event["type"].startswith("group.") else OWN
    assert all(event["data"].get(name) is None for name in own), event
    sent, read = (plain(one, UNLIKE | own) for one in (event["data"], answered))
    if is_late:
        # Counters are those of the event, and some reactions may be missing.
        then = {name for name in sent if name.endswith("_count")} | {"updated_at"}
        reactions = {one["emoji"] for one in read.get("reactions", [])}
        assert {one["emoji"] for one in sent.get("reactions", [])} <= reactions, event
        sent, read = (plain(one, {*then, "reactions"}) for one in (sent, read))
    assert sent == read, event


@pytest.mark.slow
@pytest.mark.parametrize("visibility", ["public", "private", "secret"])
async def test_events_show_only_readable_content(instance: Instance, visibility: str) -> None:
    group_id = instance.group(visibility, "member", "moderator", "banned")
    instance.put(group_id, "moderator", "moderator")
    ban = f"/groups/{group_id}/members/{instance.user('banned').id}/ban"
    done(instance.user("owner").client.put(ban, json={}))
    await instance.until_published()
    last = str(last_position(instance))

    def http(name: str | None) -> httpx.Client:
        return anonymous if name is None else instance.user(name).client

    with instance.service.client() as anonymous:
        async with contextlib.AsyncExitStack() as opened:
            viewers = await subscribe(instance, opened, group_id, None)
            assert len(viewers) == (6 if visibility == "public" else 2)
            happens, checked = story(instance, group_id), dict.fromkeys(viewers, 0)
            while await asyncio.to_thread(next, happens, True) is None:
                await instance.until_published()
                for name, viewer in viewers.items():
                    for event in (await received_events(instance, viewer))[checked[name] :]:
                        await asyncio.to_thread(check, http(name), event, is_late=False)
                    checked[name] = len(viewer.received)
            late = await subscribe(instance, opened, group_id, last)
            assert late.keys() == viewers.keys() | {"joiner"}
            for name, viewer in late.items():
                for event in await received_events(instance, viewer):
                    await asyncio.to_thread(check, http(name), event, is_late=True)
                assert viewer.ids == late["member"].ids


async def subscribe(
    instance: Instance, opened: contextlib.AsyncExitStack, group_id: str, last: str | None
) -> dict[str | None, Client]:
    """Returns the clients of the viewers that may subscribe to the group, by name."""
    clients: dict[str | None, Client] = {}
    for name in VIEWERS:
        client = instance.client(f"/groups/{group_id}", name, last=last, service=1)
        opened.push_async_callback(client.close)
        with contextlib.suppress(socketio.exceptions.ConnectionError):
            clients[name] = await client.connect()
    return clients


async def received_events(instance: Instance, viewer: Client) -> list[Json]:
    """Returns the events that a client received, once the newest has arrived."""
    newest = f"{last_position(instance)}-0"
    await viewer.until(lambda one: one.ids[-1:] == [newest])
    return [event for _, event in viewer.received]
