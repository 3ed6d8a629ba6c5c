"""Upgrades under load: `api` is dropped and rebuilt without an error for clients."""

import contextlib
import shutil
import threading
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent import futures
from pathlib import Path

import httpx
import pytest

from development import databases
from tests.conftest import ServiceFactory
from tests.support import servers
from tools.instance import migrate

REBUILDS = 6
TIMEOUT_SECONDS = 30.0


@pytest.fixture
def sources(tmp_path: Path) -> migrate.Sources:
    """Returns sources with a copy of the functions, which a test may change."""
    current = migrate.Sources()
    functions = tmp_path / "functions"
    shutil.copytree(current.functions, functions)
    return migrate.Sources(current.schema, functions)


def rebuild(database: databases.Database, sources: migrate.Sources) -> None:
    """Rebuilds the changed API several times without a pause."""
    for number in range(REBUILDS):
        # Each rebuild adds a view, so it cannot be skipped.
        extra = f"create view api.extra_{number} as select 1 as one;"
        (sources.functions / "98_extra.sql").write_text(extra)
        assert migrate.rebuild_api(database.url, sources)


@contextlib.contextmanager
def load(
    service: servers.Service,
    user: uuid.UUID,
    send: Callable[[httpx.Client, int], None],
    *,
    clients: int,
) -> Iterator[None]:
    """Runs clients in the background that send requests without a pause."""
    stop = threading.Event()

    def run(number: int) -> None:
        with service.client(user) as client:
            while not stop.is_set():
                send(client, number)

    with futures.ThreadPoolExecutor(clients) as pool:
        running = [pool.submit(run, number) for number in range(clients)]
        try:
            yield
        finally:
            stop.set()
        for one in running:
            one.result()


@pytest.mark.slow
def test_requests_succeed_while_the_api_is_rebuilt(
    run_service: ServiceFactory, database: databases.Database, sources: migrate.Sources
) -> None:
    service = run_service()
    user = uuid.uuid4()
    with service.client(user) as client:
        group_id = client.post("/groups", json={"name": "Busy", "visibility": "public"}).json()[
            "id"
        ]
        post_id = client.post(f"/groups/{group_id}/posts", json={"body": "Here."}).json()["id"]
    answers: Counter[int] = Counter()
    unexpected: list[str] = []

    def send_request(client: httpx.Client, number: int) -> None:
        requests = (
            client.build_request("GET", f"/groups/{group_id}/posts"),
            client.build_request("GET", f"/posts/{post_id}"),
            client.build_request("POST", f"/posts/{post_id}/comments", json={"body": "Hi"}),
            client.build_request(
                "POST",
                f"/posts/{post_id}/comments",
                json={"body": "Again"},
                headers={"Idempotency-Key": str(uuid.uuid4())},
            ),
        )
        response = client.send(requests[number % 4])
        answers[response.status_code] += 1
        if response.is_error:
            unexpected.append(response.text)

    with load(service, user, send_request, clients=8):
        rebuild(database, sources)
    assert unexpected == [], Counter(unexpected).most_common(3)
    assert answers.keys() == {200, 201}
    with database.connect() as connection:
        assert connection.execute("select * from api.verify_counters()").fetchall() == []
        row = connection.execute("select count(*) from comment").fetchone()
    assert row == (answers[201],)


def test_uploads_are_linked_while_the_api_is_rebuilt(
    run_service: ServiceFactory, database: databases.Database, sources: migrate.Sources
) -> None:
    service = run_service()
    user = uuid.uuid4()
    with service.client(user) as client:
        group = client.post("/groups", json={"name": "Busy", "visibility": "public"}).json()
    unexpected: list[str] = []
    changed = threading.Event()

    def change_avatar(client: httpx.Client, _number: int) -> None:
        announced = {"purpose": "avatar", "mime": "image/png", "size_bytes": 3}
        upload = client.post("/uploads/presign", json=announced).json()
        assert httpx.put(upload["url"], content=b"png", headers=upload["headers"]).is_success
        response = client.patch(f"/groups/{group['id']}", json={"avatar_key": upload["key"]})
        if response.is_error:
            unexpected.append(response.text)
        changed.set()

    with load(service, user, change_avatar, clients=4):
        rebuild(database, sources)
        assert changed.wait(TIMEOUT_SECONDS)
    assert unexpected == []


def test_older_version_runs_on_a_newer_schema(
    run_service: ServiceFactory, database: databases.Database, sources: migrate.Sources
) -> None:
    newer = sources.functions.parent / "schema"
    shutil.copytree(sources.schema, newer)
    (newer / "29990101000000_more.sql").write_text(
        "-- migrate:up\nalter table public.post add column more text null;\n"
        "-- migrate:down\ndrop schema if exists api cascade;\n"
        "alter table public.post drop column more;\n"
    )
    messages: list[str] = []
    migrate.migrate(database.url, migrate.Sources(newer, sources.functions), messages.append)
    migrate.migrate(database.url, say=messages.append)
    assert messages[1:] == ["api: rebuilt", "tables: already up to date", "api: rebuilt"]
    service = run_service()
    assert httpx.get(f"{service.origin}/readyz").status_code == 200


def test_changed_result_type_causes_no_error(
    run_service: ServiceFactory, database: databases.Database, sources: migrate.Sources
) -> None:
    service = run_service(DB_POOL_SIZE="1")
    with service.client(uuid.uuid4()) as client:

        def make() -> int:
            body = {"name": "Busy", "visibility": "public"}
            headers = {"Idempotency-Key": str(uuid.uuid4())}
            return client.post("/groups", json=body, headers=headers).status_code

        assert make() == 201
        path = sources.functions / "70_idempotency.sql"
        path.write_text(path.read_text().replace("status", "status::int as status", 1))
        assert migrate.rebuild_api(database.url, sources)
        assert make() == 201
