"""The project installed as on a server: a virtual environment with the server's packages alone."""

import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

import psycopg

from development import databases, testing
from tools.instance import parts, stack

ROOT = Path(__file__).parents[2]
LOCKED = re.findall(r"(?m)^([a-z0-9-]+)==", (ROOT / "requirements-server.txt").read_text())


def copied() -> dict[str, str]:
    """Returns what the project's wheel is built of in the image: sources and their places."""
    lines = re.findall(r"(?m)^COPY (.+) /src/(\S*)$", (ROOT / "Dockerfile").read_text())
    return {source: target or source for sources, target in lines for source in sources.split()}


def copy_sources(folder: Path) -> None:
    """Copies each source to its target in a folder."""
    for source, target in copied().items():
        place = folder / target
        if (ROOT / source).is_dir():
            shutil.copytree(ROOT / source, place, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / source, place)


def make(folder: Path, sources: Path) -> Path:
    """Creates an environment with the project. Returns the folder of its programs.

    The packages are those installed here, by links: they are as locked, and nothing is fetched.
    """
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    programs = folder / "bin"
    (site,) = folder.glob("lib/python*/site-packages")
    ours = Path(sysconfig.get_path("purelib"))
    for name in _entries():
        if not (site / name).exists():
            (site / name).symlink_to(ours / name)
    shutil.copy(Path(sysconfig.get_path("scripts")) / "dbmate", programs)
    pip = [sys.executable, "-m", "pip", "--python", str(programs / "python"), "install", "--quiet"]
    subprocess.run([*pip, "--no-build-isolation", "--no-deps", str(sources)], check=True)
    return programs


def _entries() -> Iterator[str]:
    """Yields what the locked packages have put into the folder of packages."""
    for package in LOCKED:
        # Some are for other systems.
        with suppress(importlib.metadata.PackageNotFoundError):
            for file in importlib.metadata.distribution(package).files or []:
                if file.parts[0] not in ("..", "__pycache__"):
                    yield file.parts[0]


@contextmanager
def fresh_postgres(folder: Path) -> Iterator[str]:
    """Yields the superuser's URL of a cluster that has no roles of this project yet."""
    settings = testing.settings().model_copy(update={"data_dir": folder / "fresh"})
    with stack.borrowed(settings, ["postgres"], make=parts.make_fast) as running:
        url = running.superuser_url
        _remove_roles(databases.named(url, "postgres"), urlsplit(url).path.removeprefix("/"))
        yield url


def _remove_roles(url: str, database: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"drop database {database} with (force)")
        for (drop,) in connection.execute(
            "select format('drop role %I', rolname) from pg_roles where rolname like 'communities%'"
        ).fetchall():
            connection.execute(drop)
        connection.execute(f"create database {database}")


def make_logins(url: str, passwords: Mapping[str, str]) -> None:
    done = subprocess.run(
        [parts.postgres_programs() / "psql", "-X", "-f", ROOT / "ops" / "postgres" / "logins.sql"],
        env={**os.environ, **parts.libpq(url), **passwords},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
