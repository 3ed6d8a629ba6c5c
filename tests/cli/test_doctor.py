"""Doctor, which reports each fault with its remedy and without secrets."""

import http.server
import json
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import jwt
import pytest
import redis

from common.settings import Settings
from development import databases
from tests.cli.conftest import Communities, Result
from tests.conftest import ServiceFactory, WorkerFactory
from tests.support import indexing
from tests.support.waiting import eventually
from tests.support.writers import Writer
from tools.instance import migrate, parts, processes, stack


def found(result: Result, check: str) -> dict[str, Any]:
    """Returns the only finding of a check."""
    [finding] = [row for row in result.rows() if row["check"] == check]
    return finding


def failures(result: Result) -> dict[str, str]:
    return {row["check"]: row["found"] for row in result.rows() if row["status"] == "failure"}


def test_healthy_instance_has_no_failure(
    communities: Communities, index: indexing.Indexing, run_service: ServiceFactory
) -> None:
    index.rebuild()
    service = run_service(SEARCH_INDEX=index.alias)
    result = communities("doctor", "--deep", "--json", PORT=str(service.port))
    assert (result.code, failures(result)) == (0, {})
    rows = result.rows()
    assert {row["status"] for row in rows} <= {"ok", "warning"}
    assert all((row["todo"] is None) == (row["status"] == "ok") for row in rows)
    for check in ("instance.ready", "s3.objects", "counters", "postgres.tables", "redis.rights"):
        assert found(result, check)["status"] == "ok"
    # No worker runs in this test.
    assert found(result, "instance.workers")["status"] == "warning"
    shown = communities("doctor", PORT=str(service.port))
    assert shown.code == 0
    assert f"Serves at {service.origin}." in shown.stdout
    assert " 0 failures" in f" {shown.stderr}"


def test_embedded_store_that_is_not_started_is_reported_and_not_created(
    communities: Communities, tmp_path: Path
) -> None:
    blank = dict.fromkeys(stack.VARIABLES.values(), "")
    keys = {"S3_ACCESS_KEY": "", "S3_SECRET_KEY": "", "JWT_SECRET": ""}
    result = communities("doctor", "--json", **blank, **keys)
    assert result.code == 0
    for check in stack.PARTS:
        assert found(result, check)["status"] == "skipped"
        assert "Not started" in found(result, check)["found"]
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(
    ("variable", "check"),
    [
        ("DATABASE_URL", "postgres"),
        ("REDIS_URL", "redis"),
        ("OPENSEARCH_URL", "opensearch"),
        ("S3_ENDPOINT_URL", "s3"),
    ],
)
def test_unreachable_store_is_reported_as_one_failure(
    communities: Communities, variable: str, check: str
) -> None:
    port = stack.free_port()
    url = urlsplit(communities.environment[variable])
    login = f"{url.username or ''}:sesame@" if "@" in url.netloc else ""
    unreachable = url._replace(netloc=f"{login}127.0.0.1:{port}").geturl()
    result = communities("doctor", "--json", **{variable: unreachable})
    assert result.code == 1
    assert list(failures(result)) == [check]
    assert f"127.0.0.1:{port}" in found(result, check)["found"]
    assert found(result, check)["todo"].startswith("Start ")
    assert "sesame" not in result.stdout


def test_wrong_password_is_reported_without_the_password(
    communities: Communities, database_url: str, redis_url: str
) -> None:
    wrong = {
        "DATABASE_URL": _login(database_url, "postgres", "opensesame"),
        "REDIS_URL": _login(redis_url, "", "opensesame"),
        "S3_SECRET_KEY": "opensesame",
    }
    result = communities("doctor", "--json", **wrong)
    assert result.code == 1
    assert set(failures(result)) == {"postgres", "redis", "s3"}
    assert "password in DATABASE_URL" in found(result, "postgres")["todo"]
    assert "REDIS_URL" in found(result, "redis")["todo"]
    assert "S3_SECRET_KEY" in found(result, "s3")["todo"]
    assert "opensesame" not in result.stdout
    for name in ("JWT_SECRET", "S3_ACCESS_KEY", "S3_SECRET_KEY"):
        assert communities.environment[name] not in result.stdout


def test_missing_bucket_is_reported_and_not_created(communities: Communities) -> None:
    for _ in range(2):
        result = communities("doctor", "--json", S3_BUCKET="nowhere")
        assert result.code == 1
        assert failures(result) == {"s3": found(result, "s3")["found"]}
        assert "no bucket nowhere" in found(result, "s3")["found"]


