"""Pages of docs/operating: their commands, settings and links."""

import json
import os
import re
import subprocess
import sysconfig
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, LiteralString
from urllib.parse import urlsplit

import psycopg
import pytest
import redis
from opentelemetry.sdk import environment_variables
from psycopg import sql

from common import settings as configuration
from development import databases, testing
from tests.conftest import ServiceFactory, WorkerFactory
from tests.operating import installs
from tests.support import indexing, servers
from tests.support.waiting import eventually
from tools.instance import migrate, parts, stack, unprivileged

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "docs" / "operating"
PAGES = sorted(FOLDER.glob("*.md"))
TIMEOUT_SECONDS = 30.0
GROUP = "select from api.create_group('5eed0000-0000-7000-8000-000000000001', %s, 'public')"
MOODS = """-- migrate:up
set local role communities_owner;
alter table post add column mood text not null default 'calm';
reset role;
-- migrate:down
drop schema if exists api cascade;
alter table post drop column mood;
"""
# Settings of libraries: uvicorn, prometheus_client, OpenTelemetry.
LIBRARY_SETTINGS = {
    "FORWARDED_ALLOW_IPS",
    "PROMETHEUS_MULTIPROC_DIR",
    *(name for name in vars(environment_variables) if name.startswith("OTEL_")),
}


def blocks(page: str, language: str) -> list[str]:
    text = (FOLDER / f"{page}.md").read_text()
    return re.findall(rf"```{language}\n(.*?)```", text, flags=re.S)


def shell(
    script: str,
    folder: Path,
    environment: Mapping[str, str],
    prefix: Sequence[str] = (),
    code: Path = ROOT,
) -> str:
    """Runs a script in a folder and asserts its success. Returns the output."""
    programs = (sysconfig.get_path("scripts"), parts.postgres_programs(), os.environ["PATH"])
    path = os.pathsep.join(map(str, programs))
    done = subprocess.run(
        [*prefix, "/bin/bash", "-euo", "pipefail", "-c", script],
        cwd=folder,
        env={**environment, "PATH": path, "PYTHONPATH": str(code)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_links_have_existing_targets(page: Path) -> None:
    for link in re.findall(r"\]\(([^)#]+)", page.read_text()):
        assert (page.parent / link).exists(), link


def test_index_names_every_page() -> None:
    links = re.findall(r"\]\(([^)]+\.md)\)", (FOLDER / "README.md").read_text())
    assert sorted([*links, "README.md"]) == [page.name for page in PAGES]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_documented_settings_and_programs_exist(page: Path) -> None:
    text = page.read_text()
    for module in re.findall(r"python -m ((?:service|tools|workers)[a-z.]*)", text):
        path = ROOT / module.replace(".", "/")
        assert path.with_suffix(".py").exists() or (path / "__main__.py").exists(), module
    local = set(re.findall(r"\$([A-Z_]+)", text))
    for name in re.findall(r"\b[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+\b", text):
        assert name in {*configuration.names(), *LIBRARY_SETTINGS, *local}, name
    for begin in re.findall(r"\b([A-Z0-9]+_)\*", text):
        assert any(name.startswith(begin) for name in configuration.names()), begin
    for block in re.findall(r"```json\n(.*?)```", text, flags=re.S):
        json.loads(block)


def test_documented_job_sets_its_own_span(database: databases.Database) -> None:
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
def newer(tmp_path: Path) -> Path:
    """Returns a later version of the project, with a migration and a view that needs it."""
    folder = tmp_path / "newer"
    installs.copy_sources(folder)
    (folder / "db" / "schema" / "20990101000001_moods.sql").write_text(MOODS)
    (folder / "db" / "functions" / "95_moods.sql").write_text(
        "create view api.moods as select id, mood from public.post;"
    )
    return folder


@pytest.mark.slow
def test_documented_rollback_restores_the_older_version(
    run_service: ServiceFactory, database: databases.Database, newer: Path, tmp_path: Path
) -> None:
    def typed(line: str, code: Path) -> str:
        given = {**os.environ, "DATABASE_URL": database.url, "DATA_DIR": str(tmp_path / "data")}
        return shell(line, tmp_path, given, code=code)

    service, user = run_service(), uuid.uuid4()
    with service.client(user) as client:
        body = {"name": "Kept", "visibility": "public"}
        group_id = client.post("/groups", json=body).json()["id"]
        assert "applied 20990101000001_moods.sql" in typed("communities migrate", newer)
        # A rollback of the code keeps the newer column.
        assert typed("communities migrate", ROOT).endswith("up to date\napi: rebuilt\n")
        post = client.post(f"/groups/{group_id}/posts", json={"body": "Of both"})
        assert post.status_code == 201
        with database.connect() as connection:
            assert _one(connection, "select mood from post") == "calm"
        typed("communities migrate", newer)
    service.stop()
    # A rollback of the migration removes it.
    output = typed("communities rollback", newer)
    assert output.startswith("tables: rolled back 20990101000001_moods.sql\n")
    assert "api: rebuilt" in typed("communities migrate", ROOT)
    with run_service().client(user) as client:
        assert client.get(f"/posts/{post.json()['id']}").json()["body"] == "Of both"
    with database.connect() as connection:
        assert connection.execute("select from api.verify_counters()").fetchall() == []


@pytest.fixture
def restored(test_stack: stack.Stack) -> Iterator[str]:
    """Yields the name of a database that does not exist yet, and drops it at the end."""
    name = f"restored_{uuid.uuid4().hex[:12]}"
    yield name
    drop = sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name))
    with psycopg.connect(test_stack.superuser_url, autocommit=True) as connection:
        connection.execute(drop)


