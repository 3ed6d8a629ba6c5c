"""`communities` on a test's own stores: as a call of its application, and as a real process."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from typer import testing

from common import settings as configuration
from development import databases
from tests import conftest
from tests.support import indexing
from tools.cli import app as cli
from tools.instance import logins, stack

SCRIPT = Path(sys.executable).with_name("communities")


@dataclass(frozen=True)
class Told:
    """Output and exit code of a command."""

    code: int
    out: str
    said: str

    def rows(self) -> list[dict[str, Any]]:
        """Returns its result, which must be one JSON object a line."""
        return [json.loads(line) for line in self.out.splitlines()]


@dataclass(frozen=True)
class Communities:
    """The command line with an environment in which nothing is a developer's own."""

    environment: Mapping[str, str]
    folder: Path

    def __call__(self, *words: str, **given: str) -> Told:
        """Runs a command in this process."""
        environment = dict.fromkeys(configuration.names())
        done = testing.CliRunner().invoke(
            cli.app,
            words,
            env={**environment, **self.environment, "COLUMNS": "200", **given},
        )
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
        return Told(done.exit_code, done.stdout, done.stderr)

    def start(self, *words: str, **options: Any) -> "subprocess.Popen[str]":
        """Starts a command as a process of its own."""
        given = options.pop("given", {})
        inherited = {
            name: value for name, value in os.environ.items() if name not in configuration.names()
        }
        return subprocess.Popen(
            [SCRIPT, *words],
            cwd=self.folder,
            env={**inherited, **self.environment, **given},
            text=True,
            **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options},
        )

    def run(self, *words: str, stdin: str = "", **given: str) -> Told:
        """Runs a command as a process of its own, to its end."""
        with self.start(*words, given=given, stdin=subprocess.PIPE) as process:
            out, said = process.communicate(stdin, timeout=60)
        return Told(process.returncode, out, said)


@pytest.fixture
def index(test_stack: stack.Stack, database: databases.Database) -> Iterator[indexing.Indexing]:
    """Yields the index of this test's database, which is not there yet."""
    own = indexing.Indexing(database.url, test_stack.urls["OPENSEARCH_URL"])
    yield own
    own.drop()


@pytest.fixture
def communities(
    test_stack: stack.Stack,
    database_url: str,
    redis_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Communities:
    """Returns the command line on this test's stores."""
    monkeypatch.chdir(tmp_path)
    environment = {
        **test_stack.urls,
        "DATABASE_URL": test_stack.as_login(database_url, logins.MIGRATOR),
        "REDIS_URL": redis_url,
        "SEARCH_INDEX": conftest.search_index(database_url),
        "DATA_DIR": str(tmp_path / "data"),
        "JWT_SECRET": "sesame" * 8,
        "PORT": str(stack.free_port()),
    }
    return Communities(environment, tmp_path)