def test_outdated_database_is_reported(
    communities: Communities, database: databases.Database, empty_database_url: str
) -> None:
    result = communities("doctor", "--json", DATABASE_URL=empty_database_url)
    assert set(failures(result)) == {"postgres.tables"}
    assert found(result, "outbox")["status"] == "skipped"

    migrate.rollback(database.url, say=lambda _words: None)
    result = communities("doctor", "--json")
    assert set(failures(result)) == {"postgres.tables", "postgres.api"}
    assert found(result, "postgres.tables")["todo"] == "Run `communities migrate`."
    assert communities("migrate").code == 0
    assert failures(communities("doctor", "--json")) == {}

    with database.connect() as connection:
        connection.execute("comment on schema api is 'another'")
        connection.execute("insert into schema_migrations values ('20991231000001')")
    result = communities("doctor", "--json")
    assert "other files" in found(result, "postgres.api")["found"]
    assert "20991231000001" in found(result, "postgres.tables")["found"]


@pytest.fixture
def weak_login(database: databases.Database) -> Iterator[str]:
    """Yields the URL of a login with few rights and at most five connections."""
    name = f"weak_{urlsplit(database.url).path.strip('/')}"
    with database.connect() as connection:
        connection.execute(f"create role {name} login password 'opensesame' connection limit 5")
        connection.execute(f"grant communities_service to {name}")
        connection.execute(f"grant connect on database {connection.info.dbname} to {name}")
        yield _login(database.url, name, "opensesame")
        connection.execute(f"drop owned by {name}")
        connection.execute(f"drop role {name}")


def test_login_without_a_role_is_reported(communities: Communities, weak_login: str) -> None:
    result = communities("doctor", "--json", DATABASE_URL=weak_login, DB_POOL_SIZE="1")
    assert result.code == 1
    rights = found(result, "postgres.rights")
    assert "communities_worker, communities_job" in rights["found"]
    assert "communities_service" not in rights["found"]
    assert rights["todo"].startswith("As a superuser: grant communities_worker, communities_job to")
    assert found(result, "postgres.owner")["status"] == "warning"
    # A pool and the workers need more than five connections.
    assert "8 connections are needed" in failures(result)["postgres.connections"]
    assert "opensesame" not in result.stdout


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[str]:
    """Yields the URL of a Redis server that only this test uses, without persistence."""
    settings = Settings(_env_file=None, data_dir=tmp_path / "own")
    part = parts.redis_server(settings, stack.free_port(), fast=True)
    folder = processes.Folder(settings.data_dir)
    record = processes.start(folder, part.name, part.command, environment={})
    while True:
        try:
            part.probe()
            break
        except redis.RedisError:
            assert record.process() is not None
    yield part.urls["REDIS_URL"]
    processes.stop(folder, [record])


def test_eviction_policy_that_removes_streams_is_reported(
    communities: Communities, own_redis: str
) -> None:
    with redis.Redis.from_url(own_redis) as client:
        client.config_set("maxmemory-policy", "allkeys-lru")
        result = communities("doctor", "--json", REDIS_URL=own_redis)
        assert found(result, "redis.memory")["status"] == "warning"
        assert found(result, "redis.persistence")["status"] == "warning"
        client.config_set("maxmemory", "100mb")
        result = communities("doctor", "--json", REDIS_URL=own_redis)
        assert (result.code, set(failures(result))) == (1, {"redis.memory"})
        assert "noeviction" in found(result, "redis.memory")["todo"]
        client.config_set("maxmemory-policy", "volatile-lru")
        assert communities("doctor", "--json", REDIS_URL=own_redis).code == 0
        client.config_set("maxmemory-policy", "noeviction")
        client.config_set("maxmemory", "1")
        result = communities("doctor", "--json", REDIS_URL=own_redis)
        assert set(failures(result)) == {"redis.rights"}


def test_missing_index_is_reported(communities: Communities, index: indexing.Indexing) -> None:
    result = communities("doctor", "--json")
    assert found(result, "opensearch.index")["status"] == "warning"
    assert "search reindex" in found(result, "opensearch.index")["todo"]
    assert communities("search", "reindex").code == 0
    assert found(communities("doctor", "--json"), "opensearch.index")["status"] == "ok"


def test_dead_events_and_wrong_counters_are_reported(
    communities: Communities, database: databases.Database
) -> None:
    with Writer.opened(database.url) as writer, database.connect() as connection:
        writer.post()
        connection.execute("update post set reactions_count = 3")
        connection.execute(
            "insert into outbox_failure "
            "select 'search', max(id), 5, now(), 'too strange', now() from outbox_event"
        )
    result = communities("doctor", "--json")
    assert (result.code, set(failures(result))) == (1, {"outbox.search"})
    assert "communities outbox dead" in found(result, "outbox.search")["todo"]
    result = communities("doctor", "--deep", "--json")
    assert set(failures(result)) == {"outbox.search", "counters"}


def test_missing_sweeper_is_reported(
    communities: Communities, database: databases.Database, run_worker: WorkerFactory
) -> None:
    with database.connect() as connection:
        connection.execute("insert into orphaned_object values ('a', now() - interval '1 minute')")
        assert found(communities("doctor", "--json"), "sweeper")["status"] == "ok"
        connection.execute("update orphaned_object set due_at = now() - interval '20 minutes'")
        result = communities("doctor", "--json")
        assert (result.code, found(result, "sweeper")["status"]) == (0, "warning")
        assert "20 minutes ago" in found(result, "sweeper")["found"]
        run_worker("sweeper")
        eventually(
            lambda: connection.execute("select from orphaned_object").fetchone() is None, seconds=60
        )
    assert found(communities("doctor", "--json"), "sweeper")["status"] == "ok"


