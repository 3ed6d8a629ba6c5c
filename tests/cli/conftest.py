"""Command line on a test's own stores, called in the test's process or in its own."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from typer import testing

from common import settings as configuration
from tests.support import indexing
from tools.cli import command_line as cli
from tools.instance import logins, stack

SCRIPT = Path(sys.executable).with_name("communities")


@dataclass(frozen=True)
class Result:
    """Exit code and output of a command."""

    code: int
    stdout: str
    stderr: str

    def rows(self) -> list[dict[str, Any]]:
        """Returns the JSON objects on standard output, one a line."""
        return [json.loads(line) for line in self.stdout.splitlines()]


@dataclass(frozen=True)
class Communities:
    """Command line with an environment that has no settings of a developer."""

    environment: Mapping[str, str]
    folder: Path

    def __call__(self, *arguments: str, **given: str) -> Result:
        """Runs a command in the test's process."""
        environment = dict.fromkeys(configuration.names())
        done = testing.CliRunner().invoke(
            cli.app,
            arguments,
            env={**environment, **self.environment, "COLUMNS": "200", **given},
        )
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
        return Result(done.exit_code, done.stdout, done.stderr)

    def start(self, *arguments: str, **options: Any) -> "subprocess.Popen[str]":
        """Starts a command in its own process."""
        given = options.pop("given", {})
        inherited = {
            name: value for name, value in os.environ.items() if name not in configuration.names()
        }
        return subprocess.Popen(
            [SCRIPT, *arguments],
            cwd=self.folder,
            env={**inherited, **self.environment, **given},
            text=True,
            **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options},
        )

    def run(self, *arguments: str, stdin: str = "", **given: str) -> Result:
        """Runs a command in its own process until it ends."""
        with self.start(*arguments, given=given, stdin=subprocess.PIPE) as process:
            stdout, stderr = process.communicate(stdin, timeout=60)
        return Result(process.returncode, stdout, stderr)


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
        "SEARCH_INDEX": indexing.alias_of(database_url),
        "DATA_DIR": str(tmp_path / "data"),
        "JWT_SECRET": "sesame" * 8,
        "PORT": str(stack.free_port()),
    }
    return Communities(environment, tmp_path)
