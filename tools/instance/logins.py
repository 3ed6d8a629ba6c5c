"""Logins of the embedded PostgreSQL: those of a deployment, each with its own password."""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from common import settings
from tools.failure import Failure
from tools.paths import ROOT

SUPERUSER: Final = "postgres"
MIGRATOR: Final = "communities_migrator"
API: Final = "communities_api"
WORKERS: Final = "communities_workers"
_SCRIPT: Final = ROOT / "ops" / "postgres" / "logins.sql"
_VARIABLES: Final = {
    "MIGRATOR_PASSWORD": MIGRATOR,
    "API_PASSWORD": API,
    "WORKERS_PASSWORD": WORKERS,
}


def url(database_url: str, login: str, data_dir: Path) -> str:
    """Returns the URL with another login of the same server."""
    parts = urlsplit(database_url)
    netloc = f"{login}:{settings.stored_secret(data_dir, login)}@{parts.hostname}:{parts.port}"
    return parts._replace(netloc=netloc).geturl()


def create(psql: Path, connection: Mapping[str, str], data_dir: Path) -> None:
    """Creates the logins, and grants their rights on a database.

    `connection` is libpq's environment for a superuser of that database.
    """
    passwords = {
        variable: settings.stored_secret(data_dir, login) for variable, login in _VARIABLES.items()
    }
    done = subprocess.run(
        [psql, "--no-psqlrc", "--quiet", "--tuples-only", "--file", _SCRIPT],
        env={**os.environ, **connection, **passwords},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise Failure(f"{_SCRIPT.name} failed: {done.stderr.strip()}")