def test_unsafe_settings_of_a_reachable_machine_are_reported(communities: Communities) -> None:
    given = {"HOST": "0.0.0.0", "JWT_SECRET": "short", "LOG_LEVEL": "debug"}
    result = communities("doctor", "--json", **given)
    warned = {row["check"] for row in result.rows() if row["status"] == "warning"}
    assert {"settings.tokens", "settings.RATE_LIMIT", "settings.LOG_LEVEL"} <= warned
    assert found(result, "settings.HOST")["found"] == "0.0.0.0, from the environment"
    assert "short" not in found(result, "settings.JWT_SECRET")["found"]


def test_each_invalid_and_each_unknown_setting_is_reported(
    communities: Communities, tmp_path: Path
) -> None:
    result = communities("doctor", "--json", PORT="x", RATE_LIMIT="much")
    assert result.code == 1
    assert sorted(text.partition(":")[0] for text in _settings_failures(result)) == [
        "PORT", "RATE_LIMIT",
    ]  # fmt: skip
    file = tmp_path / ".env"
    file.write_text("DATABSE_URL=x\nLOG_LEVEL=warning\nJWT_ISSUER=me\nJWT_SECRET=sesame\n")
    file.chmod(0o644)
    result = communities("doctor", "--json")
    assert "DATABSE_URL" in found(result, "settings.unknown")["found"]
    assert found(result, "settings.LOG_LEVEL")["found"] == "warning, from .env"
    assert "JWT_SECRET" in found(result, "settings.file")["found"]
    assert found(result, "settings.file")["todo"] == "chmod 600 .env"


def _settings_failures(result: Result) -> list[str]:
    return [row["found"] for row in result.rows() if row["check"] == "settings"]


def test_unwritable_folder_is_reported(communities: Communities) -> None:
    result = communities("doctor", "--json", DATA_DIR="/proc/communities")
    assert "data.rights" in failures(result)
    assert "/proc" in found(result, "data.rights")["found"]


def test_readable_secrets_are_reported(communities: Communities, tmp_path: Path) -> None:
    folder = tmp_path / "data" / "secrets"
    folder.mkdir(parents=True)
    folder.chmod(0o755)
    secret = folder / "jwt"
    secret.write_text("sesame")
    secret.chmod(0o644)
    result = communities("doctor", "--json")
    assert set(failures(result)) == {"data.secrets"}
    secret.chmod(0o600)
    assert found(communities("doctor", "--json"), "data.secrets")["status"] == "ok"


def test_port_in_use_is_reported(communities: Communities) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        result = communities("doctor", "--json", REDIS_URL="", REDIS_PORT=port)
        assert set(failures(result)) == {"ports.REDIS_PORT"}


class _FixedAnswer(http.server.BaseHTTPRequestHandler):
    """Handler that answers with the server's attribute `body`."""

    def do_GET(self) -> None:
        body: bytes = self.server.body  # type: ignore[attr-defined]
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def web() -> Iterator[http.server.HTTPServer]:
    """Yields a server that answers every request with its attribute `body`."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _FixedAnswer)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_key_set_without_a_usable_key_is_reported(
    communities: Communities, web: http.server.HTTPServer
) -> None:
    given = {"JWT_SECRET": "", "JWT_JWKS_URL": f"http://127.0.0.1:{web.server_port}/keys"}
    key = jwt.algorithms.ECAlgorithm.to_jwk(_elliptic_key(), as_dict=True)
    web.body = json.dumps({"keys": [{**key, "kid": "1"}]}).encode()  # type: ignore[attr-defined]
    result = communities("doctor", "--json", **given)
    assert found(result, "tokens")["status"] == "ok"
    result = communities("doctor", "--json", JWT_ALGORITHMS="RS256", **given)
    assert set(failures(result)) == {"tokens"}
    assert "JWT_ALGORITHMS" in found(result, "tokens")["todo"]
    web.body = b"no keys here"  # type: ignore[attr-defined]
    result = communities("doctor", "--json", **given)
    assert set(failures(result)) == {"tokens"}


def test_foreign_server_on_the_port_is_reported(
    communities: Communities, web: http.server.HTTPServer
) -> None:
    web.body = b"hello"  # type: ignore[attr-defined]
    result = communities("doctor", "--json", PORT=str(web.server_port))
    assert set(failures(result)) == {"instance"}
    assert "Another program" in found(result, "instance")["found"]


def _elliptic_key() -> Any:
    from cryptography.hazmat.primitives.asymmetric import ec

    return ec.generate_private_key(ec.SECP256R1()).public_key()


def _login(url: str, user: str, password: str) -> str:
    parts = urlsplit(url)
    return parts._replace(netloc=f"{user}:{password}@{parts.hostname}:{parts.port}").geturl()
