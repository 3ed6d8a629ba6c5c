"""pgTAP tests: pg_prove runs db/tests in one database that holds pgTAP and the helpers.

pg_prove and pgTAP come from Debian packages that are unpacked into .venv, because no package index
of Python has them. Every file is `begin; … rollback;`, so files share a database and run in
parallel.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

import psycopg

from development import databases, debian, testing
from tools.failure import Failure
from tools.instance import parts
from tools.paths import ROOT

TESTS: Final = ROOT / "db" / "tests"
HELPERS: Final = TESTS / "helpers.sql"
UNPACKED: Final = ROOT / ".venv" / "pgtap"
# pgTAP is packaged for one version of PostgreSQL, but its SQL loads on later ones too.
PACKAGES: Final = ("libtap-parser-sourcehandler-pgtap-perl", r"postgresql-\d+-pgtap")
JOBS: Final = 2


def run(path: str | None, version: int | None = None) -> int:
    """Runs all files, or those at a path. Returns pg_prove's exit code."""
    files = _files(ROOT / path if path else TESTS)
    if not UNPACKED.exists():
        if shutil.which("perl") is None:
            raise Failure("pgTAP tests need perl. Install it.")
        debian.unpack("pgTAP", UNPACKED, *PACKAGES)
    with testing.database(version) as database:
        _load(database)
        return _prove(database.url, files)


def _files(path: Path) -> list[Path]:
    files = [path] if path.is_file() else sorted(path.rglob("*.sql"))
    files = [file for file in files if file != HELPERS]
    if not files:
        raise Failure(f"No pgTAP test at {path}.")
    return files


def _load(database: databases.Database) -> None:
    """Loads pgTAP and the helpers into the schema `tap`."""
    script = next(UNPACKED.rglob("extension/pgtap--?.?.?.sql"))
    # Its psql commands only prevent loading it by hand.
    pgtap = re.sub(r"(?m)^\\.*$", "", script.read_text())
    with database.connect() as connection:
        connection.execute("create schema tap; grant usage on schema tap to public")
        # pgTAP compares sets in temporary tables, also while a test has the rights of a role.
        name = connection.info.dbname
        connection.execute(f"grant temporary on database {name} to public")
        connection.execute("set client_min_messages = warning; set search_path = tap, public")
        connection.execute(pgtap.encode())
        try:
            connection.execute(HELPERS.read_bytes())
        except psycopg.Error as error:
            raise Failure(f"{HELPERS.relative_to(ROOT)}: {error}") from None


def _prove(url: str, files: list[Path]) -> int:
    command: list[str | Path] = [
        *("perl", f"-I{UNPACKED / 'usr/share/perl5'}", UNPACKED / "usr/bin/pg_prove"),
        *("--jobs", str(JOBS), "--psql-bin", parts.postgres_programs() / "psql"),
        *(file.relative_to(ROOT) for file in files),
    ]
    options = "-c search_path=tap,public -c client_min_messages=warning"
    environment = {**os.environ, **parts.libpq(url), "PGOPTIONS": options}
    sys.stdout.flush()
    return subprocess.run(command, env=environment, cwd=ROOT, check=False).returncode
