"""Requests while a backing store is down. Proves rules 00.8, 00.17 and 00.25."""

import time
import uuid
from concurrent.futures import ThreadPoolExecutor

import httpx
import psycopg
import pytest

from tests.conftest import ServiceFactory
from tests.support import api_client, servers
from tests.support.forwarder import Forwarder
from tests.support.waiting import eventually


def _answers(client: httpx.Client) -> bool:
    return client.get("/groups").status_code == 200


@pytest.mark.slow
def test_service_starts_without_its_database_and_connects_later(
    run_service: ServiceFactory, postgres_forwarder: Forwarder
) -> None:
    postgres_forwarder.down()
    service = run_service(DATABASE_URL=postgres_forwarder.url)
    with service.client(uuid.uuid4()) as client:
        response = client.get("/groups")
        api_client.problem(response, 503, "unavailable")
        assert response.headers["retry-after"] == "1"
        assert api_client.fields(client.post("/groups", json={}))
        api_client.problem(client.get("/groups/no-uuid"), 404, "not_found")
        api_client.problem(client.post("/groups", json=api_client.NEW_GROUP), 503, "unavailable")
        postgres_forwarder.up()
        eventually(lambda: _answers(client))
        assert client.post("/groups", json=api_client.NEW_GROUP).status_code == 201


def test_lost_database_connection_is_replaced_without_an_error(
    run_service: ServiceFactory, postgres_forwarder: Forwarder
) -> None:
    service = run_service(DATABASE_URL=postgres_forwarder.url)
    with service.client(uuid.uuid4()) as client:
        for _ in range(3):
            assert _answers(client)
            postgres_forwarder.down()
            postgres_forwarder.up()
            time.sleep(0.1)
            assert client.post("/groups", json=api_client.NEW_GROUP).status_code == 201
            with ThreadPoolExecutor(12) as threads:
                assert all(threads.map(lambda _: _answers(client), range(24)))


def test_request_is_retried_after_its_session_was_terminated(
    run_service: ServiceFactory, database_url: str
) -> None:
    service = run_service()
    with service.client(uuid.uuid4()) as client, psycopg.connect(database_url) as connection:
        for _ in range(3):
            assert client.post("/groups", json=api_client.NEW_GROUP).status_code == 201
            connection.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity "
                "where datname = current_database() and pid <> pg_backend_pid()"
            )
            time.sleep(0.1)


def test_connection_lost_during_a_write_returns_unavailable(
    run_service: ServiceFactory, postgres_forwarder: Forwarder, database_url: str
) -> None:
    service = run_service(DATABASE_URL=postgres_forwarder.url)
    user = uuid.uuid4()
    with service.client(user) as client, psycopg.connect(database_url) as connection:
        group_id = client.post("/groups", json=api_client.NEW_GROUP).json()["id"]
        connection.execute("select from group_entity for update")
        with ThreadPoolExecutor(1) as threads:
            waiting = threads.submit(client.patch, f"/groups/{group_id}", json={"name": "Other"})
            time.sleep(0.5)
            postgres_forwarder.down()
            api_client.problem(waiting.result(), 503, "unavailable")


@pytest.mark.slow
def test_post_with_an_idempotency_key_is_retried_after_a_lost_connection(
    run_service: ServiceFactory, postgres_forwarder: Forwarder, database_url: str
) -> None:
    service = run_service(DATABASE_URL=postgres_forwarder.url)
    key = {"Idempotency-Key": "a"}
    with service.client(uuid.uuid4()) as client, psycopg.connect(database_url) as connection:
        group_id = client.post("/groups", json=api_client.NEW_GROUP).json()["id"]
        connection.execute("select from group_entity for update")
        with ThreadPoolExecutor(1) as threads:
            path = f"/groups/{group_id}/restore"
            waiting = threads.submit(client.post, path, headers=key)
            time.sleep(0.5)
            postgres_forwarder.down()
            postgres_forwarder.up()
            connection.rollback()
            assert waiting.result().status_code == 200


def test_cancelled_statement_returns_unavailable(
    service: servers.Service, database_url: str
) -> None:
    with service.client(uuid.uuid4()) as client, psycopg.connect(database_url) as connection:
        group_id = client.post("/groups", json=api_client.NEW_GROUP).json()["id"]
        connection.execute("select from group_entity for update")
        with ThreadPoolExecutor(1) as threads:
            waiting = threads.submit(client.delete, f"/groups/{group_id}")
            time.sleep(0.5)
            connection.execute(
                "select pg_cancel_backend(pid) from pg_stat_activity "
                "where datname = current_database() and wait_event_type = 'Lock'"
            )
            api_client.problem(waiting.result(), 503, "unavailable")
            assert "retry-after" in waiting.result().headers


@pytest.mark.slow
@pytest.mark.parametrize("silent", [False, True])
def test_requests_succeed_while_redis_is_down(
    silent: bool, run_service: ServiceFactory, redis_forwarder: Forwarder
) -> None:
    service = run_service(REDIS_URL=redis_forwarder.url, RATE_LIMIT="100000/minute")
    key = {"Idempotency-Key": "a"}
    with service.client(uuid.uuid4()) as client:
        assert client.post("/groups", json=api_client.NEW_GROUP).status_code == 201
        if silent:
            redis_forwarder.silent = True
        else:
            redis_forwarder.down()
        started = time.monotonic()
        answers = [
            client.post("/groups", json=api_client.NEW_GROUP, headers=key) for _ in range(30)
        ]
        # A timeout for each request would take longer.
        assert time.monotonic() - started < 4.5
        assert {answer.status_code for answer in answers} == {201}
        replays = [answer.headers.get("idempotency-replayed") for answer in answers]
        assert replays == [None] + ["true"] * 29
        redis_forwarder.silent = False
        if not silent:
            redis_forwarder.up()
        log = service.log.read_text()
        assert 1 <= log.count('"store unavailable"') <= 3  # once per use: keys, rates, streams
        eventually(lambda: _is_back(client, service))


def _is_back(client: httpx.Client, service: servers.Service) -> bool:
    client.post("/tags", json={"tag": uuid.uuid4().hex}, headers={"Idempotency-Key": "b"})
    return '"store available again"' in service.log.read_text()


@pytest.mark.slow
def test_readiness_names_the_store_that_is_down(
    run_service: ServiceFactory, postgres_forwarder: Forwarder, redis_forwarder: Forwarder
) -> None:
    service = run_service(
        DATABASE_URL=postgres_forwarder.url,
        REDIS_URL=redis_forwarder.url,
        OPENSEARCH_URL="http://user:hidden@127.0.0.1:1",
        S3_ENDPOINT_URL="http://127.0.0.1:1",
    )
    stores = {"postgres": "ok", "redis": "ok", "s3": "error", "opensearch": "error"}
    response = httpx.get(f"{service.origin}/readyz")
    assert response.status_code == 503
    assert response.json() == {"status": "error", **stores}
    postgres_forwarder.down()
    redis_forwarder.down()
    response = httpx.get(f"{service.origin}/readyz")
    assert response.json() == dict.fromkeys(("status", *stores), "error")
    assert httpx.get(f"{service.origin}/healthz").status_code == 200
    assert "hidden" not in service.log.read_text()
