"""`make run` and its stack, as they are started, stopped, killed and got in the way of."""

import contextlib
import os
import re
import signal
import socket
import stat
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import psycopg
import pytest

from common.settings import Settings
from development import databases, testing
from tests.support import checkouts
from tests.support.waiting import eventually
from tools.instance import logins, parts, processes, serve, signals, stack, unprivileged


@pytest.fixture
def checkout(tmp_path: Path) -> Iterator[checkouts.Checkout]:
    # pytest makes its folders for their owner alone, as `mktemp -d` does: as root, this is also
    # the checkout that PostgreSQL's own user may not enter.
    assert stat.S_IMODE(tmp_path.parent.stat().st_mode) == 0o700
    checkout = checkouts.make(tmp_path / "checkout")
    yield checkout
    checkout.close()


@pytest.mark.slow
def test_run_serves_until_ctrl_c_and_starts_again(checkout: checkouts.Checkout) -> None:
    first = checkout.run()
    welcome = first.wait_until_it_serves()
    assert "seeded" in welcome
    assert f"{first.origin}/docs" in welcome
    assert "Ada" in welcome
    token = checkout.tool("token", "01900000-0000-7000-8000-000000000001").stdout
    assert token.count(".") == 2

    other = checkout.tool("run", PORT=str(stack.free_port()))
    assert other.returncode == 1
    assert other.stderr.count("\n") == 1
    assert "in use by another" in other.stderr

    assert first.end(signal.SIGINT) == 0
    assert "Traceback" not in first.text
    assert checkout.nothing_runs()

    # The second start makes nothing again.
    cluster = checkout.data_dir / "postgres" / "cluster" / "PG_VERSION"
    made = cluster.stat()
    second = checkout.run()
    assert "seeded" not in second.wait_until_it_serves()
    assert cluster.stat() == made
    # TERM comes to the one process, not to its group.
    second.process.terminate()
    assert second.wait() == 0
    assert "Traceback" not in second.text
    assert checkout.nothing_runs()


@pytest.mark.slow
def test_start_after_a_kill_stops_the_leftovers(checkout: checkouts.Checkout) -> None:
    first = checkout.run()
    first.wait_until_it_serves()
    os.kill(first.process.pid, signal.SIGKILL)
    first.wait()
    leftovers = checkout.left_running()
    assert len(leftovers) > 4

    # On the same port: what served there is stopped first.
    second = checkout.run(PORT=first.origin.rpartition(":")[2])
    second.wait_until_it_serves()
    assert not [process for process in leftovers if processes.runs(process)]
    assert second.end(signal.SIGTERM) == 0
    assert checkout.nothing_runs()


@pytest.mark.slow
def test_interrupted_first_start_leaves_nothing(checkout: checkouts.Checkout) -> None:
    for moment in (0.6, 0.9, 1.2):
        run = checkout.run()
        time.sleep(moment)
        run.end(signal.SIGINT)
        assert checkout.nothing_runs()
    run = checkout.run()
    run.wait_until_it_serves()
    assert run.end(signal.SIGINT) == 0


@pytest.mark.slow
def test_killed_server_or_store_serves_again(checkout: checkouts.Checkout) -> None:
    # Two server processes: those that a killed supervisor leaves behind still hold the port.
    run = checkout.run(WEB_CONCURRENCY="2")
    run.wait_until_it_serves()
    for name in ("service", "relay", "redis", "postgres"):
        # The second kill comes within three seconds of a start.
        for _ in range(2):
            killed = checkout.record(name)
            os.kill(killed.pid, signal.SIGKILL)
            pid = _wait_until_it_serves_without(killed, run, checkout)
            if name == "service":
                assert psutil.Process(pid).create_time() > killed.created
    assert run.end(signal.SIGINT) == 0
    assert "Traceback" not in run.text
    assert checkout.nothing_runs()


def _wait_until_it_serves_without(
    killed: processes.Record, run: checkouts.Run, checkout: checkouts.Checkout
) -> int:
    """Returns the id of the server process that answered."""
    deadline = time.monotonic() + checkouts.TIMEOUT_SECONDS
    while time.monotonic() < deadline and run.process.poll() is None:
        # Read at every moment of the restart: the record is always there.
        record = checkout.record(killed.name)
        if record.pid != killed.pid and record.process() is not None:
            with contextlib.suppress(httpx.TransportError):
                answer = httpx.get(f"{run.origin}/healthz")
                if answer.is_success:
                    return int(answer.text)
        time.sleep(0.02)
    raise AssertionError(run.text)


