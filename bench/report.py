"""Report of the results, as a table or as JSON."""

import os
import platform
import statistics
import sys
from dataclasses import asdict, dataclass, field
from typing import Any

from rich import console, table

from bench import load


@dataclass
class Result:
    """Results of the rounds of a workload. Rates are per second, times in milliseconds."""

    workload: str
    http: list[float] = field(default_factory=list)
    pgbench: list[float] = field(default_factory=list)
    bare_update: list[float] = field(default_factory=list)
    latencies: list[float] = field(default_factory=list)
    clients_cpu: list[float] = field(default_factory=list)

    def add(self, outcome: load.Outcome) -> None:
        self.http.append(len(outcome.latencies) / outcome.elapsed)
        self.latencies += [seconds * 1000 for seconds in outcome.latencies]
        self.clients_cpu.append(outcome.cpu / outcome.elapsed)

    def summary(self) -> dict[str, float | None]:
        http, direct = statistics.median(self.http), statistics.median(self.pgbench)
        bare = statistics.median(self.bare_update) if self.bare_update else None
        percentiles = statistics.quantiles(self.latencies, n=100)
        return {
            "http_per_s": http,
            "pgbench_per_s": direct,
            "http_to_pgbench": http / direct,
            "bare_update_per_s": bare,
            "http_to_bare_update": http / bare if bare else None,
            "pgbench_to_bare_update": direct / bare if bare else None,
            "p50_ms": percentiles[49],
            "p99_ms": percentiles[98],
            "clients_cpu": statistics.median(self.clients_cpu),
        }


@dataclass(frozen=True, kw_only=True)
class Conditions:
    """Conditions of a run."""

    scale: int
    rounds: int
    seconds: float
    clients: int
    pool: int
    postgres: str
    fsync: str
    synchronous_commit: str
    python: str = platform.python_version()
    cpus: int | None = os.cpu_count()


def as_table(conditions: Conditions, results: list[Result]) -> table.Table:
    title = (
        f"{conditions.scale:,} posts, {conditions.clients} clients, medians of {conditions.rounds} "
        f"rounds of {conditions.seconds:g} s; {conditions.cpus} CPUs, PostgreSQL "
        f"{conditions.postgres}, fsync {conditions.fsync}, "
        f"synchronous_commit {conditions.synchronous_commit}"
    )
    result_table = table.Table(title=title, title_justify="left")
    result_table.add_column("")
    headings = ("HTTP/s", "pgbench/s", "ratio", "bare/s", "ratio", "p50 ms", "p99 ms")
    for heading in (*headings, "clients"):
        result_table.add_column(heading, justify="right")
    for result in results:
        row = result.summary()
        result_table.add_row(
            result.workload,
            _rate(row["http_per_s"]),
            _rate(row["pgbench_per_s"]),
            _ratio(row["http_to_pgbench"]),
            _rate(row["bare_update_per_s"]),
            _ratio(row["http_to_bare_update"]),
            f"{row['p50_ms']:.1f}",
            f"{row['p99_ms']:.1f}",
            f"{row['clients_cpu']:.0%}",
        )
    return result_table


def as_json(conditions: Conditions, results: list[Result]) -> dict[str, Any]:
    return {
        "conditions": asdict(conditions),
        "results": [
            {
                "workload": result.workload,
                **result.summary(),
                "rounds": {
                    "http_per_s": result.http,
                    "pgbench_per_s": result.pgbench,
                    "bare_update_per_s": result.bare_update,
                },
            }
            for result in results
        ],
    }


def show(conditions: Conditions, results: list[Result]) -> None:
    # Output that is not a terminal gets the full width of the table.
    screen = console.Console(width=None if sys.stdout.isatty() else 120)
    screen.print(as_table(conditions, results))


def _rate(value: float | None) -> str:
    return "" if value is None else f"{value:,.0f}"


def _ratio(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"
