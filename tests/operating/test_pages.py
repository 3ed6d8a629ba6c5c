"""docs/operating: the commands do what the pages say, and the links lead somewhere."""

import json
import os
import re
import subprocess
import sysconfig
import time
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path

import psycopg
import pytest
import redis
from psycopg import sql

from service import settings as configuration
from tests import indexing, servers
from tests.conftest import ServiceFactory, WorkerFactory
from tools import databases, parts, stack

ROOT = Path(__file__).parent.parent.parent
FOLDER = ROOT / "docs" / "operating"
PAGES = sorted(FOLDER.glob("*.md"))
PATIENCE = 30.0


def blocks(page: str, language: str) -> list[str]:
    text = (FOLDER / f"{page}.md").read_text()
    return re.findall(rf"```{language}\n(.*?)```", text, flags=re.S)


def shell(script: str, folder: Path, environment: Mapping[str, str]) -> str:
    """What the lines print, typed in a folder of their own with the programs they need at hand."""
    programs = (sysconfig.get_path("scripts"), parts.postgres_programs(), os.environ["PATH"])
    path = os.pathsep.join(map(str, programs))
    done = subprocess.run(
        ["/bin/bash", "-euo", "pipefail", "-c", script],
        cwd=folder,
        env={**environment, "PATH": path, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_links_lead_somewhere(page: Path) -> None:
    for link in re.findall(r"\]\(([^)#]+)", page.read_text()):
        assert (page.parent / link).exists(), link


def test_the_index_names_every_page() -> None:
    links = re.findall(r"\]\(([^)]+\.md)\)", (FOLDER / "README.md").read_text())
    assert sorted([*links, "README.md"]) == [page.name for page in PAGES]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_settings_and_programs_that_are_named_exist(page: Path) -> None:
    text = page.read_text()
    for module in re.findall(r"python -m ((?:service|tools|workers)[a-z.]*)", text):
        path = ROOT / module.replace(".", "/")
        assert path.with_suffix(".py").exists() or (path / "__main__.py").exists(), module
    ours = set(configuration.names())
    for name in re.findall(r"\b(?:DRAIN|RATE|JWT|METRICS|DB)_[A-Z_]+\b", text):
        assert name in ours, name
    for block in re.findall(r"```json\n(.*?)```", text, flags=re.S):
        json.loads(block)


def test_a_job_names_its_own_span_as_the_page_says(database: databases.Database) -> None:
    (script,) = blocks("observability", "sql")
    done = subprocess.run(
        [parts.postgres_programs() / "psql", database.url, "-Xq", "-v", "ON_ERROR_STOP=1"],
        input=f"set role communities_job;\n{script}",
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    with database.connect() as connection:
        rows = connection.execute("select traceparent from outbox_event").fetchall()
    assert [row[0] for row in rows] == re.findall(r"'(00-[^']*)'", script)


@pytest.fixture
def restored(test_stack: stack.Stack) -> Iterator[str]:
    """The name of a database that is not there yet, and isn't in the end."""
    name = f"restored_{uuid.uuid4().hex[:12]}"
    yield name
    drop = sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name))
    with psycopg.connect(test_stack.database_url, autocommit=True) as connection:
        connection.execute(drop)


def test_a_restored_backup_is_served_and_its_events_go_on(
    run_service: ServiceFactory,
    run_worker: WorkerFactory,
    database: databases.Database,
    test_stack: stack.Stack,
    redis_url: str,
    restored: str,
    tmp_path: Path,
) -> None:
    backup, restore = blocks("backup-restore", "sh")
    restored_url = databases.named(database.url, restored)
    environment = servers.environment(
        test_stack,
        {
            "DATABASE_URL": database.url,
            "RESTORED_URL": restored_url,
            "MAINTENANCE_URL": database.url,
            "REDIS_URL": redis_url,
            "DATA_DIR": str(tmp_path / "data"),
            "SEARCH_INDEX": restored,
        },
    )
    service, relay = run_service(), run_worker("relay")
    user = uuid.uuid4()
    lost = {"Idempotency-Key": "after-the-backup"}
    with service.client(user) as client:
        body = {"name": "Kept", "visibility": "public"}
        group_id = client.post("/groups", json=body).json()["id"]
        posts = f"/groups/{group_id}/posts"
        kept = client.post(posts, json={"body": "Kept"}).json()["id"]
        shell(backup, tmp_path, environment)
        for _ in range(3):
            gone = client.post(posts, json={"body": "Gone"}, headers=lost).json()["id"]
            client.post(posts, json={"body": "Gone too"})
        _wait_for_stream(redis_url, 5)
    service.stop()
    relay.stop()

    try:
        script = restore.replace("communities_restored", restored)
        said = shell(script, tmp_path, environment)
        assert "api: already up to date" in said
        assert "(0 rows)" in said
        service = run_service(DATABASE_URL=restored_url)
        run_worker("relay", DATABASE_URL=restored_url)
        with service.client(user) as client:
            assert client.get(f"/posts/{kept}").status_code == 200
            assert client.get(f"/posts/{gone}").status_code == 404
            again = client.post(posts, json={"body": "Gone"}, headers=lost)
            assert again.status_code == 201
            assert again.json()["id"] != gone
            assert "idempotency-replayed" not in again.headers
        _wait_for_stream(redis_url, 1, again.json()["id"])
    finally:
        indexing.Indexing(restored_url, test_stack.urls["OPENSEARCH_URL"]).drop()


def _wait_for_stream(redis_url: str, entries: int, text: str = "") -> None:
    deadline = time.monotonic() + PATIENCE
    with redis.Redis.from_url(redis_url, decode_responses=True) as client:
        while True:
            found = client.xrange("comm:post")
            if len(found) >= entries and text in str(found):
                return
            assert time.monotonic() < deadline, found
            time.sleep(0.05)
