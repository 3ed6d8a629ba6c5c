"""The bench asks each thing once on each side, says what came of it, and leaves nothing behind."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from bench import load, pgbench, report
from common import settings as configuration
from tools.paths import ROOT


def plan(**given: object) -> load.Plan:
    values: dict[str, object] = {
        "port": 1,
        "clients": 32,
        "seconds": 1,
        "method": "POST",
        "paths": ["/reactions"],
        "tokens": [f"token-{number}" for number in range(50)],
        "bodies": ["heart", "fire", "frog", "tea"],
        "expected_status": 201,
    }
    return load.Plan(**{**values, **given})  # type: ignore[arg-type]


def test_requests_differ_in_token_or_body() -> None:
    assert len({plan().request(k) for k in range(50 * 4)}) == 50 * 4


def test_request_is_plain_http_with_its_length_in_bytes() -> None:
    head, _, body = plan(bodies=["🐈"]).request(0).partition(b"\r\n\r\n")
    assert head.startswith(b"POST /reactions HTTP/1.1\r\nHost: 127.0.0.1:1\r\n")
    assert b"Authorization: Bearer token-0\r\n" in head
    assert head.endswith(b"Content-Length: 4")
    assert body.decode() == "🐈"


def test_pgbench_gets_the_statement_with_an_expression_for_each_parameter() -> None:
    script = pgbench.script(
        "select f(%(actor)s::uuid, %(text)s::text)\n",
        {"actor": "id(:user)", "text": pgbench.literal("it's")},
        {"user": ":k % 5"},
    )
    assert script.splitlines()[-2:] == [
        r"\set user :k % 5",
        "select f(id(:user)::uuid, 'it''s'::text);",
    ]


def test_result_has_the_median_of_rounds_and_percentiles_of_all_requests() -> None:
    result = report.Result("work", pgbench=[20.0, 40.0, 80.0], bare_update=[400.0])
    for count in (10, 20, 60):
        result.add(load.Outcome(latencies=[0.001] * count, elapsed=1.0, cpu=0.25))
    summary = result.summary()
    assert summary["http_per_s"] == 20
    assert summary["http_to_pgbench"] == 0.5
    assert summary["http_to_bare_update"] == 0.05
    assert summary["p99_ms"] == pytest.approx(1)
    assert summary["clients_cpu"] == 0.25


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    inherited = {
        name: value for name, value in os.environ.items() if name not in configuration.names()
    }
    return {**inherited, "DATA_DIR": str(tmp_path)}


def command(*options: str) -> list[str]:
    return [sys.executable, "-m", "bench", "--scale=300", "--rounds=1", "--seconds=8", *options]


def processes_in(folder: Path) -> list[str]:
    """Returns the processes whose environment names the folder."""
    found = []
    for process in psutil.process_iter():
        try:
            if str(folder) in process.environ().get("DATA_DIR", ""):
                found.append(" ".join(process.cmdline()))
        except (psutil.Error, OSError):
            continue
    return found


@pytest.mark.slow
def test_run_compares_both_sides_and_stops_its_processes(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    results = tmp_path / "results.json"
    done = subprocess.run(
        command("--only=one post", f"--json={results}"),
        env=environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(results.read_text())
    assert found["conditions"]["fsync"] == "on"
    assert [result["workload"] for result in found["results"]] == ["one post", "react on one post"]
    for result in found["results"]:
        assert result["http_to_pgbench"] > 0
        assert result["workload"] in done.stdout
    assert found["results"][1]["http_to_bare_update"] > 0
    assert processes_in(tmp_path) == []


@pytest.mark.slow
def test_interrupted_run_stops_its_processes(tmp_path: Path, environment: dict[str, str]) -> None:
    with subprocess.Popen(
        command("--rounds=100"), env=environment, cwd=ROOT, start_new_session=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    ) as run:  # fmt: skip
        deadline = time.monotonic() + 60
        while not any("pgbench" in line for line in processes_in(tmp_path)):
            assert run.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.1)
        # As a terminal does it: to all that run in the foreground.
        os.killpg(run.pid, signal.SIGINT)
        run.wait(timeout=60)
    assert processes_in(tmp_path) == []
