"""Races of equal requests under one idempotency key.

Proves rules 70.1, 70.2, 70.3, 70.4 and 70.5.
"""

import functools
import re
import threading
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import httpx
import psycopg
import pytest
import redis

from gen.jobs import posts
from tests.races import outbox, proxy
from tests.races.crowd import new_users
from tests.support import servers
from tests.support.doors import TLS, read_error

TIMES = 20
COMMITTED = b"C\x00\x00\x00\x0bCOMMIT\x00"  # the answer of PostgreSQL to a commit


class Stage:
    """Group with a post, and a user who sends requests with idempotency keys."""

    def __init__(self, service: servers.Service) -> None:
        self.owner, self.user = new_users(2)
        self._client = httpx.Client(
            base_url=service.base,
            headers={"Authorization": f"Bearer {service.token(self.user)}"},
            timeout=30,
            verify=TLS,
            limits=httpx.Limits(max_keepalive_connections=0),
        )
        with service.client(self.owner) as client:
            group = {"name": "A race", "visibility": "public"}
            self.group: str = client.post("/groups", json=group).json()["id"]
            member = f"/groups/{self.group}/members/{self.user}"
            client.put(member, json={"role": "member"}).raise_for_status()
            self.post: str = client.post(
                f"/groups/{self.group}/posts", json={"body": "A post"}
            ).json()["id"]

    def upload(self) -> dict[str, str]:
        """Uploads a file for a new post of the user. Returns the body that links it."""
        own = self._client.post(f"/groups/{self.group}/posts", json={"body": "Look"}).json()
        announced = {"purpose": "post", "mime": "image/png", "size_bytes": 1}
        upload = self._client.post("/uploads/presign", json=announced).json()
        httpx.put(upload["url"], content=b"x", headers=upload["headers"]).raise_for_status()
        return {"key": upload["key"], "subject_type": "post", "subject_id": own["id"]}

    def send(self, path: str, body: dict[str, Any] | None, key: str) -> httpx.Response:
        return self._client.post(path, json=body, headers={"Idempotency-Key": key})


Request = Callable[[Stage], tuple[str, dict[str, Any] | None, str]]
REQUESTS: dict[str, Request] = {
    "a post": lambda stage: (f"/groups/{stage.group}/posts", {"body": "b"}, "post.created"),
    "a comment": lambda stage: (f"/posts/{stage.post}/comments", {"body": "b"}, "comment.created"),
    "a reaction": lambda stage: (
        f"/posts/{stage.post}/reactions",
        {"emoji": "👍"},
        "reaction.added",
    ),
    "an attachment": lambda stage: ("/attachments", stage.upload(), "attachment.added"),
    "an exit": lambda stage: (f"/groups/{stage.group}/leave", None, "member.left"),
}
every_request = pytest.mark.parametrize("request_of", REQUESTS.values(), ids=REQUESTS.keys())


def replayed_parts(response: httpx.Response) -> tuple[int, bytes, str | None]:
    """Returns the parts of a response that a replay repeats, without signatures of URLs."""
    content = re.sub(rb'\?X-Amz[^"]*', b"", response.content)
    return response.status_code, content, response.headers.get("location")


def check_replayed(stage: Stage, path: str, body: Any, key: str, first: httpx.Response) -> None:
    for _ in range(2):
        again = stage.send(path, body, key)
        assert again.headers["idempotency-replayed"] == "true"
        assert replayed_parts(again) == replayed_parts(first)


@contextmanager
def flushing_redis(url: str) -> Iterator[None]:
    """Empties Redis repeatedly until the context ends."""
    done = threading.Event()

    def flush() -> None:
        with redis.Redis.from_url(url) as client:
            while not done.wait(0.002):
                client.flushdb()

    thread = threading.Thread(target=flush)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def send_at_once(
    stage: Stage, path: str, body: dict[str, Any] | None, key: str
) -> list[httpx.Response]:
    start = threading.Barrier(TIMES)

    def send(_number: int) -> httpx.Response:
        start.wait()
        return stage.send(path, body, key)

    with ThreadPoolExecutor(TIMES) as threads:
        return list(threads.map(send, range(TIMES)))


