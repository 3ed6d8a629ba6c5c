"""Threads for what blocks. Each store has its own, so that one that hangs holds up nobody else."""

import asyncio
import concurrent.futures
import contextlib
import threading
from collections.abc import Callable
from typing import Final, TypeVar

from service import problems

AT_ONCE: Final = 8
# As with connections to the database: behind so many others, or for longer, nobody waits.
MOST_WAITING: Final = 100 * AT_ONCE
PATIENCE: Final = 3.0  # seconds

T = TypeVar("T")


class Threads:
    """Asks so many questions at once, and has a few more wait for their turn."""

    def __init__(self) -> None:
        self._free = asyncio.Semaphore(AT_ONCE)
        self._waiting = 0

    async def ask(self, question: Callable[[], T]) -> T:
        """The answer. Raises Problem 503 when all threads are busy, and stay so."""
        await self._turn()
        loop = asyncio.get_running_loop()

        def ask() -> T:
            try:
                return question()
            finally:
                # Whoever asked may have gone meanwhile, and at the end the loop too.
                with contextlib.suppress(RuntimeError):
                    loop.call_soon_threadsafe(self._free.release)

        return await apart(ask)

    async def _turn(self) -> None:
        if self._waiting >= MOST_WAITING:
            raise problems.unavailable()
        self._waiting += 1
        try:
            async with asyncio.timeout(PATIENCE):
                await self._free.acquire()
        except TimeoutError:
            raise problems.unavailable() from None
        finally:
            self._waiting -= 1


async def apart(question: Callable[[], T]) -> T:
    """The answer to what blocks, asked in a thread of its own.

    Unlike one of asyncio's threads it does not hold up the end of the process.
    """
    answer: concurrent.futures.Future[T] = concurrent.futures.Future()
    answer.set_running_or_notify_cancel()

    def ask() -> None:
        try:
            answer.set_result(question())
        except BaseException as error:
            answer.set_exception(error)

    threading.Thread(target=ask, daemon=True).start()
    return await asyncio.wrap_future(answer)
