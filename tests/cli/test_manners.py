"""Conventions of every command: help, exit codes, pipes, signals, terminals and completion."""

import os
import pty
import shutil
import signal
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from development import databases
from tests.cli.conftest import SCRIPT, Communities
from tests.support import indexing
from tests.support.waiting import eventually
from tests.support.writers import Writer

ROOT = Path(__file__).parents[2]


def test_help_is_grouped_by_topic_and_shows_the_version(communities: Communities) -> None:
    result = communities.run("--help")
    assert (result.code, result.stderr) == (0, "")
    for topic in ("Serve", "Stores", "Monitor and repair", "Users and content"):
        assert f"─ {topic} ─" in result.stdout
    assert communities.run().stdout.strip() == result.stdout.strip()
    result = communities.run("--version")
    assert result.code == 0
    assert result.stdout.startswith("communities ")
    assert communities.run("outbox", "-h").code == 0


@pytest.mark.parametrize(
    "arguments",
    [
        ("nothing",),
        ("migrate", "--scale"),
        ("token", "ada"),
        ("outbox", "dead", "--consumer", "nobody"),
        ("moderation", "remove"),
        ("outbox", "discard"),
        ("outbox", "replay", "1", "--all"),
        ("outbox", "replay", "9" * 22),
        ("outbox", "discard", "9" * 5000),
        ("token", "5eed0000-0000-7000-8000-000000000001", "--ttl", "99999999999999"),
        ("token", "5eed0000-0000-7000-8000-000000000001", "--ttl", "0"),
        ("seed", "--scale", "0"),
    ],
)
def test_bad_usage_exits_with_2_and_prints_nothing_to_stdout(
    communities: Communities, arguments: tuple[str, ...]
) -> None:
    result = communities(*arguments)
    assert (result.code, result.stdout) == (2, "")
    assert "communities" in result.stderr or "Usage" in result.stderr


def test_invalid_number_is_reported_with_the_valid_range(communities: Communities) -> None:
    result = communities("seed", "--scale", "x")
    assert "'x' is not a whole number from 1 to" in result.stderr
    assert communities("seed", "--help").stdout.count("POSTS") == 1
    for arguments in (("user", "export"), ("user", "erase"), ("token",)):
        assert (
            f"{' '.join(arguments)} [OPTIONS] {{USER}}" in communities(*arguments, "--help").stdout
        )
    assert "replay [OPTIONS] [ID]…" in communities("outbox", "replay", "--help").stdout
    assert "%" not in communities("moderation", "remove", "--help").stdout


def test_invalid_settings_exit_with_1_and_print_one_line(communities: Communities) -> None:
    result = communities.run("migrate", PORT="x", RATE_LIMIT="much")
    assert (result.code, result.stdout) == (1, "")
    assert result.stderr.count("\n") == 1
    assert "PORT: " in result.stderr
    assert "RATE_LIMIT: " in result.stderr


def test_database_error_exits_with_1_and_prints_one_line(
    communities: Communities, empty_database_url: str
) -> None:
    result = communities.run("outbox", "status", DATABASE_URL=empty_database_url)
    assert (result.code, result.stdout) == (1, "")
    assert result.stderr.count("\n") == 1
    assert "communities migrate" in result.stderr


def test_broken_pipe_ends_a_command_without_an_error_message(
    communities: Communities, database: databases.Database
) -> None:
    with Writer.opened(database.url) as writer, database.connect() as connection:
        connection.execute(
            "insert into post (group_id, author_id, body) "
            "select %s, %s, repeat('much ', 100) from generate_series(1, 1000)",
            [writer.group, writer.user],
        )
        process = communities.start("user", "export", str(writer.user))
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline().startswith('{"kind":"group"')
        process.stdout.close()
        assert process.stderr.read() == ""
        process.stderr.close()
        assert process.wait(timeout=60) == 141


def interrupt(process: "subprocess.Popen[str]", database: databases.Database, table: str) -> None:
    """Sends Ctrl-C while the command waits for this table, and asserts a clean end."""
    with database.connect() as connection, connection.transaction():
        waits = (
            "select 1 from pg_locks where not granted and relation = %s::regclass "
            "and database = (select oid from pg_database where datname = current_database())"
        )
        eventually(lambda: connection.execute(waits, [table]).fetchone(), seconds=60)
        process.send_signal(signal.SIGINT)
        stdout, stderr = process.communicate(timeout=60)
        assert (process.returncode, stdout, stderr) == (130, "", "")
        eventually(lambda: connection.execute(waits, [table]).fetchone() is None)


