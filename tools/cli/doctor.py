"""`communities doctor`: faults of an instance, with their remedies."""

import collections
import dataclasses
from typing import Annotated, Final

import typer

from tools import output

MARKS: Final = {
    "ok": ("ok", "green"),
    "warning": ("warning", "yellow"),
    "failure": ("FAILURE", "bold red"),
    "skipped": ("skipped", "dim"),
}


def doctor(
    deep: Annotated[bool, typer.Option("--deep", help="Recount every counter, too.")] = False,
    json: output.Json = False,
) -> None:
    """Checks settings, machine, stores, rights and workers; exit 1 on a failure.

    Example: communities doctor --deep
    """
    from rich import text

    from tools.doctor import run

    counts: collections.Counter[str] = collections.Counter()
    cells: list[list[str | text.Text]] = []
    for finding in run.run(deep):
        counts[finding.status] += 1
        if json:
            output.result(True, dataclasses.asdict(finding), "")
        mark, style = MARKS[finding.status]
        remedy = f"\n→ {finding.todo}" if finding.todo else ""
        cells.append([text.Text(mark, style), finding.check, f"{finding.found}{remedy}"])
    if not json:
        output.draw(("", "check", "found"), cells, headed=True)
    failures = output.counted(counts["failure"], "failure")
    warnings = output.counted(counts["warning"], "warning")
    output.note(f"{failures}, {warnings}, {counts['ok']} ok")
    raise SystemExit(1 if counts["failure"] else 0)
