"""Uploads through real stores, from the presigned URL to the removal.

Proves rules 61.3, 61.4, 61.5, 61.6, 61.7, 61.8, 61.9, 61.10 and 61.13.
"""

import threading
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import httpx
import jwt
import psycopg
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from common import blocking_calls
from development import databases
from tests.conftest import Bucket, ServiceFactory
from tests.http import conftest, key_sets
from tests.support import api_client, indexing, servers
from tests.support.forwarder import Forwarder
from tests.support.waiting import eventually
from tools.instance import stack

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 100


def presign(user: api_client.User, purpose: str = "post", **given: Any) -> dict[str, Any]:
    body = {"purpose": purpose, "mime": "image/png", "size_bytes": len(PNG), **given}
    response = user.client.post("/uploads/presign", json=body)
    assert response.status_code == 201, response.text
    upload: dict[str, Any] = response.json()
    return upload


def put(
    upload: dict[str, Any], content: bytes = PNG, content_type: str | None = None
) -> httpx.Response:
    headers = {"Content-Type": content_type} if content_type else upload["headers"]
    return httpx.request(upload["method"], upload["url"], content=content, headers=headers)


def uploaded(user: api_client.User, purpose: str = "post") -> str:
    upload = presign(user, purpose)
    assert put(upload).is_success
    return str(upload["key"])


def link(
    user: api_client.User, key: str, subject_type: str, subject_id: str, **more: Any
) -> httpx.Response:
    body = {"key": key, "subject_type": subject_type, "subject_id": subject_id, **more}
    return user.client.post("/attachments", json=body)


def code(response: httpx.Response) -> tuple[int, str]:
    return response.status_code, response.json()["code"]


BURST = 20
MISMATCH = (422, "attachment_mismatch")


@pytest.fixture
def group(user: api_client.User) -> dict[str, Any]:
    made = user.client.post("/groups", json={"name": "Photographers", "visibility": "public"})
    group: dict[str, Any] = made.json()
    return group


@pytest.fixture
def post(user: api_client.User, group: dict[str, Any]) -> str:
    made = user.client.post(f"/groups/{group['id']}/posts", json={"body": "look"})
    return str(made.json()["id"])


def test_linked_upload_is_shown_and_downloadable(user: api_client.User, post: str) -> None:
    key = uploaded(user)
    linked = link(user, key, "post", post, width=640, height=480)
    assert linked.status_code == 201, linked.text
    media = linked.json()
    assert (media["mime"], media["size_bytes"]) == ("image/png", len(PNG))
    assert (media["width"], media["height"]) == (640, 480)
    assert media["key"] != key
    shown = user.client.get(f"/posts/{post}").json()
    assert shown["media_count"] == 1
    assert [each["id"] for each in shown["media"]] == [media["id"]]
    assert httpx.get(shown["media"][0]["url"]).content == PNG


def test_second_write_to_an_upload_url_does_not_change_the_linked_object(
    user: api_client.User, post: str
) -> None:
    upload = presign(user)
    put(upload)
    media = link(user, upload["key"], "post", post).json()
    put(upload, b"\0" * len(PNG))
    assert httpx.get(media["url"]).content == PNG


@pytest.mark.slow
def test_second_write_to_an_upload_url_changes_nothing_during_a_concurrent_link(
    run_service: ServiceFactory, test_stack: stack.Stack
) -> None:
    with Forwarder(test_stack.urls["S3_ENDPOINT_URL"]) as s3, ThreadPoolExecutor() as pool:
        service, slow = run_service(), run_service(S3_ENDPOINT_URL=s3.url)
        identity = uuid.uuid4()
        with service.client(identity) as client, slow.client(identity) as other:
            user = api_client.User(identity, client)
            post = user.make_post(user.make_group())
            upload = presign(user)
            put(upload)
            s3.silent = True
            late = pool.submit(link, api_client.User(identity, other), upload["key"], "post", post)
            eventually(lambda: s3.is_used)
            # A request that waits for the store does not block others.
            assert other.get(f"/posts/{post}").status_code == 200
            media = link(user, upload["key"], "post", post).json()
            put(upload, b"\0" * len(PNG))
            s3.silent = False
            assert code(late.result()) == MISMATCH
            assert httpx.get(media["url"]).content == PNG
            for kind in ("presign", "attachment"):
                assert service.metric(f'communities_created_total{{kind="{kind}"}}') == 1


