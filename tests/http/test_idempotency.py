"""Requests repeated under one idempotency key.

Proves rules 00.13, 00.24, 70.1, 70.2, 70.3, 70.4 and 70.8.
"""

import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import httpx
import orjson
import psycopg
import pytest
import redis

from tests.http.conftest import MakeUser
from tests.support import api_client, servers

SendKeys = Callable[..., api_client.Reply]


def _key() -> dict[str, str]:
    return {"Idempotency-Key": str(uuid.uuid4())}


def _replayed(response: httpx.Response) -> bool:
    return bool(response.headers.get("idempotency-replayed") == "true")


def _forget(service: servers.Service) -> None:
    """Empties Redis, as a restart without persistence does."""
    with redis.Redis.from_url(service.environment["REDIS_URL"]) as client:
        client.flushdb()


def _own_groups(user: api_client.User) -> int:
    return len(user.client.get("/groups", params={"mine": "true"}).json()["items"])


@contextmanager
def _database(service: servers.Service) -> Iterator[psycopg.Connection]:
    with psycopg.connect(service.environment["DATABASE_URL"]) as connection:
        yield connection


@pytest.mark.parametrize("redis_forgets", [False, True])
def test_repeated_post_has_one_effect_and_the_same_answer(
    redis_forgets: bool, user: api_client.User, shared_service: servers.Service
) -> None:
    key = _key()
    first = user.client.post("/groups", json=api_client.NEW_GROUP, headers=key)
    assert first.status_code == 201
    assert not _replayed(first)
    for _ in range(3):
        if redis_forgets:
            _forget(shared_service)
        again = user.client.post("/groups", json=api_client.NEW_GROUP, headers=key)
        assert _replayed(again)
        assert (again.status_code, again.content) == (201, first.content)
        for name in ("location", "content-type"):
            assert again.headers[name] == first.headers[name]
        assert again.headers["x-request-id"] != first.headers["x-request-id"]
    assert _own_groups(user) == 1


@pytest.mark.parametrize("redis_forgets", [False, True])
def test_answer_without_a_body_is_replayed(
    redis_forgets: bool, user: api_client.User, make_user: MakeUser, shared_service: servers.Service
) -> None:
    group_id, other, key = user.make_group(), make_user(), _key()
    other.client.post(f"/groups/{group_id}/join")
    left = other.client.post(f"/groups/{group_id}/leave", headers=key)
    assert (left.status_code, left.content) == (204, b"")
    if redis_forgets:
        _forget(shared_service)
    again = other.client.post(f"/groups/{group_id}/leave", headers=key)
    assert (again.status_code, again.content, _replayed(again)) == (204, b"", True)


@pytest.mark.parametrize("redis_forgets", [False, True])
def test_idempotency_key_is_bound_to_one_method_path_and_body(
    redis_forgets: bool, user: api_client.User, shared_service: servers.Service
) -> None:
    key, group_id = _key(), user.make_group()
    posts = f"/groups/{group_id}/posts"
    assert user.client.post(posts, json={"body": "One"}, headers=key).status_code == 201
    for path, body in (
        (posts, {"body": "Two"}),
        (posts, {"body": "One", "title": None}),
        (f"/groups/{user.make_group()}/posts", {"body": "One"}),
        ("/tags", {"tag": "one"}),
    ):
        if redis_forgets:
            _forget(shared_service)
        api_client.problem(
            user.client.post(path, json=body, headers=key), 409, "idempotency_key_reused"
        )
    assert len(user.client.get(posts).json()["items"]) == 1


def test_idempotency_key_belongs_to_its_caller(make_user: MakeUser) -> None:
    key, users = _key(), [make_user(), make_user()]
    answers = [
        user.client.post("/groups", json=api_client.NEW_GROUP, headers=key) for user in users
    ]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert not any(_replayed(answer) for answer in answers)


def test_idempotency_key_is_case_sensitive(user: api_client.User) -> None:
    for key in ("Key", "key"):
        answer = user.client.post(
            "/groups", json=api_client.NEW_GROUP, headers={"Idempotency-Key": key}
        )
        assert not _replayed(answer)


def test_refusal_is_decided_again_under_the_same_key(user: api_client.User) -> None:
    key, slug = _key(), f"slug-{uuid.uuid4()}"
    blocking = user.make_group(slug=slug)
    body = {**api_client.NEW_GROUP, "slug": slug}
    api_client.problem(user.client.post("/groups", json=body, headers=key), 409, "slug_taken")
    assert user.client.delete(f"/groups/{blocking}").status_code == 204
    answer = user.client.post("/groups", json=body, headers=key)
    assert (answer.status_code, _replayed(answer)) == (201, False)