@pytest.mark.slow
def test_process_that_dies_five_times_in_a_minute_ends_the_run(
    checkout: checkouts.Checkout,
) -> None:
    (checkout.root / "workers" / "indexer.py").write_text('raise SystemExit("out of ink")')
    run = checkout.run()
    assert run.wait() == 1
    pauses = re.findall(r"indexer died\. Restarting it in ([0-9.]+) s\.", run.text)
    assert pauses == ["0.2", "0.4", "0.8", "1.6"]
    end = run.text[run.text.index("indexer died 5 times in a minute.") :]
    assert "out of ink" in end
    assert "Traceback" not in run.text
    assert checkout.nothing_runs()


def test_port_in_use_is_reported_in_one_line(checkout: checkouts.Checkout) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        for variable in ("PORT", "REDIS_PORT"):
            done = checkout.tool("run", **{"PORT": str(stack.free_port()), variable: port})
            assert done.returncode == 1
            assert done.stderr.count("\n") == 1
            assert done.stderr.startswith(f"{variable} {port} is in use")
    assert checkout.nothing_runs()


@pytest.mark.parametrize(
    ("variable", "url"),
    [
        ("DATABASE_URL", "postgresql://user:sesame@127.0.0.1:{port}/db"),
        ("REDIS_URL", "redis://:sesame@127.0.0.1:{port}/0"),
        ("S3_ENDPOINT_URL", "http://127.0.0.1:{port}"),
        ("OPENSEARCH_URL", "http://user:sesame@127.0.0.1:{port}"),
    ],
)
def test_unreachable_store_is_reported_in_one_line(
    checkout: checkouts.Checkout, variable: str, url: str
) -> None:
    keys = {"S3_ACCESS_KEY": "sesame", "S3_SECRET_KEY": "sesame"}
    given = {variable: url.format(port=stack.free_port()), **(keys if "S3" in variable else {})}
    done = checkout.tool("run", PORT="0", **given)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith(f"{variable}: 127.0.0.1:")
    assert "sesame" not in done.stderr
    assert checkout.nothing_runs()


@pytest.mark.slow
def test_configured_stores_replace_the_embedded_ones(
    checkout: checkouts.Checkout, test_stack: stack.Stack, empty_database_url: str, redis_url: str
) -> None:
    run = checkout.run(
        **{**test_stack.urls, "DATABASE_URL": empty_database_url, "REDIS_URL": redis_url}
    )
    run.wait_until_it_serves()
    records = [record.name for record in processes.Folder(checkout.data_dir).records()]
    assert sorted(records) == sorted(["service", *serve.WORKERS])
    # A second command finds the running instance's database, though nothing tells it of one.
    assert checkout.tool("migrate").stdout == (
        "tables: already up to date\napi: already up to date\n"
    )
    assert run.end(signal.SIGINT) == 0


@pytest.mark.slow
def test_each_server_has_the_login_of_a_deployment(tmp_path: Path) -> None:
    checkout = checkouts.real(tmp_path / "real")
    settings = testing.settings().model_copy(update={"data_dir": checkout.data_dir})
    logged_in = """
        select distinct application_name, usename::text from pg_stat_activity
        where application_name in (
          'communities-service', 'communities-streams', 'communities-search'
        )
        """
    try:
        checkout.run().wait_until_it_serves()
        with (
            stack.borrowed(settings, ["postgres"]) as running,
            psycopg.connect(running.superuser_url, autocommit=True) as connection,
        ):
            eventually(
                lambda: (
                    sorted(connection.execute(logged_in).fetchall())
                    == [
                        ("communities-search", logins.WORKERS),
                        ("communities-service", logins.API),
                        ("communities-streams", logins.WORKERS),
                    ]
                ),
                seconds=checkouts.TIMEOUT_SECONDS,
            )
    finally:
        checkout.close()


def test_logins_of_servers_touch_no_table_and_create_nothing(
    test_stack: stack.Stack, database: databases.Database
) -> None:
    for login in (logins.API, logins.WORKERS):
        url = test_stack.as_login(database.url, login)
        with psycopg.connect(url, autocommit=True) as connection:
            for statement in (
                "create temporary table t ()",
                "create table t ()",
                "select from post",
                "set role communities_owner",
            ):
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    connection.execute(statement)