def test_upload_url_with_a_forged_signature_is_refused(user: api_client.User) -> None:
    upload = presign(user)
    forged = {**upload, "url": upload["url"][:-4] + "0000"}
    assert put(forged).status_code == 403


def test_missing_object_cannot_be_linked(user: api_client.User, post: str) -> None:
    assert code(link(user, presign(user)["key"], "post", post)) == MISMATCH


def test_object_of_another_size_cannot_be_linked(user: api_client.User, post: str) -> None:
    upload = presign(user)
    put(upload, PNG + b"\0")
    assert code(link(user, upload["key"], "post", post)) == MISMATCH


def test_object_of_another_type_cannot_be_linked(user: api_client.User, post: str) -> None:
    upload = presign(user)
    put(upload, content_type="text/html")
    assert code(link(user, upload["key"], "post", post)) == MISMATCH


def test_corrected_upload_can_still_be_linked(user: api_client.User, post: str) -> None:
    upload = presign(user)
    put(upload, b"wrong")
    assert code(link(user, upload["key"], "post", post)) == MISMATCH
    put(upload)
    assert link(user, upload["key"], "post", post).status_code == 201


def test_upload_of_another_purpose_cannot_be_linked(user: api_client.User, post: str) -> None:
    assert code(link(user, uploaded(user, "comment"), "post", post)) == MISMATCH


def test_upload_of_another_user_cannot_be_linked(
    user: api_client.User, make_user: conftest.MakeUser, post: str
) -> None:
    assert code(link(user, uploaded(make_user()), "post", post)) == MISMATCH


def test_upload_can_be_linked_once(user: api_client.User, post: str) -> None:
    key = uploaded(user)
    assert link(user, key, "post", post).status_code == 201
    assert code(link(user, key, "post", post)) == MISMATCH


def test_key_without_a_presigned_upload_cannot_be_linked(user: api_client.User, post: str) -> None:
    assert code(link(user, "uploads/made-up", "post", post)) == MISMATCH


def test_expired_upload_cannot_be_linked(
    user: api_client.User, shared_service: servers.Service, post: str
) -> None:
    key = uploaded(user)
    with psycopg.connect(shared_service.environment["DATABASE_URL"]) as connection:
        connection.execute("update presigned_upload set expires_at = now() where key = %s", [key])
    assert code(link(user, key, "post", post)) == MISMATCH


def test_object_that_cannot_be_linked_cannot_be_a_group_picture(
    user: api_client.User, make_user: conftest.MakeUser, group: dict[str, Any]
) -> None:
    linked = uploaded(user, "avatar")
    path = f"/groups/{group['id']}"
    assert user.client.patch(path, json={"avatar_key": linked}).status_code == 200
    missing = presign(user, "avatar")["key"]
    larger = presign(user, "avatar")
    put(larger, PNG + b"\0")
    for key in (linked, missing, larger["key"], uploaded(user), uploaded(make_user(), "avatar")):
        assert code(user.client.patch(path, json={"avatar_key": key})) == MISMATCH
    shown = user.client.get(path).json()
    assert httpx.get(shown["avatar_url"]).content == PNG


@pytest.mark.slow
def test_user_has_at_most_100_pending_uploads_over_any_number_of_connections(
    user: api_client.User, shared_service: servers.Service, post: str
) -> None:
    linked = uploaded(user)
    body = {"purpose": "post", "mime": "image/png", "size_bytes": 1}

    def request_upload(_: int) -> httpx.Response:
        with shared_service.client(user.id) as client:
            return client.post("/uploads/presign", json=body)

    with ThreadPoolExecutor(BURST) as pool:
        answers = list(pool.map(request_upload, range(120)))
    refused = [answer for answer in answers if answer.status_code != 201]
    assert len(refused) == 21
    for answer in refused:
        api_client.problem(answer, 429, "too_many_uploads")
        assert 800 < int(answer.headers["retry-after"]) <= 900
    assert link(user, linked, "post", post).status_code == 201
    presign(user)
    assert code(request_upload(0)) == (429, "too_many_uploads")


