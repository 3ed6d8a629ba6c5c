"""Start and stop of a service: readiness, draining, and acknowledged writes."""

import asyncio
import gc
import signal
import threading
import uuid
import warnings
from pathlib import Path

import aiohttp
import httpx
import pytest
import socketio

from development import databases
from tests.conftest import ServiceFactory, WorkerFactory
from tests.support import api_client, forwarder, servers
from tests.support.sockets import Instance
from tests.support.waiting import eventually, lock_waits
from tools.instance import migrate

TIMEOUT_SECONDS = 30.0


def readiness(service: servers.Service) -> tuple[int, dict[str, str]]:
    response = httpx.get(f"{service.origin}/readyz")
    return response.status_code, response.json()


def term(service: servers.Service) -> None:
    assert service.process is not None
    service.process.send_signal(signal.SIGTERM)


def has_ended(service: servers.Service) -> bool:
    return service.process is not None and service.process.poll() is not None


def test_readyz_fails_during_the_drain_and_a_second_term_ends_it(
    run_service: ServiceFactory,
) -> None:
    service = run_service(DRAIN_SECONDS="600")
    with service.client(uuid.uuid4()) as client:
        assert readiness(service)[0] == 200
        term(service)
        eventually(lambda: readiness(service)[0] == 503)
        assert readiness(service)[1]["status"] == "draining"
        assert client.post("/groups", json=api_client.NEW_GROUP).status_code == 201
        assert httpx.get(f"{service.origin}/healthz").status_code == 200
        assert not has_ended(service)
        term(service)
        eventually(lambda: has_ended(service))
    assert "Traceback" not in service.log.read_text()


def test_request_in_flight_is_answered_after_term(
    run_service: ServiceFactory, database: databases.Database
) -> None:
    service = run_service()
    answers: list[httpx.Response] = []
    with (
        service.client(uuid.uuid4()) as client,
        database.connect() as blocker,
        database.connect() as observer,
    ):
        group_id = client.post("/groups", json=api_client.NEW_GROUP).json()["id"]
        blocker.execute("begin")
        blocker.execute("select from group_entity for update")
        body = {"body": "In flight"}
        path = f"/groups/{group_id}/posts"
        request = threading.Thread(
            target=lambda: answers.append(client.post(path, json=body, timeout=TIMEOUT_SECONDS))
        )
        request.start()
        eventually(lambda: lock_waits(observer))
        term(service)
        eventually(lambda: not _listens(service))
        assert not has_ended(service)
        blocker.execute("commit")
        request.join()
    eventually(lambda: has_ended(service))
    assert [answer.status_code for answer in answers] == [201]
    with database.connect() as connection:
        row = connection.execute("select body from post").fetchone()
    assert row == ("In flight",)


def test_acknowledged_writes_survive_a_stop_under_load(
    run_service: ServiceFactory, database: databases.Database
) -> None:
    service = run_service()
    user = uuid.uuid4()
    with service.client(user) as client:
        group_id = client.post("/groups", json=api_client.NEW_GROUP).json()["id"]
    acknowledged: list[str] = []
    unexpected: list[str] = []

    def write() -> None:
        with service.client(user) as client:
            while True:
                try:
                    response = client.post(f"/groups/{group_id}/posts", json={"body": "Kept"})
                except httpx.TransportError:
                    return
                if response.status_code == 201:
                    acknowledged.append(response.json()["id"])
                else:
                    unexpected.append(response.text)

    writers = [threading.Thread(target=write) for _ in range(6)]
    for writer in writers:
        writer.start()
    eventually(lambda: len(acknowledged) > 50)
    service.stop()
    for writer in writers:
        writer.join()
    assert unexpected == []
    with database.connect() as connection:
        kept = {str(row[0]) for row in connection.execute("select id from post")}
    assert set(acknowledged) <= kept


@pytest.mark.slow
@pytest.mark.parametrize("transport", ["websocket", "polling"])
async def test_connected_client_reconnects_to_another_process(
    transport: str, run_service: ServiceFactory, run_worker: WorkerFactory
) -> None:
    stopped = run_service()
    instance = Instance([run_service()])
    run_worker("relay")
    group_id = instance.group("public")
    namespace = f"/groups/{group_id}"
    received: asyncio.Queue[str] = asyncio.Queue()
    connected: asyncio.Queue[None] = asyncio.Queue()
    # The client library would leave its own session open when it reconnects by polling.
    session = aiohttp.ClientSession()
    client = socketio.AsyncClient(
        http_session=session, reconnection_delay=0.05, reconnection_delay_max=0.2
    )

    async def receive(kind: str, _payload: object) -> None:
        await received.put(kind)

    async def connect() -> None:
        await connected.put(None)

    client.on("*", namespace=namespace, handler=receive)
    client.on("connect", namespace=namespace, handler=connect)
    with forwarder.Forwarder(stopped.origin) as balancer:
        await client.connect(balancer.url, namespaces=[namespace], transports=[transport])
        async with asyncio.timeout(TIMEOUT_SECONDS):
            await connected.get()
            balancer.target = instance.service.origin
            await asyncio.to_thread(stopped.stop)
            await connected.get()
            instance.user("owner").make_post(group_id)
            while await received.get() != "post.created":
                pass
        await client.disconnect()
    await session.close()
    instance.close()
    # Objects of the lost connection are collected here, not in the next test.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


def test_server_is_not_ready_until_the_database_has_its_functions(
    run_service: ServiceFactory, empty_database: databases.Database, tmp_path: Path
) -> None:
    service = run_service(DATABASE_URL=empty_database.url)
    status, stores = readiness(service)
    assert (status, stores["postgres"], stores["rulebook"]) == (503, "ok", "error")
    current = migrate.Sources()
    functions = tmp_path / "functions"
    functions.mkdir()
    for path in current.function_files():
        (functions / path.name).write_text(path.read_text())
    sources = migrate.Sources(current.schema, functions)
    migrate.migrate(empty_database.url, sources, lambda _line: None)
    assert readiness(service)[0] == 200

    # A newer schema with more functions is fine, but not one without a function.
    (functions / "98_extra.sql").write_text("create view api.extra as select 1 as one;")
    migrate.rebuild_api(empty_database.url, sources)
    assert readiness(service)[0] == 200
    (functions / "98_extra.sql").write_text("drop function api.create_tag;")
    migrate.rebuild_api(empty_database.url, sources)
    status, stores = readiness(service)
    assert (status, stores["postgres"], stores["rulebook"]) == (503, "ok", "error")
    assert "function api.create_tag(" in service.log.read_text()


def _listens(service: servers.Service) -> bool:
    try:
        httpx.get(f"{service.origin}/healthz")
    except httpx.ConnectError:
        return False
    return True