def test_any_user_can_run_it(checkout: checkouts.Checkout) -> None:
    if os.geteuid() == 0:
        nobody = unprivileged.account_for(checkout.data_dir)
        for path in [checkout.root, *checkout.root.rglob("*")]:
            nobody.own(path)
        # Reading past file modes, for the interpreter may be in root's home.
        checkout.prefix = nobody.command_prefix()
    run = checkout.run()
    run.wait_until_it_serves()
    assert 0 not in [process.uids().effective for process in checkout.left_running()]
    assert run.end(signal.SIGINT) == 0
    assert checkout.nothing_runs()


def test_last_borrower_stops_the_stores_of_the_first(tmp_path: Path) -> None:
    settings = _settings(tmp_path)
    with stack.borrowed(settings, ["redis"], make=parts.make_fast) as first:
        with stack.borrowed(settings, ["redis", "opensearch"], make=parts.make_fast) as second:
            assert second.records[0] == first.records[0]
            assert [record.name for record in second.records] == ["redis", "opensearch"]
        assert all(record.process() for record in second.records)
    assert not any(record.process() for record in second.records)


def test_kept_stack_runs_until_it_is_stopped(tmp_path: Path) -> None:
    settings = _settings(tmp_path)
    with stack.borrowed(settings, ["redis"], make=parts.make_fast, keep=True) as kept:
        pass
    with stack.borrowed(settings, ["redis"], make=parts.make_fast) as running:
        assert running.records == kept.records
    assert running.records[0].process()
    assert stack.stop_kept(settings)
    assert not stack.stop_kept(settings)
    assert running.records[0].process() is None


def test_embedded_store_keeps_its_port(tmp_path: Path) -> None:
    settings = _settings(tmp_path)
    with stack.borrowed(settings, ["redis"], make=parts.make_fast) as first:
        pass
    with stack.borrowed(settings, ["redis"], make=parts.make_fast) as second:
        assert second.urls == first.urls


def test_secrets_are_for_their_owner_alone(tmp_path: Path) -> None:
    settings = _settings(tmp_path)
    with stack.borrowed(settings, make=parts.make_fast) as running:
        for path in settings.data_dir.rglob("*"):
            if path.is_file() and "cluster" not in path.parts:
                text = path.read_text(errors="replace")
                if any(secret in text for secret in _secrets(settings)):
                    assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
        for record in running.records:
            process = record.process()
            assert process is not None
            assert not any(secret in " ".join(process.cmdline()) for secret in _secrets(settings))


def test_other_process_with_a_recorded_id_is_not_stopped(tmp_path: Path) -> None:
    folder = processes.Folder(tmp_path)
    stranger = processes.start(
        processes.Folder(tmp_path / "other"), "sleep", ["sleep", "60"], environment=dict(os.environ)
    )
    record = processes.Record("sleep", stranger.pid, stranger.created - 100, signal.SIGTERM)
    folder.record("").parent.mkdir()
    processes.stop(folder, [record], timeout=1)
    assert stranger.process()
    processes.stop(processes.Folder(tmp_path / "other"), [stranger])
    assert stranger.process() is None


def test_server_that_ignores_term_is_killed_with_its_children(tmp_path: Path) -> None:
    folder = processes.Folder(tmp_path)
    script = "trap '' TERM; sleep 60 & echo $! >&2; wait; sleep 60"
    record = processes.start(folder, "deaf", ["sh", "-c", script], environment=dict(os.environ))
    while not folder.log("deaf").read_text():
        time.sleep(0.02)
    child = psutil.Process(int(folder.log("deaf").read_text()))
    processes.end(folder, [record], timeout=0.5)
    assert record.process() is None
    assert not processes.runs(child)


def test_record_stays_until_its_process_is_stopped_or_replaced(tmp_path: Path) -> None:
    folder = processes.Folder(tmp_path)
    first = processes.start(folder, "sleep", ["sleep", "60"], environment=dict(os.environ))
    processes.end(folder, [first])
    assert folder.records() == [first]
    second = processes.start(folder, "sleep", ["sleep", "60"], environment=dict(os.environ))
    assert folder.records() == [second]
    processes.stop(folder, [second])
    assert folder.records() == []


def _settings(folder: Path) -> Settings:
    return testing.settings().model_copy(update={"data_dir": folder / "data"})


def _secrets(settings: Settings) -> list[str]:
    return [path.read_text() for path in (settings.data_dir / "secrets").iterdir()]


class _Finalized:
    """Object whose finalizer receives a signal. Python ignores exceptions there."""

    def __del__(self) -> None:
        signal.raise_signal(signal.SIGTERM)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_interrupt_in_a_finalizer_is_raised_at_the_next_check() -> None:
    with signals.as_interrupt():
        signals.check()
        _Finalized()
        with pytest.raises(KeyboardInterrupt):
            signals.check()