@pytest.mark.parametrize("mime", ["image/svg+xml", "text/html", "image/png; charset=utf-8", "x/y"])
def test_media_type_outside_the_list_is_refused(user: api_client.User, mime: str) -> None:
    body = {"purpose": "post", "mime": mime, "size_bytes": 10}
    assert code(user.client.post("/uploads/presign", json=body)) == (422, "mime_not_allowed")


def test_media_types_are_case_insensitive(user: api_client.User, post: str) -> None:
    upload = presign(user, mime="Image/PNG")
    put(upload, content_type="IMAGE/png")
    assert link(user, upload["key"], "post", post).status_code == 201


@pytest.mark.parametrize("size", [0, 104_857_601, -1])
def test_upload_size_out_of_range_is_invalid(user: api_client.User, size: int) -> None:
    body = {"purpose": "post", "mime": "image/png", "size_bytes": size}
    assert code(user.client.post("/uploads/presign", json=body)) == (400, "validation_failed")


def test_post_has_at_most_ten_attachments(user: api_client.User, post: str) -> None:
    for _ in range(10):
        assert link(user, uploaded(user), "post", post).status_code == 201
    assert code(link(user, uploaded(user), "post", post)) == (422, "attachment_limit")
    shown = user.client.get(f"/posts/{post}").json()
    assert (shown["media_count"], len(shown["media"])) == (10, 10)


def test_comment_has_at_most_three_attachments(user: api_client.User, post: str) -> None:
    comment = user.client.post(f"/posts/{post}/comments", json={"body": "see"}).json()["id"]
    for _ in range(3):
        assert link(user, uploaded(user, "comment"), "comment", comment).status_code == 201
    refused = link(user, uploaded(user, "comment"), "comment", comment)
    assert code(refused) == (422, "attachment_limit")
    assert len(user.client.get(f"/comments/{comment}").json()["media"]) == 3


def test_other_members_cannot_add_or_remove_attachments(
    user: api_client.User, make_user: conftest.MakeUser, group: dict[str, Any], post: str
) -> None:
    other = make_user()
    other.client.post(f"/groups/{group['id']}/join")
    assert code(link(other, uploaded(other), "post", post)) == (403, "forbidden")
    media = link(user, uploaded(user), "post", post).json()["id"]
    assert code(other.client.delete(f"/attachments/{media}")) == (403, "forbidden")
    assert user.client.delete(f"/attachments/{media}").status_code == 204
    assert user.client.get(f"/posts/{post}").json()["media"] == []
    assert code(user.client.delete(f"/attachments/{media}")) == (404, "not_found")


def test_group_pictures_are_set_by_key_or_by_attachment(
    user: api_client.User, group: dict[str, Any]
) -> None:
    path = f"/groups/{group['id']}"
    shown = user.client.patch(path, json={"avatar_key": uploaded(user, "avatar")}).json()
    assert httpx.get(shown["avatar_url"]).content == PNG
    linked = link(user, uploaded(user, "cover"), "group", group["id"])
    assert linked.status_code == 201, linked.text
    shown = user.client.get(path).json()
    assert httpx.get(shown["cover_url"]).content == PNG
    assert user.client.delete(f"/attachments/{linked.json()['id']}").status_code == 204
    shown = user.client.patch(path, json={"avatar_key": None}).json()
    assert (shown["avatar_url"], shown["cover_url"]) == (None, None)
    refused = user.client.patch(path, json={"avatar_key": uploaded(user, "cover")})
    assert code(refused) == MISMATCH