@pytest.mark.parametrize("redis_forgets", [False, True], ids=["", "while Redis forgets"])
@every_request
def test_concurrent_equal_requests_have_one_effect(
    request_of: Request,
    redis_forgets: bool,
    shared_service: servers.Service,
    connection: psycopg.Connection,
) -> None:
    stage = Stage(shared_service)
    path, body, event = request_of(stage)
    key = str(uuid.uuid4())
    redis_url = shared_service.environment["REDIS_URL"]
    before = outbox.count(connection, stage.group)[event]
    if redis_forgets:
        with flushing_redis(redis_url):
            responses = send_at_once(stage, path, body, key)
    else:
        responses = send_at_once(stage, path, body, key)
    good = [response for response in responses if response.is_success]
    assert len({replayed_parts(response) for response in good}) == 1
    assert [response.headers.get("idempotency-replayed") for response in good].count(None) == 1
    for response in responses:
        if not response.is_success:
            assert response.status_code == 409
            assert response.json()["code"] == "idempotency_in_progress"
            assert int(response.headers["retry-after"]) >= 1
    check_replayed(stage, path, body, key, good[0])
    with redis.Redis.from_url(redis_url) as client:
        client.flushdb()
    check_replayed(stage, path, body, key, good[0])
    assert outbox.count(connection, stage.group)[event] == before + 1
    outbox.check(connection, stage.group)


def test_idempotency_key_is_bound_to_one_request(shared_service: servers.Service) -> None:
    stage = Stage(shared_service)
    path, key = f"/posts/{stage.post}/comments", str(uuid.uuid4())
    assert stage.send(path, {"body": "One"}, key).status_code == 201
    for flushed in (False, True):
        if flushed:
            with redis.Redis.from_url(shared_service.environment["REDIS_URL"]) as client:
                client.flushdb()
        others = [(path, {"body": "Two"}), (f"/groups/{stage.group}/posts", {"body": "One"})]
        for other, body in others:
            response = stage.send(other, body, key)
            assert response.status_code == 409
            assert response.json()["code"] == "idempotency_key_reused"


def test_concurrent_different_requests_under_one_key_have_one_effect(
    shared_service: servers.Service, connection: psycopg.Connection
) -> None:
    stage = Stage(shared_service)
    path, key = f"/posts/{stage.post}/comments", str(uuid.uuid4())
    with ThreadPoolExecutor(TIMES) as threads:
        responses = list(
            threads.map(lambda number: stage.send(path, {"body": str(number)}, key), range(TIMES))
        )
    assert [response.status_code for response in responses].count(201) == 1
    refusals = {response.json()["code"] for response in responses if response.is_error}
    assert refusals <= {"idempotency_key_reused", "idempotency_in_progress"}
    assert outbox.count(connection, stage.group)["comment.created"] == 1


def test_refusal_is_decided_again_under_the_same_key(shared_service: servers.Service) -> None:
    stage = Stage(shared_service)
    path, key = f"/groups/{stage.group}/posts", str(uuid.uuid4())
    mute = f"/groups/{stage.group}/members/{stage.user}/mute"
    with shared_service.client(stage.owner) as client:
        client.put(mute, json={"until": "2100-01-01T00:00:00Z"}).raise_for_status()
        assert stage.send(path, {"body": "b"}, key).json()["code"] == "muted"
        client.delete(mute).raise_for_status()
    response = stage.send(path, {"body": "b"}, key)
    assert response.status_code == 201
    assert "idempotency-replayed" not in response.headers


def test_concurrent_equal_calls_of_a_job_have_one_effect(
    shared_service: servers.Service, connection: psycopg.Connection
) -> None:
    stage = Stage(shared_service)
    start = threading.Barrier(TIMES)

    def act(_number: int) -> str | None:
        with psycopg.connect(shared_service.environment["DATABASE_URL"]) as job:
            job.execute("set role communities_job")
            start.wait()
            try:
                given = job.execute(
                    "select body from api.claim_idempotency_key(%s, 'k', 'f')", [stage.user]
                ).fetchone()
            except psycopg.Error as error:
                if read_error(error).code != "idempotency_in_progress":
                    raise
                return None
            if given is None:
                made = posts.Querier(job).post_create(
                    actor=stage.user,
                    group_id=uuid.UUID(stage.group),
                    body="b",
                    title=None,
                    topic_tags=[],
                )
                assert made
                job.execute(
                    "select api.store_idempotent_answer(%s, 'k', 201, null, %s)",
                    [stage.user, str(made.id)],
                )
                return str(made.id)
            return str(given[0])

    with ThreadPoolExecutor(TIMES) as threads:
        answers = set(threads.map(act, range(TIMES)))
    assert len(answers - {None}) == 1
    assert outbox.count(connection, stage.group)["post.created"] == 2


