"""Health, metrics, logs, and the headers of every answer.

Proves rules 00.14, 00.15, 00.16, 00.26, 00.28, 00.29, 00.30 and 00.31.
"""

import json
import uuid
from typing import Any

import httpx
import pytest

from tests.conftest import ServiceFactory
from tests.support import api_client, servers
from tests.support.waiting import eventually


def _lines(service: servers.Service, request_id: str) -> list[dict[str, Any]]:
    """Waits for the log lines of a request, which may follow its answer, and returns them."""
    found: list[dict[str, Any]] = []

    def logged() -> bool:
        lines = [json.loads(line) for line in service.log.read_text().splitlines()]
        found[:] = [line for line in lines if line.get("request_id") == request_id]
        return bool(found)

    eventually(logged)
    return found


def test_healthz_returns_ok_while_the_process_runs(shared_service: servers.Service) -> None:
    response = httpx.get(f"{shared_service.origin}/healthz")
    assert (response.status_code, response.json()) == (200, {"status": "ok"})


def test_readiness_names_every_store(shared_service: servers.Service) -> None:
    response = httpx.get(f"{shared_service.origin}/readyz")
    names = ("status", "postgres", "redis", "s3", "opensearch")
    assert (response.status_code, response.json()) == (200, dict.fromkeys(names, "ok"))


def test_request_id_is_accepted_returned_and_logged(
    user: api_client.User, shared_service: servers.Service
) -> None:
    group_id = user.make_group()
    for request_id in (str(uuid.uuid4()), f"!{uuid.uuid4()}~".ljust(128, "x")):
        response = user.client.get(f"/groups/{group_id}", headers={"X-Request-ID": request_id})
        assert response.headers.get_list("x-request-id") == [request_id]
        (line,) = _lines(shared_service, request_id)
        assert line["user_id"] == str(user.id)
        assert line["group_id"] == group_id
        assert line["method"] == "GET"
        assert line["route"] == f"{api_client.BASE}/groups/{{group_id}}"
        assert line["status"] == 200
        assert 0 < line["duration_ms"] < 10_000


@pytest.mark.parametrize("given", ["", "a b", "x" * 129, "é", "a\tb"])
def test_malformed_request_id_is_replaced(given: str, raw_client: api_client.RawClient) -> None:
    reply = raw_client.send("GET", f"{api_client.BASE}/tags", [("X-Request-ID", given)])
    assert uuid.UUID(reply.headers["x-request-id"])


def test_repeated_request_id_header_is_replaced(raw_client: api_client.RawClient) -> None:
    reply = raw_client.send("GET", f"{api_client.BASE}/tags", [("X-Request-ID", "a")] * 2)
    assert uuid.UUID(reply.headers["x-request-id"])


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/nonsense"),
        ("GET", "/healthz"),
        ("GET", f"{api_client.BASE}/groups/x"),
        ("PUT", "/readyz"),
    ],
)
def test_every_answer_has_a_request_id(
    method: str, path: str, raw_client: api_client.RawClient
) -> None:
    reply = raw_client.send(method, path, [("X-Request-ID", "abc")])
    assert reply.headers["x-request-id"] == "abc"


def test_log_line_of_a_post_request_names_the_group(
    user: api_client.User, shared_service: servers.Service
) -> None:
    group_id = user.make_group()
    response = user.client.get(f"/posts/{user.make_post(group_id)}")
    (line,) = _lines(shared_service, response.headers["x-request-id"])
    assert line["group_id"] == group_id


def test_log_holds_no_secrets(user: api_client.User, shared_service: servers.Service) -> None:
    token = shared_service.token(user.id)
    key, body = f"key-{uuid.uuid4()}", f"body-{uuid.uuid4()}"
    group_id = user.make_group()
    path = f"{shared_service.base}/groups/{group_id}/posts?tag=query-{body}"
    headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": key}
    assert httpx.post(path, json={"body": body}, headers=headers).status_code == 201
    assert httpx.post(path, content=body, headers=headers).status_code == 415
    # The log line of a request may follow its answer.
    eventually(lambda: shared_service.log.read_text().count(group_id) == 2)
    log = shared_service.log.read_text()
    for secret in (token, token.rpartition(".")[2], key, body):
        assert secret not in log


def test_every_log_line_is_json(service: servers.Service) -> None:
    api_client.RawClient(service.port).send("GET", "/\x00")
    with service.client() as client:
        client.get("/groups")
    service.stop()
    lines = [json.loads(line) for line in service.log.read_text().splitlines()]
    assert all({"event", "level", "timestamp"} <= line.keys() for line in lines)


def test_log_level_warning_suppresses_request_lines(run_service: ServiceFactory) -> None:
    service = run_service(LOG_LEVEL="warning")
    with service.client() as client:
        client.get("/groups")
    assert '"request"' not in service.log.read_text()


