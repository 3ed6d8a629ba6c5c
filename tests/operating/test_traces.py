"""Traces: one trace id from the HTTP request through SQL and the stream to the sockets.

Proves rule 05.6.
"""

import re
import secrets
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator

import psycopg
import pytest
import redis

from development import databases
from tests.conftest import ServiceFactory, WorkerFactory
from tests.operating import collector as collectors
from tests.support import api_client, indexing, servers
from tests.support.sockets import Client
from tests.support.waiting import eventually
from tools.instance import stack

API = "/api/communities/v1"


@pytest.fixture
def collector() -> Iterator[collectors.Collector]:
    with collectors.running() as collector:
        yield collector


@pytest.fixture
def traced(collector: collectors.Collector) -> dict[str, str]:
    """Returns the settings of a process that exports its spans at once."""
    return {
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector.endpoint,
        "OTEL_BSP_SCHEDULE_DELAY": "50",
    }


@pytest.fixture
def connection(database: databases.Database) -> Iterator[psycopg.Connection]:
    with database.connect() as connection:
        yield connection


def traceparent(flags: str = "01") -> tuple[str, dict[str, str]]:
    """Returns a new trace id, and the header of a request in that trace."""
    trace_id = secrets.token_hex(16)
    return trace_id, {"traceparent": f"00-{trace_id}-{secrets.token_hex(8)}-{flags}"}


def carried(connection: psycopg.Connection) -> list[str | None]:
    """Returns the traceparent of each event, in order."""
    rows = connection.execute("select traceparent from outbox_event order by id").fetchall()
    return [row[0] for row in rows]


async def test_trace_covers_the_request_sql_the_stream_and_the_socket(
    run_service: ServiceFactory,
    run_worker: WorkerFactory,
    collector: collectors.Collector,
    traced: dict[str, str],
    connection: psycopg.Connection,
    redis_url: str,
) -> None:
    service = run_service(**traced)
    run_worker("relay", **traced)
    user = uuid.uuid4()
    with service.client(user) as client:
        group_id = client.post("/groups", json=api_client.NEW_GROUP).json()["id"]
        listener = Client(service.origin, f"/groups/{group_id}", service.token(user))
        async with listener:
            trace_id, headers = traceparent()
            headers["x-request-id"] = "the-request"
            body = {"body": "A confidential post"}
            assert client.post(f"/groups/{group_id}/posts", json=body, headers=headers).is_success
            await listener.receives("post.created")

    def of_trace(spans: list[collectors.Span]) -> dict[str, collectors.Span]:
        return {span.name: span for span in spans if span.trace_id == trace_id}

    names = {f"POST {API}/groups/{{group_id}}/posts", "post_create", "publish"}
    names.add("emit post.created")
    spans = of_trace(collector.until(lambda spans: of_trace(spans).keys() >= names))
    assert spans.keys() == names
    request = spans[f"POST {API}/groups/{{group_id}}/posts"]
    assert request.parent_id == headers["traceparent"].split("-")[2]
    assert spans["post_create"].parent_id == request.span_id
    assert spans["publish"].parent_id == request.span_id
    assert spans["emit post.created"].parent_id == spans["publish"].span_id
    assert {name: span.service.rpartition("-")[2] for name, span in spans.items()} == {
        request.name: "service",
        "post_create": "service",
        "publish": "relay",
        "emit post.created": "service",
    }
    assert request.attributes == {
        "http.request.method": "POST",
        "http.route": f"{API}/groups/{{group_id}}/posts",
        "http.response.status_code": 201,
        "communities.request_id": "the-request",
        "communities.group_id": group_id,
    }
    assert carried(connection)[-1] == f"00-{trace_id}-{request.span_id}-01"
    with redis.Redis.from_url(redis_url, decode_responses=True) as streams:
        ((_, entry),) = streams.xrevrange("comm:post", count=1)
    assert entry["traceparent"] == f"00-{trace_id}-{spans['publish'].span_id}-01"
    assert "traceparent" not in entry["payload"]
    everything = b"".join(collector.bodies)
    assert str(user).encode() not in everything
    assert b"confidential" not in everything


def test_log_line_of_a_request_names_its_trace(
    run_service: ServiceFactory, traced: dict[str, str]
) -> None:
    service = run_service(**traced)
    trace_id, headers = traceparent()
    with service.client(uuid.uuid4()) as client:
        client.get("/groups", headers=headers)
    # The log line may follow the answer.
    eventually(lambda: '"request"' in service.log.read_text())
    lines = [line for line in service.log.read_text().splitlines() if '"request"' in line]
    assert len(lines) == 1
    assert f'"trace_id":"{trace_id}"' in lines[0]


