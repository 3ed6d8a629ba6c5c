"""Progress on a terminal; nothing where there is none."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext

from rich import console, progress

Advance = Callable[[int], None]


@contextmanager
def bar(title: str, total: int) -> Iterator[Advance]:
    """A bar that goes away when it is done; calling what it yields moves it on."""
    screen = _screen()
    columns = (
        progress.TextColumn("{task.description}"),
        progress.BarColumn(),
        progress.MofNCompleteColumn(),
        progress.TimeElapsedColumn(),
        progress.TextColumn("left"),
        progress.TimeRemainingColumn(),
    )
    with progress.Progress(
        *columns, console=screen, disable=not screen.is_terminal, transient=True
    ) as shown:
        task = shown.add_task(title, total=total)
        yield lambda steps: shown.advance(task, steps)


@contextmanager
def busy(title: str) -> Iterator[None]:
    """A sign of life while something runs whose end nobody knows."""
    screen = _screen()
    with screen.status(title) if screen.is_terminal else nullcontext():
        yield


def _screen() -> console.Console:
    return console.Console(stderr=True)
