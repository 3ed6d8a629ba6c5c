"""Limits of the threads that run blocking calls of a store."""

import asyncio
import threading
from collections.abc import Iterator

import pytest

from common import blocking_calls, outages


@pytest.fixture
def answer() -> Iterator[threading.Event]:
    """Yields an event that makes the store answer, and sets it at the end."""
    answer = threading.Event()
    yield answer
    answer.set()


async def test_thread_stays_busy_after_its_caller_was_cancelled(
    answer: threading.Event,
) -> None:
    calls = blocking_calls.BlockingCalls("s3")
    cancelled = [
        asyncio.create_task(calls.run(answer.wait)) for _ in range(blocking_calls.CONCURRENCY)
    ]
    await asyncio.sleep(0)
    for task in cancelled:
        task.cancel()
    await asyncio.gather(*cancelled, return_exceptions=True)
    with pytest.raises(outages.StoreUnavailable) as refusal:
        await calls.run(answer.wait)
    assert refusal.value.store == "s3"
    answer.set()
    assert await calls.run(lambda: "done")


async def test_full_queue_refuses_the_next_caller_at_once(answer: threading.Event) -> None:
    calls = blocking_calls.BlockingCalls("s3")
    count = blocking_calls.CONCURRENCY + blocking_calls.MAX_WAITING
    others = [asyncio.create_task(calls.run(answer.wait)) for _ in range(count)]
    await asyncio.sleep(0)
    with pytest.raises(outages.StoreUnavailable):
        await calls.run(answer.wait)
    assert not any(task.done() for task in others)
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)


async def test_error_of_a_call_reaches_the_caller() -> None:
    calls = blocking_calls.BlockingCalls("s3")
    for _ in range(2 * blocking_calls.CONCURRENCY):
        with pytest.raises(ZeroDivisionError):
            await calls.run(lambda: 1 / 0)
