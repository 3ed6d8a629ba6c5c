"""Checkouts for `make run`: the project itself, or a small one.

The small one has the real tools, a tiny service, tiny workers and two SQL files.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import psutil

from common import settings as configuration
from tests.support.waiting import eventually
from tools.instance import processes, serve, stack

ROOT = Path(__file__).parents[2]
TIMEOUT_SECONDS = 180.0  # for a busy machine

APP = """
import os
import psycopg
import redis
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from common import settings

config = settings.load(settings.ServiceSettings)

def healthz(request):
    with psycopg.connect(config.database_url.get_secret_value()) as connection:
        connection.execute("select 1")
    with redis.Redis.from_url(config.redis_url.get_secret_value()) as client:
        client.ping()
    return PlainTextResponse(str(os.getpid()))

app = Starlette(routes=[Route("/healthz", healthz)])
"""
WORKER = """
import signal
signal.sigwait([signal.SIGTERM])
"""
SEED = """
import psycopg

USERS = [("Ada", "01900000-0000-7000-8000-000000000001")]

def is_seeded(database_url):
    with psycopg.connect(database_url) as connection:
        return connection.execute("select from group_entity").fetchone() is not None

def bucket(settings, urls):
    return None

def seed(database_url, scale=None, put=None, say=print):
    with psycopg.connect(database_url) as connection:
        connection.execute("insert into group_entity values (1)")
    say("seeded")
"""
SCHEMA = """
-- migrate:up
create table group_entity (id int primary key);
-- migrate:down
drop schema if exists api cascade;
drop table group_entity;
"""
FUNCTIONS = """
drop schema if exists api cascade;
create schema api authorization communities_owner;
set local role communities_owner;
create function api.answer() returns int language sql return 42;
"""


@dataclass
class Run:
    """Process of `communities run` in the background."""

    process: subprocess.Popen[bytes]
    origin: str
    output: Path

    @property
    def text(self) -> str:
        return self.output.read_text()

    def wait_until_it_serves(self) -> str:
        """Waits until the instance is ready. Returns the output so far."""
        eventually(
            lambda: "Ctrl-C" in self.text or self.process.poll() is not None,
            TIMEOUT_SECONDS,
            lambda: self.text,
        )
        assert self.process.poll() is None, self.text
        assert httpx.get(f"{self.origin}/healthz").is_success
        return self.text

    def end(self, number: signal.Signals) -> int:
        """Sends a signal to the process group, as a terminal does. Returns the exit code."""
        os.killpg(self.process.pid, number)
        return self.wait()

    def wait(self) -> int:
        return self.process.wait(timeout=TIMEOUT_SECONDS)


@dataclass
class Checkout:
    root: Path
    # Prefix of every command that runs as another user.
    prefix: Sequence[str] = ()
    # Folder of the code, if that is not the root.
    code: Path | None = None
    runs: list[Run] = field(default_factory=list)

    @property
    def data_dir(self) -> Path:
        return self.root / ".data"

    def environment(self, given: Mapping[str, str]) -> dict[str, str]:
        names = configuration.names()
        inherited = {name: value for name, value in os.environ.items() if name not in names}
        path = {"PYTHONPATH": str(self.code)} if self.code else {}
        return {**inherited, "PYTHONDONTWRITEBYTECODE": "1", **path, **given}

    def tool(self, *arguments: str, **given: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*self.prefix, sys.executable, "-m", "tools.cli.main", *arguments],
            cwd=self.root,
            env=self.environment(given),
            capture_output=True,
            text=True,
            timeout=TIMEOUT_SECONDS,
            check=False,
        )

    def run(self, **given: str) -> Run:
        given = {"PORT": str(stack.free_port()), **given}
        output = self.root.parent / f"run-{len(self.runs)}.txt"
        with output.open("wb") as file:
            process = subprocess.Popen(
                [*self.prefix, sys.executable, "-m", "tools.cli.main", "run"],
                cwd=self.root,
                env=self.environment(given),
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                # A shell starts background jobs with SIGINT ignored. Python keeps that until
                # `communities` handles the signal, so an early Ctrl-C would be lost.
                preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
            )
        run = Run(process, f"http://127.0.0.1:{given['PORT']}", output)
        self.runs.append(run)
        return run

    def close(self) -> None:
        """Kills every process, also after a failed test."""
        for run in self.runs:
            if run.process.poll() is None:
                run.process.kill()
                run.process.wait()
        for process in self.left_running():
            process.kill()

    def left_running(self) -> list[psutil.Process]:
        """Returns the running processes of this checkout."""
        return [process for process in psutil.process_iter() if self._is_ours(process)]

    def nothing_runs(self) -> bool:
        """Returns whether all processes end in time. Children of a killed server need a moment."""
        deadline = time.monotonic() + TIMEOUT_SECONDS
        while self.left_running():
            if time.monotonic() > deadline:
                return False
            time.sleep(0.05)
        return True

    def record(self, name: str) -> processes.Record:
        """Returns the record of the process of this name that `make run` last started."""
        path = processes.Folder(self.data_dir).record(name)
        return processes.Record(**json.loads(path.read_text()))

    def _is_ours(self, process: psutil.Process) -> bool:
        try:
            if process.status() == psutil.STATUS_ZOMBIE:
                return False
            folder = str(self.data_dir)
            # PostgreSQL overwrites its environment, but works inside its cluster.
            return process.environ().get("DATA_DIR") == folder or process.cwd().startswith(folder)
        except psutil.Error:
            return False


def real(root: Path) -> Checkout:
    """Returns a checkout with the project's own code, a new data folder and no `.env`."""
    root.mkdir(parents=True)
    return Checkout(root, code=ROOT)


def make(root: Path) -> Checkout:
    """Returns a small checkout, for tests that need no real service."""
    root.mkdir(parents=True, exist_ok=True)
    ignored = shutil.ignore_patterns("__pycache__", "sqlc_plugin*", "seed*")
    for package in ("common", "gen", "service", "tools", "web", "workers"):
        shutil.copytree(ROOT / package, root / package, ignore=ignored)
    files = {
        "service/app.py": APP,
        **{f"workers/{name}.py": WORKER for name in serve.WORKERS},
        "tools/seed.py": SEED,
        "db/schema/1_tables.sql": SCHEMA,
        "db/functions/00_schema.sql": FUNCTIONS,
        "ops/postgres/logins.sql": (ROOT / "ops" / "postgres" / "logins.sql").read_text(),
    }
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return Checkout(root)
