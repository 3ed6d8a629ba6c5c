"""Progress on standard error, if that is a terminal."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich import console, progress

Advance = Callable[[int], None]


@contextmanager
def bar(title: str, total: int) -> Iterator[Advance]:
    """Shows a progress bar during the block. Yields a function that advances it."""
    columns = (
        progress.TextColumn("{task.description}"),
        progress.BarColumn(),
        progress.MofNCompleteColumn(),
        progress.TimeElapsedColumn(),
        progress.TextColumn("left"),
        progress.TimeRemainingColumn(),
    )
    with _shown(columns, title, total) as advance:
        yield advance


@contextmanager
def count(title: str, unit: str) -> Iterator[Advance]:
    """Shows a counter without a known end during the block. Yields a function that advances it."""
    columns = (
        progress.SpinnerColumn(),
        progress.TextColumn("{task.description}"),
        progress.TextColumn("{task.completed:,} " + unit),
        progress.TimeElapsedColumn(),
    )
    with _shown(columns, title, None) as advance:
        yield advance


@contextmanager
def busy(title: str) -> Iterator[None]:
    """Shows a spinner during the block."""
    columns = (progress.SpinnerColumn(), progress.TextColumn("{task.description}"))
    with _shown(columns, title, None):
        yield


@contextmanager
def _shown(
    columns: tuple[progress.ProgressColumn, ...], title: str, total: int | None
) -> Iterator[Advance]:
    screen = console.Console(stderr=True)
    with progress.Progress(
        *columns,
        console=screen,
        disable=not screen.is_terminal,
        transient=True,
        # Lines that the block prints to the same terminal appear above the bar.
        redirect_stdout=sys.stdout.isatty(),
        redirect_stderr=False,
    ) as shown:
        task = shown.add_task(title, total=total)
        yield lambda steps: shown.advance(task, steps)
