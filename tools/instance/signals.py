"""Handling of Ctrl-C, TERM and HUP: raised as an interrupt, deferred, or ignored."""

import signal
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_interrupts: list[int] = []


@contextmanager
def as_interrupt() -> Iterator[None]:
    """Makes signals that stop the program raise KeyboardInterrupt, so that it cleans up.

    This includes SIGINT, which a shell ignores for background commands. HUP stays ignored under
    nohup.
    """
    is_nohup = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    numbers = [number for number in STOPPING if not (is_nohup and number == signal.SIGHUP)]

    def interrupt(number: int, _frame: FrameType | None) -> None:
        _interrupts.append(number)
        raise KeyboardInterrupt

    _interrupts.clear()
    with _handled(numbers, interrupt):
        yield


def check() -> None:
    """Raises an interrupt again that arrived in a finalizer, which Python ignores there.

    Loops that wait call it.
    """
    if _interrupts:
        raise KeyboardInterrupt


@contextmanager
def deferred() -> Iterator[None]:
    """Defers signals to the end of the block, so that it completes."""
    arrived: list[int] = []

    def remember(number: int, _frame: FrameType | None) -> None:
        arrived.append(number)

    with _handled(STOPPING, remember):
        yield
    if arrived:
        signal.raise_signal(arrived[0])


@contextmanager
def ignored() -> Iterator[None]:
    """Ignores signals, so that a second Ctrl-C does not interrupt the cleanup."""
    with _handled(STOPPING, signal.SIG_IGN):
        yield


@contextmanager
def _handled(
    numbers: Iterable[int], handler: signal.Handlers | Callable[[int, Any], Any]
) -> Iterator[None]:
    previous = {number: signal.signal(number, handler) for number in numbers}
    try:
        yield
    finally:
        for number, before in previous.items():
            signal.signal(number, before)