class Accident:
    """Service behind proxies of its stores, which a test kills at a chosen moment."""

    def __init__(
        self,
        run_service: Callable[..., servers.Service],
        database: proxy.Proxy,
        redis_proxy: proxy.Proxy,
    ) -> None:
        self.database, self.redis = database, redis_proxy
        self.service = run_service(DATABASE_URL=database.url, REDIS_URL=redis_proxy.url)

    def kill_during(self, held: proxy.Proxy, send: Callable[[], httpx.Response]) -> None:
        """Sends a request, and kills the server once the proxy has held a chunk back."""
        with ThreadPoolExecutor(1) as thread:
            answer = thread.submit(send)
            held.wait()
            assert not answer.done()
            self.service.kill()
            with pytest.raises(httpx.TransportError):
                answer.result()
        self.service.start()


@pytest.fixture
def accident(
    run_service: Callable[..., servers.Service], database_url: str, redis_url: str
) -> Iterator[Accident]:
    with proxy.between(database_url) as database, proxy.between(redis_url) as redis_proxy:
        yield Accident(run_service, database, redis_proxy)


@pytest.mark.slow
def test_effect_is_not_repeated_after_a_kill_before_the_answer(
    accident: Accident, database_url: str, redis_url: str
) -> None:
    stage = Stage(accident.service)
    for number, request_of in enumerate(REQUESTS.values()):
        path, body, event = request_of(stage)
        key = f"key-{number}"
        with psycopg.connect(database_url, autocommit=True) as connection:
            before = outbox.count(connection, stage.group)[event]
            accident.database.hold_back("response", COMMITTED)
            accident.kill_during(accident.database, functools.partial(stage.send, path, body, key))
            assert outbox.count(connection, stage.group)[event] == before + 1
            if number % 2:
                with redis.Redis.from_url(redis_url) as client:
                    client.flushdb()
            answer = stage.send(path, body, key)
            assert answer.is_success
            assert answer.headers["idempotency-replayed"] == "true"
            check_replayed(stage, path, body, key, answer)
            assert outbox.count(connection, stage.group)[event] == before + 1
            outbox.check(connection, stage.group)


@pytest.mark.slow
def test_effect_is_not_repeated_after_a_kill_before_the_answer_is_cached(
    accident: Accident, database_url: str
) -> None:
    stage = Stage(accident.service)
    path, body, event = REQUESTS["a post"](stage)
    accident.redis.hold_back("request", b"SET\r\n")
    accident.kill_during(accident.redis, lambda: stage.send(path, body, "one-key"))
    answer = stage.send(path, body, "one-key")
    assert answer.status_code == 201
    assert answer.headers["idempotency-replayed"] == "true"
    with psycopg.connect(database_url, autocommit=True) as connection:
        assert outbox.count(connection, stage.group)[event] == 2


@pytest.mark.slow
def test_killed_server_has_no_effect_before_its_commit(
    accident: Accident, database_url: str
) -> None:
    stage = Stage(accident.service)
    path, body, event = REQUESTS["a post"](stage)
    accident.database.hold_back("request", b"COMMIT\x00")
    accident.kill_during(accident.database, lambda: stage.send(path, body, "one-key"))
    answer = stage.send(path, body, "one-key")
    while answer.status_code == 409:  # until PostgreSQL has noticed the lost connection
        answer = stage.send(path, body, "one-key")
    assert answer.status_code == 201
    assert "idempotency-replayed" not in answer.headers
    with psycopg.connect(database_url, autocommit=True) as connection:
        assert outbox.count(connection, stage.group)[event] == 2
