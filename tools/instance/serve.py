"""`communities run`: the stores, the database brought up to date, the servers, until the end."""

import functools
import json
import os
import shutil
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import urllib3

from common import settings as configuration
from common.settings import Settings
from tools import output, seed
from tools.failure import Failure
from tools.instance import logins, migrate, processes, stack, supervisor, tokens
from tools.paths import ROOT

TIMEOUT_SECONDS = 60.0
WORKERS = ("relay", "indexer", "sweeper")


@dataclass(frozen=True)
class Server:
    """A program that belongs to the service."""

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)


def servers(settings: Settings, running: stack.Stack, port: int) -> list[Server]:
    """Returns the servers in the order of their start, each with its own login to PostgreSQL."""
    api = running.as_login(running.database_url, logins.API)
    workers = running.as_login(running.database_url, logins.WORKERS)
    return [
        Server(
            "service",
            (sys.executable, "-m", "service"),
            # As `make run` has set them, and not from the environment.
            {
                "HOST": settings.host,
                "PORT": str(port),
                "WEB_CONCURRENCY": str(settings.web_concurrency),
                "LOG_LEVEL": settings.log_level,
                "DATABASE_URL": api,
            },
        ),
        *(
            Server(name, (sys.executable, "-m", f"workers.{name}"), {"DATABASE_URL": workers})
            for name in WORKERS
        ),
    ]


def run(settings: Settings, *, json: bool = False) -> None:
    """Serves until Ctrl-C or TERM."""
    say = output.speaker(json)
    try:
        _run(settings, json)
    except KeyboardInterrupt:
        say("stopped")


def _run(settings: Settings, json: bool) -> None:
    say = output.speaker(json)
    with stack.owned(settings) as stores:
        running = stores.stack
        # Not sooner: what a killed run has left behind may hold the port until here.
        port = settings.port or stack.free_port()
        if not stack.is_free(port, settings.host):
            raise Failure(f"PORT: can't listen on {settings.host}:{port}, it is in use or not ours")
        migrate.migrate(running.database_url, say=say)
        # Not where users are an identity provider's: that is no place for examples.
        if tokens.can_mint(settings) and not seed.is_seeded(running.database_url):
            seed.seed(running.database_url, put=seed.bucket(settings, running.urls), say=say)
        metrics = _empty_folder(settings.data_dir / "run" / "metrics")
        environment = {
            **running.environment(),
            "PROMETHEUS_MULTIPROC_DIR": str(metrics),
            **_python_path(),
            **_examples(settings),
        }
        folder = processes.Folder(settings.data_dir)
        supervised = supervisor.Supervisor(folder, say)
        for record in running.records:
            supervised.adopt(record, functools.partial(stores.restart, record.name))
        for server in servers(settings, running, port):
            supervised.start(functools.partial(_start, folder, server, environment))
        address = origin(settings.host, port)
        _wait_until_healthy(supervised, address)
        if json:
            output.result(True, _addresses(settings, address), "")
        else:
            _welcome(settings, address)
        while True:
            supervised.check()
            time.sleep(0.2)


def _start(
    folder: processes.Folder, server: Server, environment: Mapping[str, str]
) -> processes.Record:
    return processes.start(
        folder, server.name, server.command, environment={**environment, **server.environment}
    )


def _python_path() -> dict[str, str]:
    """Returns the environment in which servers import this project from any folder."""
    inherited = os.environ.get("PYTHONPATH")
    path = os.pathsep.join([str(ROOT), *([inherited] if inherited else [])])
    return {"PYTHONPATH": path, "PYTHONSAFEPATH": "1"}


def _empty_folder(path: Path) -> Path:
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir(parents=True)
    return path


def origin(host: str, port: int) -> str:
    """Returns where this machine reaches a server that listens there."""
    if host in ("0.0.0.0", "::", ""):  # noqa: S104  every address includes this one
        host = "127.0.0.1"
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


def _examples(settings: Settings) -> dict[str, str]:
    """Returns the example users, if only the operator reaches the pages."""
    is_example = settings.database_url is None and tokens.can_mint(settings)
    if not (is_example and configuration.is_loopback(settings.host)):
        return {}
    users = [
        {"name": name, "id": str(user), "token": tokens.mint(settings, str(user))}
        for name, user in seed.USERS
    ]
    return {"EXAMPLE_USERS": json.dumps(users)}


def _wait_until_healthy(supervised: supervisor.Supervisor, origin: str) -> None:
    deadline = time.monotonic() + TIMEOUT_SECONDS
    with urllib3.PoolManager(timeout=2, retries=False) as http:
        while True:
            supervised.check()
            try:
                status = http.request("GET", f"{origin}/healthz").status
                answer = f"status {status}"
            except urllib3.exceptions.HTTPError as error:
                status, answer = None, str(error)
            if status == 200:
                return
            if time.monotonic() > deadline:
                raise Failure(f"The service does not answer at {origin}: {answer}.")
            time.sleep(0.05)


def _addresses(settings: Settings, origin: str) -> dict[str, str]:
    page = {"page": f"{origin}/"} if settings.live_page else {}
    return {
        **page,
        "api": f"{origin}/api/communities/v1",
        "docs": f"{origin}/docs",
        "logs": str(settings.data_dir / "logs"),
    }


def _welcome(settings: Settings, origin: str) -> None:
    addresses = _addresses(settings, origin)
    print()
    for name, address in addresses.items():
        print(f"  {name:6} {address}")
    if tokens.can_mint(settings):
        print("\n  Tokens of the example users, for `Authorization: Bearer …`:\n")
        for name, user in seed.USERS:
            print(f"  {name} ({user})\n{tokens.mint(settings, str(user))}\n")
    print("Ctrl-C stops everything.", flush=True)