def test_group_is_created_with_its_picture(user: api_client.User) -> None:
    body = {"name": "Gallery", "visibility": "secret", "avatar_key": uploaded(user, "avatar")}
    made = user.client.post("/groups", json=body)
    assert made.status_code == 201
    assert httpx.get(made.json()["avatar_url"]).content == PNG


def test_repeated_link_under_one_idempotency_key_has_one_effect(
    user: api_client.User, post: str
) -> None:
    body = {"key": uploaded(user), "subject_type": "post", "subject_id": post}
    headers = {"Idempotency-Key": uuid.uuid4().hex}
    first, second = (user.client.post("/attachments", json=body, headers=headers) for _ in range(2))
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json()["id"] == second.json()["id"]
    assert second.headers["idempotency-replayed"] == "true"


def burst(
    user: api_client.User,
    service: servers.Service,
    method: str,
    path: str,
    body: Any,
    **headers: str,
) -> list[httpx.Response]:
    """Returns the answers to identical concurrent requests, each on its own connection."""
    start = threading.Barrier(BURST)

    def send(_: int) -> httpx.Response:
        with service.client(user.id) as client:
            start.wait()
            return client.request(method, path, json=body, headers=headers)

    with ThreadPoolExecutor(BURST) as pool:
        return list(pool.map(send, range(BURST)))


def check_one_effect(answers: list[httpx.Response]) -> None:
    """Asserts that one request has the effect; the others replay its answer or must wait."""
    successes = [answer for answer in answers if answer.status_code == 201]
    assert [answer.headers.get("idempotency-replayed") for answer in successes].count(None) == 1
    assert len({answer.json()["id"] for answer in successes}) == 1
    for answer in answers:
        if answer.status_code != 201:
            api_client.problem(answer, 409, "idempotency_in_progress")
            assert int(answer.headers["retry-after"]) > 0


@pytest.mark.parametrize("attempt", range(3))
def test_burst_of_links_under_one_idempotency_key_has_one_effect(
    user: api_client.User, shared_service: servers.Service, post: str, attempt: int
) -> None:
    body = {"key": uploaded(user), "subject_type": "post", "subject_id": post}
    headers = {"Idempotency-Key": uuid.uuid4().hex}
    check_one_effect(burst(user, shared_service, "POST", "/attachments", body, **headers))
    again = user.client.post("/attachments", json=body, headers=headers)
    assert (again.status_code, again.headers["idempotency-replayed"]) == (201, "true")
    assert user.client.get(f"/posts/{post}").json()["media_count"] == 1


def test_burst_of_new_groups_with_images_under_one_idempotency_key_has_one_effect(
    user: api_client.User, shared_service: servers.Service
) -> None:
    keys = {f"{purpose}_key": uploaded(user, purpose) for purpose in ("avatar", "cover")}
    body = {"name": "Gallery", "visibility": "public", **keys}
    headers = {"Idempotency-Key": uuid.uuid4().hex}
    check_one_effect(burst(user, shared_service, "POST", "/groups", body, **headers))
    (group,) = user.client.get("/groups", params={"mine": "true"}).json()["items"]
    assert httpx.get(group["avatar_url"]).content == PNG
    assert httpx.get(group["cover_url"]).content == PNG


def test_burst_of_links_without_a_key_links_once(
    user: api_client.User, shared_service: servers.Service, post: str
) -> None:
    body = {"key": uploaded(user), "subject_type": "post", "subject_id": post}
    answers = burst(user, shared_service, "POST", "/attachments", body)
    assert [answer.status_code for answer in answers].count(201) == 1
    assert {code(answer) for answer in answers if answer.is_error} == {MISMATCH}


def test_burst_of_patches_sets_the_image_once(
    user: api_client.User, shared_service: servers.Service, group: dict[str, Any]
) -> None:
    path, body = f"/groups/{group['id']}", {"avatar_key": uploaded(user, "avatar")}
    answers = burst(user, shared_service, "PATCH", path, body)
    assert [answer.status_code for answer in answers].count(200) == 1
    assert {code(answer) for answer in answers if answer.is_error} == {MISMATCH}
    assert httpx.get(user.client.get(path).json()["avatar_url"]).content == PNG


