"""Blocking calls to a store, run in threads.

Each store has its own limit, so that a hanging store does not delay calls to others.
"""

import asyncio
import concurrent.futures
import contextlib
import threading
from collections.abc import Callable
from typing import Final, TypeVar

from common import outages

CONCURRENCY: Final = 8
# The database pool refuses callers at the same multiple and after the same time.
MAX_WAITING: Final = 100 * CONCURRENCY
QUEUE_TIMEOUT_SECONDS: Final = 3.0

T = TypeVar("T")


class BlockingCalls:
    """Queue of calls to one store, of which up to CONCURRENCY run at a time."""

    def __init__(self, store: str) -> None:
        self._store = store
        self._free = asyncio.Semaphore(CONCURRENCY)
        self._waiting = 0

    async def run(self, call: Callable[[], T]) -> T:
        """Returns the result of the call, or raises its exception.

        Raises StoreUnavailable when no thread is free within QUEUE_TIMEOUT_SECONDS, or when
        MAX_WAITING callers queue already.
        """
        await self._acquire()
        loop = asyncio.get_running_loop()

        def run() -> T:
            try:
                return call()
            finally:
                # The caller may have been cancelled, and at shutdown the loop may be closed.
                with contextlib.suppress(RuntimeError):
                    loop.call_soon_threadsafe(self._free.release)

        return await in_thread(run)

    async def _acquire(self) -> None:
        if self._waiting >= MAX_WAITING:
            raise outages.StoreUnavailable(self._store)
        self._waiting += 1
        try:
            async with asyncio.timeout(QUEUE_TIMEOUT_SECONDS):
                await self._free.acquire()
        except TimeoutError:
            raise outages.StoreUnavailable(self._store) from None
        finally:
            self._waiting -= 1


async def in_thread(call: Callable[[], T]) -> T:
    """Returns the result of a blocking call, run in a daemon thread.

    Unlike a thread of asyncio's executor, a daemon thread does not delay the end of the process.
    """
    result: concurrent.futures.Future[T] = concurrent.futures.Future()
    result.set_running_or_notify_cancel()

    def run() -> None:
        try:
            result.set_result(call())
        except BaseException as error:
            result.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    return await asyncio.wrap_future(result)
