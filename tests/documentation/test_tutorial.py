"""Commands of the tutorial, typed in order into one shell, and their expected output."""

import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conftest import ServiceFactory, WorkerFactory
from tests.support import servers
from tools.instance import parts

ROOT = Path(__file__).parents[2]
TUTORIAL = ROOT / "docs" / "tutorial.md"
TIMEOUT_SECONDS = 300.0  # pip is slow
USER = re.compile(r"USER=(\S{36})")


@dataclass
class Terminal:
    """Shell that records its output."""

    process: subprocess.Popen[bytes]
    output: Path

    @property
    def text(self) -> str:
        return self.output.read_text()

    def type(self, lines: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(lines.encode())
        self.process.stdin.flush()

    def missing(self, wanted: str, since: int, seconds: float = TIMEOUT_SECONDS) -> str:
        """Waits for these lines in any order. Returns the lines that did not come in time."""
        deadline = time.monotonic() + seconds
        while True:
            lines = self.text[since:].splitlines()
            missing = "\n".join(line for line in wanted.splitlines() if not shown(line, lines))
            if not missing or time.monotonic() > deadline:
                return missing
            assert self.process.poll() is None, self.text
            time.sleep(0.05)


def shown(line: str, lines: list[str]) -> bool:
    pattern = re.compile(re.escape(line).replace("…", ".*"))
    return any(pattern.fullmatch(one.rstrip()) for one in lines)


def preamble(service: servers.Service, text: str) -> str:
    """Returns shell functions that replace the Makefile's commands for this service."""
    tokens = "\n".join(
        f'"-s token USER={user}") echo {service.token(user)} ;;'
        for user in sorted(set(USER.findall(text)))
    )
    url = service.environment["DATABASE_URL"]
    psql = f"{parts.postgres_programs() / 'psql'} -X '{url}'"
    return (
        f'set -u\nmake() {{ case "$*" in\n{tokens}\n"-s psql") {psql} ;;\n*) exit 9 ;;\nesac; }}\n'
    )


@pytest.fixture
def service(run_service: ServiceFactory, run_worker: WorkerFactory) -> servers.Service:
    """Returns a service with the workers that the tutorial needs."""
    service = run_service()
    run_worker("relay")
    run_worker("indexer")
    return service


@pytest.fixture
def terminal(service: servers.Service, tmp_path: Path) -> Iterator[Terminal]:
    (tmp_path / ".data").mkdir()
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    output = tmp_path / "terminal.txt"
    with ExitStack() as opened:
        file = opened.enter_context(output.open("wb"))
        process = subprocess.Popen(
            ["/bin/bash"],
            cwd=tmp_path,
            env={**os.environ, "PYTHONWARNINGS": "ignore"},
            stdin=subprocess.PIPE,
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        opened.enter_context(process)
        # The group includes all processes that the shell has started.
        opened.callback(os.killpg, process.pid, signal.SIGKILL)
        yield Terminal(process, output)


def blocks(text: str) -> list[tuple[str, str]]:
    """Returns the commands of each block, and their expected output."""
    found = re.findall(r"```sh\n(.*?)```\n(?:\n```text\n(.*?)```)?", text, flags=re.S)
    assert len(found) == text.count("```sh")
    assert sum(bool(shown) for _, shown in found) == text.count("```text")
    return found


@pytest.mark.slow
def test_tutorial_shows_its_expected_output_twice_on_one_instance(
    service: servers.Service, terminal: Terminal
) -> None:
    text = TUTORIAL.read_text().replace("http://127.0.0.1:8000", service.origin)
    terminal.type(preamble(service, text))
    for typed, expected in [*blocks(text), *blocks(text)]:
        # A search before the index is up to date is repeated, as the tutorial says.
        tries = 20 if "search?q=" in typed else 1
        missing = "not typed yet"
        while missing and tries:
            since = len(terminal.text)
            mark = f"typed {time.monotonic_ns()}"
            terminal.type(f"{typed}echo {mark}\n")
            assert not terminal.missing(mark, since), terminal.text
            missing = terminal.missing(expected, since, TIMEOUT_SECONDS if tries == 1 else 1)
            tries -= 1
        assert not missing, f"{missing}\nis missing in\n{terminal.text[since:]}"
    assert "Traceback" not in terminal.text


@pytest.mark.parametrize("link", re.findall(r"\]\(([^)]+)\)", TUTORIAL.read_text()))
def test_links_have_existing_targets(link: str) -> None:
    assert (TUTORIAL.parent / link).exists()