@pytest.mark.slow
def test_restored_backup_is_served_and_publishes_new_events(
    run_service: ServiceFactory,
    run_worker: WorkerFactory,
    database: databases.Database,
    test_stack: stack.Stack,
    redis_url: str,
    restored: str,
    tmp_path: Path,
) -> None:
    backup, restore, *_ = blocks("backup-restore", "sh")
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
            lost_id = client.post(posts, json={"body": "Gone"}, headers=lost).json()["id"]
            client.post(posts, json={"body": "Gone too"})
        _wait_for_stream(redis_url, 5)
    service.stop()
    relay.stop()

    try:
        script = restore.replace("communities_restored", restored)
        output = shell(script, tmp_path, environment)
        assert "api: already up to date" in output
        assert "(0 rows)" in output
        service = run_service(DATABASE_URL=restored_url)
        run_worker("relay", DATABASE_URL=restored_url)
        with service.client(user) as client:
            assert client.get(f"/posts/{kept}").status_code == 200
            assert client.get(f"/posts/{lost_id}").status_code == 404
            again = client.post(posts, json={"body": "Gone"}, headers=lost)
            assert again.status_code == 201
            assert again.json()["id"] != lost_id
            assert "idempotency-replayed" not in again.headers
        _wait_for_stream(redis_url, 1, again.json()["id"])
    finally:
        indexing.Indexing(restored_url, test_stack.urls["OPENSEARCH_URL"]).drop()


def test_documented_point_in_time_recovery_restores_a_moment(tmp_path: Path) -> None:
    archive, copy, back = blocks("backup-restore", "sh")[2:]
    backups = tmp_path / "backups"
    backups.mkdir()
    account = unprivileged.account_for(backups)
    account.own(backups)
    given = {"BACKUPS": str(backups), "RESTORED": str(backups / "restored")}
    settings = testing.settings().model_copy(update={"data_dir": tmp_path / "data"})

    def typed(script: str, **more: str) -> None:
        shell(script, backups, {**given, **more}, prefix=account.command_prefix())

    with stack.borrowed(settings, ["postgres"]) as running:
        typed(archive, DATABASE_URL=running.superuser_url)
        with psycopg.connect(running.superuser_url, autocommit=True) as connection:
            # The command line has this setting here, but a copy needs it in a file.
            connection.execute("alter system set max_connections = 200")
    # The stack has stopped, and starts again here with the changed settings.
    with stack.borrowed(settings, ["postgres"]) as running:
        url = running.superuser_url
        typed(copy, DATABASE_URL=url)
        migrate.migrate(url, say=lambda _line: None)
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(GROUP, ["Kept"])
            moment = _one(connection, "select clock_timestamp()::text")
            connection.execute(GROUP, ["Gone"])
            segment = _one(connection, "select pg_walfile_name(pg_switch_wal())")
            eventually(lambda: (backups / "wal" / segment).exists(), seconds=TIMEOUT_SECONDS)

    port = stack.free_port()
    typed(back, MOMENT=moment, PGPORT=str(port))
    try:
        restored = urlsplit(url)
        netloc = restored.netloc.replace(f":{restored.port}", f":{port}")
        with psycopg.connect(restored._replace(netloc=netloc).geturl()) as connection:
            connection.autocommit = True
            recovers = "select pg_is_in_recovery()"
            eventually(lambda: not _one(connection, recovers), seconds=TIMEOUT_SECONDS)
            names = connection.execute("select name from group_entity").fetchall()
            assert names == [("Kept",)]
            connection.execute(GROUP, ["New"])
            assert connection.execute("select from api.verify_counters()").fetchall() == []
    finally:
        typed('pg_ctl --pgdata="$RESTORED" --mode=fast stop')


def _one(connection: psycopg.Connection, query: LiteralString) -> Any:
    row = connection.execute(query).fetchone()
    assert row is not None
    return row[0]


def _wait_for_stream(redis_url: str, entries: int, text: str = "") -> None:
    deadline = time.monotonic() + TIMEOUT_SECONDS
    with redis.Redis.from_url(redis_url, decode_responses=True) as client:
        while True:
            found = client.xrange("comm:post")
            if len(found) >= entries and text in str(found):
                return
            assert time.monotonic() < deadline, found
            time.sleep(0.05)