def test_metrics_count_requests_by_route_and_created_rows_by_kind(
    run_service: ServiceFactory, tmp_path: object
) -> None:
    service = run_service()
    with service.client(uuid.uuid4()) as client:
        group_id = client.post("/groups", json=api_client.NEW_GROUP).json()["id"]
        key = {"Idempotency-Key": "a"}
        for _ in range(3):
            client.post(f"/groups/{group_id}/posts", json={"body": "A post"}, headers=key)
        client.get(f"/groups/{group_id}")
        client.get("/groups/no-uuid")
        client.get("/nonsense")
    route = f"{api_client.BASE}/groups/{{group_id}}"
    requests = "communities_http_requests_total"
    assert service.metric(f'{requests}{{method="GET",route="{route}",status="200"}}') == 1
    assert service.metric(f'{requests}{{method="GET",route="{route}",status="404"}}') == 1
    assert service.metric(f'{requests}{{method="GET",route="unknown",status="404"}}') == 1
    durations = "communities_http_request_duration_seconds_count"
    assert service.metric(f'{durations}{{method="GET",route="{route}"}}') == 2
    assert service.metric('communities_created_total{kind="group"}') == 1
    # Replayed answers do not count.
    assert service.metric('communities_created_total{kind="post"}') == 1


@pytest.mark.slow
def test_metrics_of_processes_that_share_a_folder_are_summed(
    run_service: ServiceFactory, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = str(tmp_path_factory.mktemp("metrics"))
    services = [run_service(PROMETHEUS_MULTIPROC_DIR=folder) for _ in range(2)]
    for service in services:
        with service.client(uuid.uuid4()) as client:
            client.post("/groups", json=api_client.NEW_GROUP)
    for service in services:
        assert service.metric('communities_created_total{kind="group"}') == 2


def test_gauges_leave_out_a_killed_process(
    run_service: ServiceFactory, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = str(tmp_path_factory.mktemp("metrics"))
    given = {"PROMETHEUS_MULTIPROC_DIR": folder, "DB_POOL_SIZE": "3"}
    killed, other = (run_service(**given) for _ in range(2))
    with killed.client(uuid.uuid4()) as client:
        client.post("/groups", json=api_client.NEW_GROUP)
    eventually(lambda: other.metric("communities_db_pool_size") == 6)
    killed.kill()
    eventually(lambda: other.metric("communities_db_pool_size") == 3)
    assert other.metric('communities_created_total{kind="group"}') == 1


def test_responses_forbid_caching_and_sniffing(
    user: api_client.User, raw_client: api_client.RawClient
) -> None:
    answers = [user.client.get("/groups").headers, user.client.get("/nonsense").headers]
    for headers in answers:
        assert headers["cache-control"] == "no-store"
        assert headers["x-content-type-options"] == "nosniff"


def test_created_resource_has_a_location(user: api_client.User, make_user: Any) -> None:
    group = user.client.post("/groups", json=api_client.NEW_GROUP)
    group_id = group.json()["id"]
    post = user.client.post(f"/groups/{group_id}/posts", json={"body": "A post"})
    post_id = post.json()["id"]
    comment = user.client.post(f"/posts/{post_id}/comments", json={"body": "A comment"})
    other = make_user()
    member = other.client.post(f"/groups/{group_id}/join")
    put = user.client.put(f"/groups/{group_id}/members/{uuid.uuid4()}", json={"role": "member"})
    for made in (group, post, comment, member, put):
        assert made.status_code == 201
        assert (
            user.client.get(
                f"http://{made.url.host}:{made.url.port}{made.headers['location']}"
            ).json()["id"]
            == made.json()["id"]
        )
    again = user.client.put(
        put.headers["location"].removeprefix(api_client.BASE), json={"role": "admin"}
    )
    assert (again.status_code, "location" in again.headers) == (200, False)
    reaction = user.client.post(f"/posts/{post_id}/reactions", json={"emoji": "👍"})
    assert (reaction.status_code, "location" in reaction.headers) == (201, False)


def test_requests_are_limited_by_user_and_by_address(run_service: ServiceFactory) -> None:
    service = run_service(RATE_LIMIT="5/minute")
    with service.client(uuid.uuid4()) as one, service.client() as anonymous:
        for client in (one, anonymous):
            assert [client.get("/tags").status_code for _ in range(5)] == [200] * 5
            response = client.get("/tags")
            api_client.problem(response, 429, "rate_limited")
            assert 1 <= int(response.headers["retry-after"]) <= 60
    with service.client(uuid.uuid4()) as other:
        assert other.get("/tags").status_code == 200
    assert httpx.get(f"{service.origin}/healthz").status_code == 200


def test_invalid_rate_limit_stops_the_start(run_service: ServiceFactory) -> None:
    with pytest.raises(RuntimeError, match="RATE_LIMIT: must be 'off' or a rate"):
        run_service(RATE_LIMIT="often")