def test_ctrl_c_exits_with_130_and_cancels_the_statement(
    communities: Communities, database: databases.Database
) -> None:
    with database.connect() as connection, connection.transaction():
        connection.execute("lock table post")
        interrupt(communities.start("counters", "verify"), database, "post")


def test_interrupted_reindex_removes_its_new_index(
    communities: Communities, database: databases.Database, index: indexing.Indexing
) -> None:
    index.rebuild()
    before = index.aliases()
    with database.connect() as connection, connection.transaction():
        connection.execute("lock table comment")
        process = communities.start("search", "reindex")
        eventually(lambda: len(index.aliases().indices) == 2, seconds=60)
        interrupt(process, database, "comment")
    assert index.aliases() == before


def on_a_terminal(
    communities: Communities, database: databases.Database, **given: str
) -> tuple[str, str]:
    """Returns the output of `counters verify` to a pipe, and its progress on a terminal."""
    reading_end, writing_end = pty.openpty()
    with database.connect() as connection, connection.transaction():
        connection.execute("lock table post")
        environment = {"TERM": "xterm", "COLUMNS": "80", **given}
        process = communities.start("counters", "verify", stderr=writing_end, given=environment)
        os.close(writing_end)
        shown = b""
        while b"counting" not in shown:
            shown += os.read(reading_end, 4096)
    stdout, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    os.close(reading_end)
    return stdout, shown.decode(errors="replace")


def test_progress_is_shown_only_on_a_terminal(
    communities: Communities, database: databases.Database
) -> None:
    stdout, shown = on_a_terminal(communities, database)
    assert stdout == "every counter is right\n"
    assert "\x1b[32m" in shown
    result = communities.run("counters", "verify")
    assert (result.stdout, result.stderr) == ("every counter is right\n", "")


def test_no_color_removes_colors(communities: Communities, database: databases.Database) -> None:
    _, shown = on_a_terminal(communities, database, NO_COLOR="1")
    assert "\x1b[32m" not in shown


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_shells_complete_commands_and_options(communities: Communities, shell: str) -> None:
    script = communities.run(_COMMUNITIES_COMPLETE=f"source_{shell}")
    assert script.code == 0
    assert "_COMMUNITIES_COMPLETE" in script.stdout
    given = {
        "_COMMUNITIES_COMPLETE": f"complete_{shell}",
        "_TYPER_COMPLETE_ARGS": "communities outbox re",
        "_TYPER_COMPLETE_FISH_ACTION": "get-args",
        "COMP_WORDS": "communities outbox re",
        "COMP_CWORD": "2",
    }
    assert "replay" in communities.run(**given).stdout
    shown = communities.run(
        "--show-completion", shell, _TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION="1"
    )
    assert "communities" in shown.stdout


def test_wheel_contains_every_file_that_the_commands_need(
    communities: Communities, empty_database_url: str, tmp_path: Path
) -> None:
    source, site = tmp_path / "source", tmp_path / "site"
    ignored = shutil.ignore_patterns("__pycache__", "*.pyc")
    for folder in ("common", "db", "gen", "ops", "service", "tools", "web", "workers"):
        shutil.copytree(ROOT / folder, source / folder, ignore=ignored)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "wheel", "--quiet"]
    options = ["--no-build-isolation", "--no-deps", "--no-index", "--wheel-dir", str(tmp_path)]
    subprocess.run([*pip, *options, str(source)], check=True, capture_output=True)
    with zipfile.ZipFile(next(tmp_path.glob("*.whl"))) as wheel:
        wheel.extractall(site)
    contained = {str(path.relative_to(site)) for path in site.rglob("*") if path.is_file()}
    expected = {
        str(path.relative_to(ROOT))
        for folder in (
            "common",
            "db/schema",
            "db/functions",
            "gen",
            "service",
            "tools",
            "web",
            "workers",
        )
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and path.suffix in {".py", ".sql", ".html", ".css", ".js"}
    }
    assert expected | {"workers/index/index_template.json"} <= contained
    shutil.rmtree(source)
    # The folder is not the checkout's, and PYTHONPATH puts the wheel before installed packages.
    given = {"PYTHONPATH": str(site), "DATABASE_URL": empty_database_url}
    result = communities.run("migrate", "--json", **given)
    assert result.code == 0, result.stderr
    assert result.rows()[0]["api_rebuilt"] is True
    result = communities.run("counters", "verify", **given)
    assert (result.code, result.stdout) == (0, "every counter is right\n")


def test_console_script_is_next_to_python() -> None:
    assert SCRIPT.is_file()
