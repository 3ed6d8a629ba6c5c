"""Cancellation of background tasks."""

import asyncio
from typing import Any, Final

RETRY_SECONDS: Final = 1.0


async def cancel_all(*tasks: asyncio.Future[Any]) -> None:
    """Cancels tasks until every one has ended, with or without an error.

    One cancellation is not enough: before Python 3.12 asyncio.wait_for, which the Redis client
    uses, loses a cancellation that arrives together with a result.
    """
    running = {task for task in tasks if not task.done()}
    while running:
        for task in running:
            task.cancel()
        _, running = await asyncio.wait(running, timeout=RETRY_SECONDS)