def test_refused_request_frees_its_idempotency_key(user: api_client.User) -> None:
    key = _key()
    assert api_client.fields(user.client.post("/groups", json={"name": "x"}, headers=key))
    assert user.client.post("/groups", json=api_client.NEW_GROUP, headers=key).status_code == 201


@pytest.fixture
def send_keys(
    user: api_client.User, shared_service: servers.Service, raw_client: api_client.RawClient
) -> SendKeys:
    """Returns a function that creates a group with these idempotency keys."""

    def send(*keys: str) -> api_client.Reply:
        body = orjson.dumps(api_client.NEW_GROUP)
        headers = [
            ("Authorization", f"Bearer {shared_service.token(user.id)}"),
            ("Content-Type", "application/json"),
            ("Content-Length", str(len(body))),
            *(("Idempotency-Key", key) for key in keys),
        ]
        return raw_client.send("POST", f"{api_client.BASE}/groups", headers, body)

    return send


@pytest.mark.parametrize("key", ["", "a b", "é", "x" * 256, "\t"])
def test_malformed_idempotency_key_is_refused(key: str, send_keys: SendKeys) -> None:
    assert api_client.fields(send_keys(key)) == ["Idempotency-Key"]


def test_repeated_idempotency_key_header_is_refused(send_keys: SendKeys) -> None:
    assert api_client.fields(send_keys("a", "a")) == ["Idempotency-Key"]


@pytest.mark.parametrize("key", ["!", "~" * 255, "a,b", '"quoted"'])
def test_idempotency_key_may_be_any_visible_ascii(key: str, send_keys: SendKeys) -> None:
    assert send_keys(key).status == 201


def test_idempotency_key_is_ignored_except_by_post(user: api_client.User) -> None:
    group_id, key = user.make_group(), {"Idempotency-Key": "a b"}
    patch = user.client.patch(f"/groups/{group_id}", json={"name": "Other"}, headers=key)
    assert patch.status_code == 200
    assert user.client.get("/groups", headers=key).status_code == 200


def test_concurrent_equal_posts_have_one_effect(
    user: api_client.User, shared_service: servers.Service
) -> None:
    key = _key()

    def send(_: int) -> httpx.Response:
        with shared_service.client(user.id) as client:
            return client.post("/groups", json=api_client.NEW_GROUP, headers=key)

    with ThreadPoolExecutor(20) as threads:
        answers = list(threads.map(send, range(20)))
    made = [answer for answer in answers if answer.status_code == 201]
    assert len([answer for answer in made if not _replayed(answer)]) == 1
    assert len({answer.content for answer in made}) == 1
    for answer in answers:
        if answer.status_code != 201:
            api_client.problem(answer, 409, "idempotency_in_progress")
    assert _own_groups(user) == 1


def test_repeated_post_is_refused_while_the_first_one_runs(
    user: api_client.User, shared_service: servers.Service
) -> None:
    key = _key()
    with _database(shared_service) as connection:
        connection.execute(
            "insert into idempotency_key (actor_id, key, fingerprint) values (%s, %s, 'x')",
            [user.id, key["Idempotency-Key"]],
        )
        response = user.client.post("/groups", json=api_client.NEW_GROUP, headers=key)
        api_client.problem(response, 409, "idempotency_in_progress")
        assert response.headers["retry-after"] == "1"
        connection.rollback()
    assert user.client.post("/groups", json=api_client.NEW_GROUP, headers=key).status_code == 201


def test_idempotency_key_expires_after_a_day(
    user: api_client.User, shared_service: servers.Service
) -> None:
    key = _key()
    user.client.post("/groups", json=api_client.NEW_GROUP, headers=key)
    with _database(shared_service) as connection:
        connection.execute(
            "update idempotency_key set created_at = now() - interval '24 hours' where key = %s",
            [key["Idempotency-Key"]],
        )
    with redis.Redis.from_url(shared_service.environment["REDIS_URL"]) as client:
        (name,) = client.keys(f"idem:{user.id}:*")
        assert 86_000 < client.ttl(name) <= 86_400
        client.delete(name)
    assert not _replayed(user.client.post("/groups", json=api_client.NEW_GROUP, headers=key))


def test_redis_never_holds_an_idempotency_key_in_plain_text(
    user: api_client.User, shared_service: servers.Service
) -> None:
    key = _key()
    user.client.post("/groups", json=api_client.NEW_GROUP, headers=key)
    with redis.Redis.from_url(shared_service.environment["REDIS_URL"]) as client:
        (name,) = client.keys(f"idem:{user.id}:*")
        assert key["Idempotency-Key"].encode() not in name + client.get(name)
