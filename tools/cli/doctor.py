"""`communities doctor`: what is wrong, and what to do about it."""

import dataclasses
from typing import TYPE_CHECKING, Annotated, Final

import typer

from tools import output

if TYPE_CHECKING:
    from tools.doctor import Finding

MARKS: Final = {
    "ok": ("ok", "green"),
    "warning": ("warning", "yellow"),
    "failure": ("FAILURE", "bold red"),
    "skipped": ("skipped", "dim"),
}


def doctor(
    deep: Annotated[
        bool, typer.Option("--deep", help="Recount every counter as well, which takes a while.")
    ] = False,
    json: output.Json = False,
) -> None:
    """Checks settings, machine, stores, rights and workers; exit 1 on a failure.

    Example: communities doctor --deep
    """
    from tools import doctor as checks

    found = []
    for finding in checks.look(deep):
        found.append(finding)
        if json:
            output.result(True, dataclasses.asdict(finding), "")
    if not json:
        _show(found)
    counts = {status: sum(each.status == status for each in found) for status in MARKS}
    failures = output.counted(counts["failure"], "failure")
    warnings = output.counted(counts["warning"], "warning")
    output.note(f"{failures}, {warnings}, {counts['ok']} ok")
    raise SystemExit(1 if counts["failure"] else 0)


def _show(found: "list[Finding]") -> None:
    from rich import text

    cells: list[list[str | text.Text]] = []
    for each in found:
        words, style = MARKS[each.status]
        advice = f"\n→ {each.todo}" if each.todo else ""
        cells.append([text.Text(words, style), each.check, f"{each.found}{advice}"])
    output.draw(("", "check", "found"), cells, headed=True)
