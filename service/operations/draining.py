"""Shutdown after TERM: /readyz fails, later sockets are dropped and the server stops."""

import asyncio
import contextlib
import signal
import threading
from collections.abc import Awaitable, Callable, Iterator
from types import FrameType

import structlog


class Drain:
    """Sequence between TERM and the end of the process."""

    def __init__(self, begin: Callable[[], None], leave: Callable[[], Awaitable[None]]) -> None:
        self._begin = begin
        self._leave = leave
        self._is_urgent = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    @contextlib.contextmanager
    def on_term(self, seconds: float) -> Iterator[None]:
        """Serves for `seconds` after TERM while /readyz fails. A second TERM ends the wait."""
        stop = signal.getsignal(signal.SIGTERM)
        # This handler replaces the server's own one, and calls it at the end.
        if not callable(stop) or threading.current_thread() is not threading.main_thread():
            yield
            return
        loop = asyncio.get_running_loop()

        def term(_number: int, _frame: FrameType | None) -> None:
            loop.call_soon_threadsafe(self._start, seconds, lambda: stop(signal.SIGTERM, None))

        signal.signal(signal.SIGTERM, term)
        try:
            yield
        finally:
            signal.signal(signal.SIGTERM, stop)

    def _start(self, seconds: float, stop: Callable[[], object]) -> None:
        if self._task is None:
            self._begin()
            structlog.get_logger().info("draining", seconds=seconds)
            self._task = asyncio.get_running_loop().create_task(self._run(seconds, stop))
        else:
            self._is_urgent.set()

    async def _run(self, seconds: float, stop: Callable[[], object]) -> None:
        try:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._is_urgent.wait()
            await self._leave()
        finally:
            stop()
