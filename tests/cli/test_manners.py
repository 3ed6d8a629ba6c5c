"""Manners of every command: help, exit codes, pipes, interruptions, terminals, completion."""

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
    told = communities.run("--help")
    assert (told.code, told.said) == (0, "")
    for topic in ("Serve", "Stores", "Monitor and repair", "Users and content"):
        assert f"─ {topic} ─" in told.out
    assert communities.run().out.strip() == told.out.strip()
    told = communities.run("--version")
    assert told.code == 0
    assert told.out.startswith("communities ")
    assert communities.run("outbox", "-h").code == 0


@pytest.mark.parametrize(
    "words",
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
    communities: Communities, words: tuple[str, ...]
) -> None:
    told = communities(*words)
    assert (told.code, told.out) == (2, "")
    assert "communities" in told.said or "Usage" in told.said


def test_invalid_number_is_reported_with_the_valid_range(communities: Communities) -> None:
    told = communities("seed", "--scale", "x")
    assert "'x' is not a whole number from 1 to" in told.said
    assert communities("seed", "--help").out.count("POSTS") == 1
    for words in (("user", "export"), ("user", "erase"), ("token",)):
        assert f"{' '.join(words)} [OPTIONS] {{USER}}" in communities(*words, "--help").out
    assert "replay [OPTIONS] [ID]…" in communities("outbox", "replay", "--help").out
    assert "%" not in communities("moderation", "remove", "--help").out


def test_invalid_settings_exit_with_1_and_print_one_line(communities: Communities) -> None:
    told = communities.run("migrate", PORT="x", RATE_LIMIT="much")
    assert (told.code, told.out) == (1, "")
    assert told.said.count("\n") == 1
    assert "PORT: " in told.said
    assert "RATE_LIMIT: " in told.said


def test_database_error_exits_with_1_and_prints_one_line(
    communities: Communities, empty_database_url: str
) -> None:
    told = communities.run("outbox", "status", DATABASE_URL=empty_database_url)
    assert (told.code, told.out) == (1, "")
    assert told.said.count("\n") == 1
    assert "communities migrate" in told.said


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
    """Sends Ctrl-C while the command waits for this table; it ends as it should."""
    with database.connect() as connection, connection.transaction():
        waits = (
            "select 1 from pg_locks where not granted and relation = %s::regclass "
            "and database = (select oid from pg_database where datname = current_database())"
        )
        eventually(lambda: connection.execute(waits, [table]).fetchone(), seconds=60)
        process.send_signal(signal.SIGINT)
        out, said = process.communicate(timeout=60)
        assert (process.returncode, out, said) == (130, "", "")
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
    """Returns the output of `counters verify` to a pipe, and to a terminal while it waits."""
    ours, theirs = pty.openpty()
    with database.connect() as connection, connection.transaction():
        connection.execute("lock table post")
        environment = {"TERM": "xterm", "COLUMNS": "80", **given}
        process = communities.start("counters", "verify", stderr=theirs, given=environment)
        os.close(theirs)
        shown = b""
        while b"counting" not in shown:
            shown += os.read(ours, 4096)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    os.close(ours)
    return out, shown.decode(errors="replace")


def test_progress_is_shown_only_on_a_terminal(
    communities: Communities, database: databases.Database
) -> None:
    out, shown = on_a_terminal(communities, database)
    assert out == "every counter is right\n"
    assert "\x1b[32m" in shown
    told = communities.run("counters", "verify")
    assert (told.out, told.said) == ("every counter is right\n", "")


def test_no_color_removes_colors(communities: Communities, database: databases.Database) -> None:
    _, shown = on_a_terminal(communities, database, NO_COLOR="1")
    assert "\x1b[32m" not in shown


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_shells_complete_commands_and_options(communities: Communities, shell: str) -> None:
    asked = f"source_{shell}"
    script = communities.run(_COMMUNITIES_COMPLETE=asked)
    assert script.code == 0
    assert "_COMMUNITIES_COMPLETE" in script.out
    given = {
        "_COMMUNITIES_COMPLETE": f"complete_{shell}",
        "_TYPER_COMPLETE_ARGS": "communities outbox re",
        "_TYPER_COMPLETE_FISH_ACTION": "get-args",
        "COMP_WORDS": "communities outbox re",
        "COMP_CWORD": "2",
    }
    assert "replay" in communities.run(**given).out
    shown = communities.run(
        "--show-completion", shell, _TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION="1"
    )
    assert "communities" in shown.out


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
    held = {str(path.relative_to(site)) for path in site.rglob("*") if path.is_file()}
    kept = {
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
    assert kept | {"workers/index/index_template.json"} <= held
    shutil.rmtree(source)
    # Another folder than the checkout's, and the wheel before what is installed here.
    given = {"PYTHONPATH": str(site), "DATABASE_URL": empty_database_url}
    told = communities.run("migrate", "--json", **given)
    assert told.code == 0, told.said
    assert told.rows()[0]["api_rebuilt"] is True
    told = communities.run("counters", "verify", **given)
    assert (told.code, told.out) == (0, "every counter is right\n")


def test_console_script_is_next_to_python() -> None:
    assert SCRIPT.is_file()