@pytest.mark.slow
def test_link_whose_server_is_killed_while_copying_has_one_effect_when_it_is_retried(
    run_service: ServiceFactory, test_stack: stack.Stack, database: databases.Database
) -> None:
    identity, headers = uuid.uuid4(), {"Idempotency-Key": uuid.uuid4().hex}
    reserved = "update idempotency_key set reserved_until = now() + %s * interval '1 hour'"
    with (
        Forwarder(test_stack.urls["S3_ENDPOINT_URL"]) as s3,
        database.connect() as connection,
        ThreadPoolExecutor() as pool,
    ):
        service = run_service(S3_ENDPOINT_URL=s3.url)
        with service.client(identity) as client:
            user = api_client.User(identity, client)
            post = user.make_post(user.make_group())
            body = {"key": uploaded(user), "subject_type": "post", "subject_id": post}
            s3.silent = True
            killed = pool.submit(client.post, "/attachments", json=body, headers=headers)
            eventually(lambda: connection.execute(reserved, [1]).rowcount == 1)
            service.kill()
            assert isinstance(killed.exception(), httpx.TransportError)
        s3.silent = False
        service.start()
        with service.client(identity) as client:
            early = client.post("/attachments", json=body, headers=headers)
            api_client.problem(early, 409, "idempotency_in_progress")
            connection.execute(reserved, [0])
            linked, again = (
                client.post("/attachments", json=body, headers=headers) for _ in range(2)
            )
            assert (linked.status_code, again.status_code) == (201, 201)
            assert linked.json()["id"] == again.json()["id"]
            assert "idempotency-replayed" not in linked.headers
            assert client.get(f"/posts/{post}").json()["media_count"] == 1


def test_refused_link_frees_its_idempotency_key(user: api_client.User, post: str) -> None:
    upload = presign(user)
    body = {"key": upload["key"], "subject_type": "post", "subject_id": post}
    headers = {"Idempotency-Key": uuid.uuid4().hex}
    assert code(user.client.post("/attachments", json=body, headers=headers)) == MISMATCH
    put(upload)
    linked = user.client.post("/attachments", json=body, headers=headers)
    assert (linked.status_code, linked.headers.get("idempotency-replayed")) == (201, None)


def test_link_is_unavailable_while_the_store_is_down(
    run_service: Any, user: api_client.User
) -> None:
    service: servers.Service = run_service(S3_ENDPOINT_URL="http://127.0.0.1:1")
    with service.client(user.id) as client:
        group = client.post("/groups", json={"name": "Waiting", "visibility": "public"}).json()
        post = client.post(f"/groups/{group['id']}/posts", json={"body": "b"}).json()["id"]
        key = client.post(
            "/uploads/presign", json={"purpose": "post", "mime": "image/png", "size_bytes": 1}
        ).json()["key"]
        body = {"key": key, "subject_type": "post", "subject_id": post}
        refused = client.post("/attachments", json=body)
    assert code(refused) == (503, "unavailable")
    assert "retry-after" in refused.headers


def test_refused_object_is_copied_at_most_ten_times_and_never_without_a_subject(
    run_service: ServiceFactory, bucket: Bucket
) -> None:
    service = run_service(S3_BUCKET=bucket.name)
    identity = uuid.uuid4()
    with service.client(identity) as client:
        user = api_client.User(identity, client)
        key = uploaded(user)
        for _ in range(3):
            assert code(link(user, key, "post", str(uuid.uuid4()))) == (404, "not_found")
        assert bucket.object_keys() == [key]
        # The path names the purpose of this upload, although the group is missing.
        key = uploaded(user, "avatar")
        path = f"/groups/{uuid.uuid4()}"
        for _ in range(12):
            assert code(client.patch(path, json={"avatar_key": key})) == (404, "not_found")
        assert len([each for each in bucket.object_keys() if each.startswith("media/")]) == 10
        group = user.make_group()
        assert client.patch(f"/groups/{group}", json={"avatar_key": key}).status_code == 200


