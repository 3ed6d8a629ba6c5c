"""The end of tasks that run beside others."""

import asyncio
from typing import Any, Final

AGAIN: Final = 1.0  # seconds before a task that goes on is cancelled again


async def end(*tasks: asyncio.Future[Any]) -> None:
    """Cancels tasks until every one has ended, whatever its result.

    Once is not enough: before Python 3.12 asyncio.wait_for, which the client of Redis uses, loses a
    cancellation that comes in the moment of an answer.
    """
    going = {task for task in tasks if not task.done()}
    while going:
        for task in going:
            task.cancel()
        _, going = await asyncio.wait(going, timeout=AGAIN)
