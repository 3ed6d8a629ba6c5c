"""Installations as on a server: virtual environments with only the packages of a server."""

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
    """Returns the sources from which the image builds the wheel, with their target paths."""
    lines = re.findall(r"(?m)^COPY (.+) /src/(\S*)$", (ROOT / "Dockerfile").read_text())
    return {source: target or source for sources, target in lines for source in sources.split()}


def copy_sources(folder: Path) -> None:
    """Copies each source to its target in a folder."""
    for source, target in copied().items():
        path = folder / target
        if (ROOT / source).is_dir():
            shutil.copytree(ROOT / source, path, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / source, path)


def make(folder: Path, sources: Path) -> Path:
    """Creates an environment with the project. Returns the folder of its programs.

    It links to the packages that are installed here, which have the locked versions.
    """
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    programs = folder / "bin"
    (site,) = folder.glob("lib/python*/site-packages")
    installed = Path(sysconfig.get_path("purelib"))
    for name in _entries():
        if not (site / name).exists():
            (site / name).symlink_to(installed / name)
    shutil.copy(Path(sysconfig.get_path("scripts")) / "dbmate", programs)
    pip = [sys.executable, "-m", "pip", "--python", str(programs / "python"), "install", "--quiet"]
    subprocess.run([*pip, "--no-build-isolation", "--no-deps", str(sources)], check=True)
    return programs


def _entries() -> Iterator[str]:
    """Yields the names of the locked packages' files and folders in site-packages."""
    for package in LOCKED:
        # Packages for other systems are not installed.
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
