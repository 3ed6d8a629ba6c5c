"""`make test-db`: pg_prove over db/tests, in one database that holds pgTAP and our helpers.

Neither pg_prove nor pgTAP is in a package index that pip knows, so they are taken out of Debian's
packages into .venv, without being installed. Every test file is `begin; … rollback;`, so that
files can share a database and run side by side.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import psycopg

from tools.development import databases, debian, testing
from tools.failure import Failure
from tools.instance import parts
from tools.paths import ROOT

TESTS = ROOT / "db" / "tests"
UNPACKED = ROOT / ".venv" / "pgtap"
PG_PROVE = "libtap-parser-sourcehandler-pgtap-perl"
PGTAP = r"postgresql-\d+-pgtap"
JOBS = 2


def run(path: str | None, version: int | None = None) -> int:
    """Runs all files, or those at a path; the exit code is pg_prove's."""
    files = _files(ROOT / path if path else TESTS)
    _unpack()
    with testing.database(version) as database:
        _load(database)
        return _prove(database.url, files)


def _files(path: Path) -> list[Path]:
    files = [path] if path.is_file() else sorted(path.rglob("*.sql"))
    files = [file for file in files if file != TESTS / "helpers.sql"]
    if not files:
        raise Failure(f"no pgTAP test at {path}")
    return files


def _unpack() -> None:
    """Takes pg_prove and pgTAP out of their Debian packages, once."""
    if UNPACKED.exists():
        return
    if shutil.which("perl") is None:
        raise Failure("pgTAP tests need pg_prove and pgTAP, and perl to run them")
    # The package is named after a server version, but its SQL loads on later ones too.
    debian.unpack("pgTAP tests need pg_prove and pgTAP", UNPACKED, PG_PROVE, PGTAP)


def _load(database: databases.Database) -> None:
    script = next(UNPACKED.rglob("extension/pgtap--?.?.?.sql"))
    # psql's own commands in it only keep people from loading it by hand.
    pgtap = re.sub(r"(?m)^\\.*$", "", script.read_text())
    helpers = TESTS / "helpers.sql"
    with database.connect() as connection:
        connection.execute("create schema tap; grant usage on schema tap to public")
        # pgTAP compares sets in temporary tables, also while a test has the rights of a role.
        name = connection.info.dbname
        connection.execute(f"grant temporary on database {name} to public")
        connection.execute("set client_min_messages = warning; set search_path = tap, public")
        connection.execute(pgtap.encode())
        if helpers.exists():
            try:
                connection.execute(helpers.read_bytes())
            except psycopg.Error as error:
                raise Failure(f"{helpers.relative_to(ROOT)}: {error}") from None


def _prove(url: str, files: list[Path]) -> int:
    programs = parts.postgres_programs()
    command: list[str | Path] = [
        "perl",
        f"-I{UNPACKED / 'usr/share/perl5'}",
        UNPACKED / "usr/bin/pg_prove",
        *("--jobs", str(JOBS), "--psql-bin", programs / "psql"),
        *(file.relative_to(ROOT) for file in files),
    ]
    environment = {
        **os.environ,
        **parts.libpq(url),
        "PGOPTIONS": "-c search_path=tap,public -c client_min_messages=warning",
    }
    sys.stdout.flush()
    return subprocess.run(command, env=environment, cwd=ROOT, check=False).returncode
