"""Output of commands, by one rule for all.

The result goes to standard output: with `--json` as one JSON object a line, else as a sentence or a
table. Everything else goes to standard error.
"""

import contextlib
import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Annotated, Any, Final

import orjson
import typer
from rich import console, table, text

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object a line.")]
Row = Mapping[str, Any]

BROKEN_PIPE: Final = 141  # exit code that a shell reports for SIGPIPE
PAGE_ROWS: Final = 500  # rows that share column widths
UNLIMITED_WIDTH: Final = 100_000  # without a terminal no line is broken or cut


def counted(count: int, one: str, many: str | None = None) -> str:
    """Returns a number with its noun: 1 post, 2 posts."""
    return f"{count} {one if count == 1 else many or f'{one}s'}"


def whole(least: int, most: int) -> Callable[[Any], int]:
    """Returns a parser of an option that takes a whole number."""

    def number(value: Any) -> int:
        # Python refuses to read numbers of thousands of digits.
        if not re.fullmatch("[0-9]{1,20}", str(value)) or not least <= int(value) <= most:
            raise typer.BadParameter(f"{value!r} is not a whole number from {least} to {most}.")
        return int(value)

    return number


def note(message: str) -> None:
    """Prints a line to standard error."""
    print(message, file=sys.stderr, flush=True)


def confirm(question: str) -> bool:
    """Asks on standard error. Returns whether the answer is yes."""
    print(f"{question} [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def speaker(json: bool) -> Callable[[str], None]:
    """Returns the printer of a command's sentences, which `--json` keeps out of the result."""
    return note if json else line


def line(words: str) -> None:
    """Prints a line of the result. Ends the program without an error when its reader has ended."""
    try:
        print(words, flush=True)
    except BrokenPipeError:
        # Python would write the buffer again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(BROKEN_PIPE) from None


def result(json: bool, row: Row, sentence: str) -> None:
    """Prints a result of one row."""
    line(_dumped(row) if json else sentence)


@contextlib.contextmanager
def rows(json: bool, fields: Sequence[str], *, none: str) -> Iterator[Callable[[Row], None]]:
    """Prints a table. Yields a function that adds a row; `none` replaces an empty table."""
    pending: list[Row] = []
    shown = 0

    def add(row: Row) -> None:
        row = {field: row[field] for field in fields}
        if json:
            line(_dumped(row))
            return
        pending.append(row)
        if len(pending) == PAGE_ROWS:
            show()

    def show() -> None:
        nonlocal shown
        draw(fields, [[str(_cell(row[field])) for field in fields] for row in pending], shown == 0)
        shown += len(pending)
        pending.clear()

    yield add
    if pending:
        show()
    elif not shown and not json:
        line(none)


def draw(fields: Sequence[str], cells: Sequence[Sequence[str | text.Text]], headed: bool) -> None:
    """Prints a table, whose cells wrap only where the terminal is too narrow."""
    screen = console.Console(highlight=False)
    if not screen.is_terminal:
        screen.width = UNLIMITED_WIDTH
    grid = table.Table(box=None, show_header=headed, header_style="bold", pad_edge=False)
    for field in fields:
        grid.add_column(field, overflow="fold")
    for row in cells:
        grid.add_row(*(text.Text(cell) if isinstance(cell, str) else cell for cell in row))
    with screen.capture() as drawn:
        screen.print(grid)
    for each in drawn.get().splitlines():
        line(each.rstrip())


def _cell(value: Any) -> object:
    match value:
        case None:
            return "-"
        case bool():
            return "yes" if value else "no"
        case float():
            return round(value, 1)
        case dict() | list():
            return _dumped(value)
    return value


def _dumped(value: Any) -> str:
    return orjson.dumps(value).decode()
