"""Target of the benchmark: a service on a seeded database, of which each run uses a fresh copy."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psycopg
import urllib3

from common import settings as configuration
from development import databases
from tools import seed
from tools.failure import Failure
from tools.instance import logins, migrate, parts, processes, serve, stack

_COPY_NAME = "bench"
_TIMEOUT_SECONDS = 30.0


@dataclass(frozen=True)
class Target:
    """Running service, and its database."""

    settings: configuration.Settings
    database_url: str
    port: int


def settings() -> configuration.Settings:
    """Returns the default settings, with a folder under DATA_DIR."""
    fields = configuration.Settings.model_fields
    defaults = {name: field.default for name, field in fields.items()}
    folder = configuration.load(configuration.Settings).data_dir / "bench"
    return configuration.load(
        configuration.Settings, _env_file=None, **{**defaults, "data_dir": folder}
    )


@contextmanager
def running(scale: int) -> Iterator[Target]:
    """Yields one service process, started as by `make run`, on a copy of the seeded database."""
    chosen = settings()
    with stack.borrowed(chosen) as stores:
        migrate.migrate(stores.database_url)
        seed.seed(stores.database_url, scale)
        with _copy(stores) as url, _service(chosen, stores, url) as port:
            yield Target(chosen, url, port)


@contextmanager
def _copy(stores: stack.Stack) -> Iterator[str]:
    """Yields the URL of a copy of the database, so that runs do not change each other's data."""
    drop = f"drop database if exists {_COPY_NAME} with (force)"
    url = stores.superuser_url
    with psycopg.connect(databases.named(url, "postgres"), autocommit=True) as connection:
        connection.execute(drop)
        databases.copy(connection, parts.DATABASE, _COPY_NAME)
        try:
            yield databases.named(url, _COPY_NAME)
        finally:
            connection.execute(drop)


@contextmanager
def _service(
    chosen: configuration.Settings, stores: stack.Stack, database_url: str
) -> Iterator[int]:
    port = stack.free_port()
    folder = processes.Folder(chosen.data_dir)
    assert chosen.jwt_secret is not None
    known = configuration.names()
    environment = {
        **{name: value for name, value in os.environ.items() if name not in known},
        **stores.urls,
        "JWT_SECRET": chosen.jwt_secret.get_secret_value(),
        "RATE_LIMIT": "off",
    }
    server, *_ = serve.servers(chosen, stores, port)
    environment |= server.environment
    environment["DATABASE_URL"] = stores.as_login(database_url, logins.API)
    record = processes.start(folder, server.name, server.command, environment=environment)
    try:
        _wait(folder, record, port)
        yield port
    finally:
        processes.stop(folder, [record])


def _wait(folder: processes.Folder, record: processes.Record, port: int) -> None:
    deadline = time.monotonic() + _TIMEOUT_SECONDS
    with urllib3.PoolManager(timeout=2, retries=False) as http:
        while record.process() is not None and time.monotonic() < deadline:
            try:
                if http.request("GET", f"http://127.0.0.1:{port}/readyz").status == 200:
                    return
            except urllib3.exceptions.HTTPError:
                pass
            time.sleep(0.05)
    log = folder.log(record.name)
    raise Failure(f"The service does not answer. {log} ends with\n{processes.tail(log)}")
