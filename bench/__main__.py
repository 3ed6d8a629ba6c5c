"""`python -m bench`: measures the service over HTTP, and the same SQL by pgbench."""

import subprocess
import sys
from pathlib import Path
from typing import Annotated

import orjson
import psycopg
import typer

from bench import load, pgbench, report, target, workloads
from tools import progress
from tools.failure import Failure
from tools.instance import signals
from tools.paths import ROOT

_WARM_UP_SECONDS = 1.0


app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def run(
    scale: Annotated[int, typer.Option(min=1, help="Posts in the database.")] = 100_000,
    rounds: Annotated[int, typer.Option(min=1, help="Rounds of each workload.")] = 5,
    seconds: Annotated[int, typer.Option(min=1, help="Duration of each side of a round.")] = 3,
    only: Annotated[str, typer.Option(help="Run only workloads with this in their name.")] = "",
    json: Annotated[Path | None, typer.Option(help="Also write the results to this file.")] = None,
) -> None:
    """Measures the service over HTTP, and the same SQL by pgbench."""
    with signals.as_interrupt(), target.running(scale) as measured:
        chosen = [work for work in workloads.all_of(workloads.Data(measured)) if only in work.name]
        if not chosen:
            raise Failure(f"No workload has a name with {only!r}. Omit --only to run all.")
        with progress.bar("", len(chosen) * (rounds + 1)) as advance:
            results = [_measure(measured, work, rounds, float(seconds), advance) for work in chosen]
        conditions = _conditions(measured, scale=scale, rounds=rounds, seconds=float(seconds))
    report.show(conditions, results)
    if json is not None:
        json.write_bytes(
            orjson.dumps(report.as_json(conditions, results), option=orjson.OPT_INDENT_2)
        )


def _measure(
    measured: target.Target,
    work: workloads.Workload,
    rounds: int,
    seconds: float,
    advance: progress.Advance,
) -> report.Result:
    """Runs rounds of both sides in turn, so that a slow moment of the machine affects both."""
    result = report.Result(work.name)
    for number in range(rounds + 1):
        is_warm_up = number == 0
        kept = report.Result(work.name) if is_warm_up else result
        _round(measured, work, _WARM_UP_SECONDS if is_warm_up else seconds, kept)
        advance(1)
    return result


def _round(
    measured: target.Target, work: workloads.Workload, seconds: float, result: report.Result
) -> None:
    plan, script = work.round()
    result.add(_run_clients(plan, seconds))
    url = measured.database_url
    result.pgbench.append(pgbench.run(url, script, clients=plan.clients, seconds=seconds))
    if work.bare is not None:
        result.bare_update.append(
            pgbench.run(url, work.bare, clients=plan.clients, seconds=seconds)
        )


def _run_clients(plan: load.Plan, seconds: float) -> load.Outcome:
    done = subprocess.run(
        [sys.executable, "-m", "bench.load"],
        input=orjson.dumps({**vars(plan), "seconds": seconds}),
        capture_output=True,
        cwd=ROOT,
        check=False,
    )
    if done.returncode != 0:
        raise Failure(f"The HTTP clients failed: {done.stderr.decode()[-2000:]}")
    outcome = load.Outcome(**orjson.loads(done.stdout))
    if outcome.failure is not None or not outcome.latencies:
        raise Failure(f"A request failed: {outcome.failure}")
    return outcome


def _conditions(
    measured: target.Target, *, scale: int, rounds: int, seconds: float
) -> report.Conditions:
    with psycopg.connect(measured.database_url) as connection:
        row = connection.execute(
            """
            select current_setting('server_version'), current_setting('fsync'),
              current_setting('synchronous_commit')
            """
        ).fetchone()
    assert row is not None
    return report.Conditions(
        scale=scale,
        rounds=rounds,
        seconds=seconds,
        clients=workloads.CLIENTS,
        pool=measured.settings.db_pool_size,
        postgres=row[0].partition(" ")[0],
        fsync=row[1],
        synchronous_commit=row[2],
    )


if __name__ == "__main__":
    app()