def test_missing_bucket_is_not_reported_as_a_missing_upload(run_service: ServiceFactory) -> None:
    service = run_service(S3_BUCKET="not-there")
    with service.client(uuid.uuid4()) as client:
        user = api_client.User(uuid.uuid4(), client)
        post = user.make_post(user.make_group())
        assert code(link(user, presign(user)["key"], "post", post)) == (503, "unavailable")


class Linkers:
    """Users who link uploads concurrently while the store is silent."""

    LINKS = 40

    def __init__(self, service: servers.Service, s3: Forwarder, key: Any) -> None:
        self.service = service
        self._s3 = s3
        self._key = key
        self._threads = ThreadPoolExecutor(self.LINKS)
        self.pending: set[Future[httpx.Response]] = set()

    def client(self) -> httpx.Client:
        """Returns a client of a new user."""
        claims = {"sub": str(uuid.uuid4()), "exp": int(time.time()) + 3600}
        token = jwt.encode(claims, self._key, algorithm="ES256", headers={"kid": "a"})
        headers = {"Authorization": f"Bearer {token}"}
        return httpx.Client(base_url=self.service.base, headers=headers, timeout=60)

    def link(self, client: httpx.Client) -> None:
        """Begins to link uploads, and returns when the first request reaches the store."""
        user = api_client.User(uuid.uuid4(), client)
        post = user.make_post(user.make_group())
        keys = [uploaded(user) for _ in range(self.LINKS)]
        self._s3.down()
        self._s3.silent = True
        self._s3.up()
        for key in keys:
            self.pending.add(self._threads.submit(link, user, key, "post", post))
        eventually(lambda: self._s3.is_used)

    def done(self) -> list[httpx.Response]:
        """Returns the answers so far."""
        return [each.result() for each in self.pending if each.done()]

    def close(self) -> None:
        self._s3.silent = False
        self._threads.shutdown()


@pytest.fixture
def linkers(
    run_service: ServiceFactory, s3_forwarder: Forwarder, index: indexing.Indexing
) -> Iterator[Linkers]:
    index.rebuild()
    key = ec.generate_private_key(ec.SECP256R1())
    with key_sets.published([key_sets.public("ES256", key, "a")]) as url:
        service = run_service(S3_ENDPOINT_URL=s3_forwarder.url, JWT_JWKS_URL=url, JWT_SECRET="")
        linkers = Linkers(service, s3_forwarder, key)
        yield linkers
        linkers.close()


@pytest.mark.slow
def test_hanging_store_does_not_block_other_requests(linkers: Linkers) -> None:
    with linkers.client() as client, linkers.client() as other:
        assert client.get("/search", params={"q": "look"}).status_code == 200
        linkers.link(client)
        assert other.get("/search", params={"q": "look"}).status_code == 200
        assert httpx.get(f"{linkers.service.origin}/metrics").status_code == 200
        ready = httpx.get(f"{linkers.service.origin}/readyz", timeout=60)
        stores = {"postgres": "ok", "redis": "ok", "s3": "error", "opensearch": "ok"}
        assert ready.json() == {"status": "error", **stores}
        assert len(linkers.done()) < linkers.LINKS


@pytest.mark.slow
def test_number_of_requests_that_wait_for_a_hanging_store_is_limited(linkers: Linkers) -> None:
    with linkers.client() as client:
        linkers.link(client)
        eventually(lambda: len(linkers.done()) == linkers.LINKS - blocking_calls.CONCURRENCY)
        assert {code(response) for response in linkers.done()} == {(503, "unavailable")}
        assert all("retry-after" in response.headers for response in linkers.done())
        linkers.close()
        answers = sorted(response.status_code for response in linkers.done())
        assert answers == [201] * blocking_calls.CONCURRENCY + [503] * (
            linkers.LINKS - blocking_calls.CONCURRENCY
        )