@pytest.mark.slow
def test_unsampled_request_carries_no_trace_of_its_own_or_of_the_previous_one(
    run_service: ServiceFactory, traced: dict[str, str], connection: psycopg.Connection
) -> None:
    # With one connection, all requests share a database session.
    service = run_service(**traced, DB_POOL_SIZE="1")
    keys: tuple[dict[str, str], ...] = ({}, {"Idempotency-Key": "one"})
    with service.client(uuid.uuid4()) as client:
        for key in keys:
            for flags in ("01", "00"):
                _, headers = traceparent(flags)
                headers |= {name: f"{value}-{flags}" for name, value in key.items()}
                assert client.post("/groups", json=api_client.NEW_GROUP, headers=headers).is_success
        # The request is refused after its session was marked.
        _, headers = traceparent()
        assert client.post(f"/groups/{uuid.uuid4()}/join", headers=headers).status_code == 404
        _, headers = traceparent("00")
        assert client.post("/groups", json=api_client.NEW_GROUP, headers=headers).is_success
    assert [value is not None for value in carried(connection)] == [True, False, True, False, False]


def test_requests_are_not_traced_without_a_collector(
    service: servers.Service, connection: psycopg.Connection
) -> None:
    trace_id, headers = traceparent()
    with service.client(uuid.uuid4()) as client:
        assert client.post("/groups", json=api_client.NEW_GROUP, headers=headers).is_success
    assert carried(connection) == [None]
    assert trace_id not in service.log.read_text()


def test_tracing_libraries_are_not_loaded_without_a_collector() -> None:
    code = (
        "import sys, service.app, workers.relay, workers.indexer\n"
        "assert not {'opentelemetry.exporter', 'opentelemetry.sdk.trace'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], cwd=servers.ROOT, check=True)


@pytest.mark.slow
def test_silent_collector_does_not_delay_requests(
    run_service: ServiceFactory, traced: dict[str, str]
) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        endpoint = f"http://127.0.0.1:{silent.getsockname()[1]}"
        service = run_service(**{**traced, "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint})
        with service.client(uuid.uuid4()) as client:
            for _ in range(20):
                assert client.post("/groups", json=api_client.NEW_GROUP).is_success
        began = time.monotonic()
        service.stop()
        assert time.monotonic() - began < 10


def test_indexer_batch_is_linked_to_the_traces_of_its_events(
    run_worker: WorkerFactory,
    collector: collectors.Collector,
    traced: dict[str, str],
    connection: psycopg.Connection,
    database: databases.Database,
    test_stack: stack.Stack,
) -> None:
    index = indexing.Indexing(database.url, test_stack.urls["OPENSEARCH_URL"])
    index.rebuild()
    try:
        trace_id, headers = traceparent()
        # A trusted job sets its trace in this way.
        with connection.transaction():
            connection.execute("set local role communities_job")
            connection.execute(
                "select set_config('communities.traceparent', %s, true)", [headers["traceparent"]]
            )
            connection.execute("select api.create_group(%s, 'A group', 'public')", [uuid.uuid4()])
        run_worker("indexer", **traced)
        spans = collector.until(lambda spans: any(span.name == "index" for span in spans))
    finally:
        index.drop()
    (batch,) = (span for span in spans if span.name == "index")
    assert batch.links == [(trace_id, headers["traceparent"].split("-")[2])]
    assert batch.trace_id != trace_id


def test_malformed_traceparent_starts_a_new_trace(
    run_service: ServiceFactory, traced: dict[str, str], connection: psycopg.Connection
) -> None:
    service = run_service(**traced)
    token = f"Bearer {service.token(uuid.uuid4())}"
    malformed = ("", "00-xyz", f"00-{'0' * 32}-{'0' * 16}-01", "\u00e9" * 55)
    for given in malformed:
        api_client.RawClient(service.port).send(
            "POST",
            f"{api_client.BASE}/groups",
            [
                ("authorization", token),
                ("content-type", "application/json"),
                ("content-length", "43"),
                ("traceparent", given),
            ],
            b'{"name": "A group", "visibility": "public"}',
        )
    # Each request starts its own trace, which its event carries.
    values = carried(connection)
    assert len({value[:35] for value in values if value}) == len(malformed)
    for value in values:
        assert value is not None
        assert re.fullmatch("00-[0-9a-f]{32}-[0-9a-f]{16}-0[13]", value)
        assert "-" + "0" * 32 not in value
