"""Migrations: dbmate applies those of the tables, and the schema `api` is built from its files."""

import hashlib
import itertools
import os
import re
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import parse_qsl, urlencode, urlsplit

import psycopg
import tenacity
from psycopg import errors

from tools.failure import Failure
from tools.instance import parts
from tools.paths import ROOT

# Errors that locks of other sessions, or another `make migrate`, cause. A retry may succeed.
BUSY: Final = (errors.LockNotAvailable, errors.DeadlockDetected, errors.UniqueViolation)

# A statement, from its first word to its semicolon.
STATEMENT: Final = re.compile(
    r"""
      (?: \s+ | --[^\n]* | /\*.*?\*/ )+
    | (?P<statement> (?: '[^']*' | "[^"]*" | \$(?P<tag>\w*)\$.*?\$(?P=tag)\$
                       | --[^\n]* | /\*.*?\*/ | [^;] )+ ;? )
    """,
    re.DOTALL | re.VERBOSE,
)
_FINGERPRINT: Final = "select obj_description(to_regnamespace('api'), 'pg_namespace')"

Say = Callable[[str], None]


@dataclass(frozen=True)
class Done:
    """Changes of a run: the applied migrations, and whether `api` was rebuilt."""

    applied: list[str]
    api_rebuilt: bool


@dataclass(frozen=True)
class Sources:
    """SQL files that make a database."""

    schema: Path = ROOT / "db" / "schema"
    functions: Path = ROOT / "db" / "functions"

    def function_files(self) -> list[Path]:
        return sorted(self.functions.glob("*.sql"))

    def fingerprint(self) -> str:
        """Returns a hash of all files. Tables count too, because views depend on them."""
        digest = hashlib.sha256()
        for path in [*sorted(self.schema.glob("*.sql")), *self.function_files()]:
            content = path.read_bytes()
            digest.update(f"{path.name} {len(content)}\n".encode())
            digest.update(content)
        return digest.hexdigest()


def migrate(url: str, sources: Sources | None = None, say: Say = print) -> Done:
    """Applies new migrations, then rebuilds the schema `api` if a file changed."""
    sources = sources or Sources()
    applied = _dbmate(url, sources, "up")
    say(f"tables: applied {', '.join(applied)}" if applied else "tables: already up to date")
    rebuilt = rebuild_api(url, sources)
    say("api: rebuilt" if rebuilt else "api: already up to date")
    return Done(applied, rebuilt)


def rollback(url: str, sources: Sources | None = None, say: Say = print) -> list[str]:
    """Rolls back the last migration and drops the schema `api`. Returns the migration."""
    undone = _dbmate(url, sources or Sources(), "rollback")
    say(f"tables: rolled back {', '.join(undone)}")
    say("api: dropped; `communities migrate` applies the migration again and rebuilds it")
    return undone


def rebuild_api(url: str, sources: Sources) -> bool:
    """Drops `api` and builds it again in one transaction. Returns False if it is current."""
    attempts = tenacity.Retrying(
        retry=tenacity.retry_if_exception_type(BUSY),
        stop=tenacity.stop_after_attempt(10),
        wait=tenacity.wait_random(0.1, 1),
        reraise=True,
    )
    try:
        return attempts(_rebuild_api, url, sources)
    except BUSY as error:
        raise Failure(f"api: other sessions hold locks. Try again. {_message(error)}") from None
    except psycopg.Error as error:
        raise Failure(f"api: {_message(error)}") from None


def _rebuild_api(url: str, sources: Sources) -> bool:
    fingerprint = sources.fingerprint()
    with psycopg.connect(url) as connection:
        if connection.execute(_FINGERPRINT).fetchone() == (fingerprint,):
            return False
        # The first file drops `api`. That waits for statements that use it, and new ones queue
        # behind it.
        connection.execute("set local lock_timeout = '5s'")
        for path in sources.function_files():
            _run(connection, path)
        connection.execute(f"comment on schema api is '{fingerprint}'")
    return True


def _run(connection: psycopg.Connection, path: Path) -> None:
    """Runs a file unchanged. Raises Failure with the line of an error, which needs libpq."""
    text = path.read_text()
    connection.pgconn.send_query(text.encode())
    done, problem = 0, None
    while (result := connection.pgconn.get_result()) is not None:
        if result.status == psycopg.pq.ExecStatus.FATAL_ERROR:
            problem = errors.error_from_result(result)
        else:
            done += 1
    if isinstance(problem, BUSY):
        raise problem
    if problem is not None:
        shown = path.relative_to(ROOT) if path.is_relative_to(ROOT) else path
        line = _line(text, done, problem.diag.statement_position)
        raise Failure(f"{shown}:{line}: {_message(problem)}")


def _line(text: str, done: int, position: str | None) -> int:
    """Returns the line of an error: PostgreSQL's position, or the begin of its statement."""
    if position is None:
        statements = (match for match in STATEMENT.finditer(text) if match["statement"])
        match = next(itertools.islice(statements, done, None), None)
        offset = match.start("statement") if match else len(text)
    else:
        offset = int(position) - 1
    return text.count("\n", 0, offset) + 1


def _dbmate(url: str, sources: Sources, verb: str) -> list[str]:
    """Runs dbmate. Returns the migrations that it applied or rolled back."""
    done = subprocess.run(
        [
            *(parts.script("dbmate"), "--migrations-dir", sources.schema, "--no-dump-schema"),
            *("--migration-lock", verb),
        ],
        # Not an argument: every user of the machine can read those.
        env={**os.environ, "DATABASE_URL": _for_dbmate(url)},
        capture_output=True,
        text=True,
        check=False,
    )
    lines = done.stdout.splitlines()
    if done.returncode != 0:
        started = [line for line in lines if line.startswith(("Appl", "Roll"))]
        migration = started[-1].partition(": ")[2] if started else "db/schema"
        raise Failure(f"{migration}: {done.stderr.strip().removeprefix('Error: ')}")
    return [
        line.partition(": ")[2].partition(" in ")[0]
        for line in lines
        if line.startswith(("Applied: ", "Rolled back: "))
    ]


def _for_dbmate(url: str) -> str:
    """Returns the URL with an explicit `sslmode`, because dbmate defaults to TLS."""
    parts = urlsplit(url)
    query = dict(parse_qsl(parts.query))
    if "sslmode" not in query:
        with psycopg.connect(url) as connection:
            query["sslmode"] = "require" if connection.pgconn.ssl_in_use else "disable"
    return parts._replace(query=urlencode(query)).geturl()


def _message(error: psycopg.Error) -> str:
    diag = error.diag
    lines = [diag.message_primary or str(error), diag.message_detail, diag.message_hint]
    return "\n    ".join(line for line in [*lines, diag.context] if line)
