"""An upgrade under load: `api` is dropped and built again, and nobody who is served notices."""

import shutil
import threading
import uuid
from collections import Counter
from pathlib import Path

import pytest

from tests.conftest import ServiceFactory
from tools import databases, migrate

REBUILDS = 6


@pytest.fixture
def sources(tmp_path: Path) -> migrate.Sources:
    """A copy of the functions, to be changed."""
    ours = migrate.Sources()
    functions = tmp_path / "functions"
    shutil.copytree(ours.functions, functions)
    return migrate.Sources(ours.schema, functions)


def test_requests_go_on_while_the_api_is_rebuilt(
    run_service: ServiceFactory, database: databases.Database, sources: migrate.Sources
) -> None:
    service = run_service()
    user = uuid.uuid4()
    with service.client(user) as client:
        group_id = client.post("/groups", json={"name": "Busy", "visibility": "public"}).json()[
            "id"
        ]
        post_id = client.post(f"/groups/{group_id}/posts", json={"body": "Here."}).json()["id"]
    enough = threading.Event()
    answers: Counter[int] = Counter()
    odd: list[str] = []

    def ask(number: int) -> None:
        with service.client(user) as client:
            while not enough.is_set():
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
                    odd.append(response.text)

    clients = [threading.Thread(target=ask, args=(number,)) for number in range(8)]
    for one in clients:
        one.start()
    try:
        for number in range(REBUILDS):
            # A view with one more column: shapes change, too.
            extra = f"create view api.extra_{number} as select 1 as one;"
            (sources.functions / "98_extra.sql").write_text(extra)
            assert migrate.rebuild_api(database.url, sources)
    finally:
        enough.set()
        for one in clients:
            one.join()
    assert odd == [], Counter(odd).most_common(3)
    assert answers.keys() == {200, 201}
    with database.connect() as connection:
        assert connection.execute("select * from api.verify_counters()").fetchall() == []
        row = connection.execute("select count(*) from comment").fetchone()
    assert row == (answers[201],)


def test_a_result_of_another_type_is_no_error(
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
