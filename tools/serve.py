"""`communities run`: the stores, the database brought up to date, the servers, until the end."""

import json
import os
import shutil
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import urllib3

from service import settings as configuration
from service.settings import Settings
from tools import migrate, output, processes, seed, stack, tokens
from tools.failure import Failure

ROOT = Path(__file__).parent.parent
PATIENCE = 60.0
# A server that ends sooner after its start than this would only do the same again.
SETTLED = 3.0
WORKERS = ("relay", "indexer", "sweeper")


@dataclass(frozen=True)
class Server:
    """A program that belongs to the service."""

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)


def servers(settings: Settings, port: int) -> list[Server]:
    """What makes up the service, in the order in which it is started."""
    return [
        Server(
            "service",
            (sys.executable, "-m", "service"),
            # As `make run` has settled them, whatever the environment says.
            {
                "HOST": settings.host,
                "PORT": str(port),
                "WEB_CONCURRENCY": str(settings.web_concurrency),
                "LOG_LEVEL": settings.log_level,
            },
        ),
        *(Server(name, (sys.executable, "-m", f"workers.{name}")) for name in WORKERS),
    ]


def run(settings: Settings, *, json: bool = False) -> None:
    """Serve until Ctrl-C or TERM."""
    say = output.speaker(json)
    try:
        _run(settings, json)
    except KeyboardInterrupt:
        say("stopped")


def _run(settings: Settings, json: bool) -> None:
    say = output.speaker(json)
    with stack.owned(settings) as running:
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
            **running.environment(settings),
            "PROMETHEUS_MULTIPROC_DIR": str(metrics),
            **_python_path(),
            **_examples(settings),
        }
        watch = _Watch(processes.Folder(settings.data_dir), environment, say)
        for server in servers(settings, port):
            watch.start(server)
        address = origin(settings.host, port)
        _wait_until_healthy(watch, address)
        if json:
            output.result(True, _addresses(settings, address), "")
        else:
            _welcome(settings, address)
        while True:
            watch.parts(running)
            watch.servers()
            time.sleep(0.2)


@dataclass
class _Watch:
    """Keeps the servers up. The stores are not started again: one that died needs a look."""

    folder: processes.Folder
    environment: Mapping[str, str]
    say: Callable[[str], None]
    started: dict[str, tuple[Server, processes.Record, float]] = field(default_factory=dict)

    def start(self, server: Server) -> None:
        record = processes.start(
            self.folder,
            server.name,
            server.command,
            environment={**self.environment, **server.environment},
        )
        self.started[server.name] = (server, record, time.monotonic())

    def servers(self) -> None:
        for server, record, since in list(self.started.values()):
            if record.process() is None:
                if time.monotonic() - since < SETTLED:
                    raise self._died(server.name)
                self.say(f"{server.name} has died, it is started again")
                # With it goes what it had started and would stand in the new one's way.
                processes.stop(self.folder, [record])
                self.start(server)

    def parts(self, running: stack.Stack) -> None:
        for record in running.records:
            if record.process() is None:
                raise self._died(record.name)

    def _died(self, name: str) -> Failure:
        log = self.folder.log(name)
        return Failure(f"{name} has died; {log} ends with\n{processes.tail(log)}")


def _python_path() -> dict[str, str]:
    """What makes servers run our code, whatever is in the folder that they are started in."""
    inherited = os.environ.get("PYTHONPATH")
    path = os.pathsep.join([str(ROOT), *([inherited] if inherited else [])])
    return {"PYTHONPATH": path, "PYTHONSAFEPATH": "1"}


def _empty_folder(path: Path) -> Path:
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir(parents=True)
    return path


def origin(host: str, port: int) -> str:
    """Where this machine reaches a server that listens there."""
    if host in ("0.0.0.0", "::", ""):  # noqa: S104  every address includes this one
        host = "127.0.0.1"
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


def _examples(settings: Settings) -> dict[str, str]:
    """Whom the reader of the page and of /docs may be, where that is nobody but who runs it."""
    is_example = settings.database_url is None and tokens.can_mint(settings)
    if not (is_example and configuration.is_loopback(settings.host)):
        return {}
    users = [
        {"name": name, "id": str(user), "token": tokens.mint(settings, str(user))}
        for name, user in seed.USERS
    ]
    return {"EXAMPLE_USERS": json.dumps(users)}


def _wait_until_healthy(watch: _Watch, origin: str) -> None:
    deadline = time.monotonic() + PATIENCE
    with urllib3.PoolManager(timeout=2, retries=False) as http:
        while True:
            watch.servers()
            try:
                if http.request("GET", f"{origin}/healthz").status == 200:
                    return
            except urllib3.exceptions.HTTPError as error:
                if time.monotonic() > deadline:
                    raise Failure(f"the service doesn't answer at {origin}: {error}") from None
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
