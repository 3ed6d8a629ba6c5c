"""`communities run`: stores, migrations, example data and servers, until it is stopped."""

import functools
import json
import os
import shutil
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import urllib3

from common import settings as configuration
from common.settings import Settings
from tools import output, seed
from tools.failure import Failure
from tools.instance import logins, migrate, processes, stack, supervisor, tokens
from tools.paths import ROOT

TIMEOUT_SECONDS: Final = 60.0
WORKERS: Final = ("relay", "indexer", "sweeper")


@dataclass(frozen=True)
class Server:
    """Program of the service, with what its environment adds to that of the stack."""

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str]


def servers(settings: Settings, running: stack.Stack, port: int) -> list[Server]:
    """Returns the servers in the order of their start, each with its own login to PostgreSQL."""
    workers = running.as_login(running.database_url, logins.WORKERS)
    service = {
        "HOST": settings.host,
        "PORT": str(port),
        "WEB_CONCURRENCY": str(settings.web_concurrency),
        "LOG_LEVEL": settings.log_level,
        "DATABASE_URL": running.as_login(running.database_url, logins.API),
    }
    modules = {"service": service}
    modules |= {f"workers.{name}": {"DATABASE_URL": workers} for name in WORKERS}
    return [
        Server(module.rpartition(".")[2], (sys.executable, "-m", module), environment)
        for module, environment in modules.items()
    ]


def run(settings: Settings, *, json: bool = False) -> None:
    """Serves until Ctrl-C or TERM."""
    try:
        _run(settings, json)
    except KeyboardInterrupt:
        output.speaker(json)("stopped")


def _run(settings: Settings, json: bool) -> None:
    say = output.speaker(json)
    with stack.owned(settings) as stores:
        running = stores.stack
        # The check follows the stop of leftovers, which may hold the port.
        port = settings.port or stack.free_port()
        if not stack.is_free(port, settings.host):
            raise Failure(
                f"PORT {port} is in use, or HOST {settings.host} is not of this machine. "
                "Stop the other process, or set PORT or HOST."
            )
        migrate.migrate(running.database_url, say=say)
        # An identity provider has its own users, so the example users are for development only.
        if tokens.can_mint(settings) and not seed.is_seeded(running.database_url):
            seed.seed(running.database_url, put=seed.bucket(settings, running.urls), say=say)
        environment = _environment(settings, running)
        folder = processes.Folder(settings.data_dir)
        supervised = supervisor.Supervisor(folder, say)
        for record in running.records:
            supervised.adopt(record, functools.partial(stores.restart, record.name))
        for server in servers(settings, running, port):
            supervised.start(
                functools.partial(
                    processes.start,
                    folder,
                    server.name,
                    server.command,
                    environment={**environment, **server.environment},
                )
            )
        address = origin(settings.host, port)
        _wait_until_healthy(supervised, address)
        _welcome(settings, address, json)
        while True:
            supervised.check()
            time.sleep(0.2)


def _environment(settings: Settings, running: stack.Stack) -> dict[str, str]:
    """Returns the environment of every server, which imports this project from any folder."""
    metrics = settings.data_dir / "run" / "metrics"
    shutil.rmtree(metrics, ignore_errors=True)
    metrics.mkdir(parents=True)
    inherited = os.environ.get("PYTHONPATH")
    return {
        **running.environment(),
        "PROMETHEUS_MULTIPROC_DIR": str(metrics),
        "PYTHONPATH": os.pathsep.join([str(ROOT), *([inherited] if inherited else [])]),
        "PYTHONSAFEPATH": "1",
        **_examples(settings),
    }


def _examples(settings: Settings) -> dict[str, str]:
    """Returns the example users, if only this machine reaches the pages."""
    is_example = settings.database_url is None and tokens.can_mint(settings)
    if not (is_example and configuration.is_loopback(settings.host)):
        return {}
    users = [
        {"name": name, "id": str(user), "token": tokens.mint(settings, str(user))}
        for name, user in seed.USERS
    ]
    return {"EXAMPLE_USERS": json.dumps(users)}


def origin(host: str, port: int) -> str:
    """Returns the origin by which this machine reaches a server that listens there."""
    if host in ("0.0.0.0", "::", ""):  # noqa: S104  every address includes this one
        host = "127.0.0.1"
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


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


def _welcome(settings: Settings, origin: str, json: bool) -> None:
    addresses = {
        **({"page": f"{origin}/"} if settings.live_page else {}),
        "api": f"{origin}/api/communities/v1",
        "docs": f"{origin}/docs",
        "logs": str(settings.data_dir / "logs"),
    }
    if json:
        output.result(True, addresses, "")
        return
    print()
    for name, address in addresses.items():
        print(f"  {name:6} {address}")
    if tokens.can_mint(settings):
        print("\n  Tokens of the example users, for `Authorization: Bearer …`:\n")
        for name, user in seed.USERS:
            print(f"  {name} ({user})\n{tokens.mint(settings, str(user))}\n")
    print("Ctrl-C stops everything.", flush=True)
