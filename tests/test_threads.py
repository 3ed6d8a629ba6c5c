"""Threads of a store: a few at once, whoever asks and however it ends."""

import asyncio
import threading
from collections.abc import Iterator

import pytest

from service import problems, threads


@pytest.fixture
def answer() -> Iterator[threading.Event]:
    """Set when the store answers at last."""
    answer = threading.Event()
    yield answer
    answer.set()


async def test_a_thread_is_busy_until_the_store_answers_though_the_asker_has_gone(
    answer: threading.Event,
) -> None:
    asked = threads.Threads()
    gone = [asyncio.create_task(asked.ask(answer.wait)) for _ in range(threads.AT_ONCE)]
    await asyncio.sleep(0)
    for task in gone:
        task.cancel()
    await asyncio.gather(*gone, return_exceptions=True)
    with pytest.raises(problems.Problem) as refusal:
        await asked.ask(answer.wait)
    assert (refusal.value.status, refusal.value.code) == (503, "unavailable")
    answer.set()
    assert await asked.ask(lambda: "well")


async def test_who_waits_behind_too_many_is_refused_at_once(answer: threading.Event) -> None:
    asked = threads.Threads()
    count = threads.AT_ONCE + threads.MOST_WAITING
    others = [asyncio.create_task(asked.ask(answer.wait)) for _ in range(count)]
    await asyncio.sleep(0)
    with pytest.raises(problems.Problem):
        await asked.ask(answer.wait)
    assert not any(task.done() for task in others)
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)


async def test_an_error_is_the_askers() -> None:
    asked = threads.Threads()
    for _ in range(2 * threads.AT_ONCE):
        with pytest.raises(ZeroDivisionError):
            await asked.ask(lambda: 1 / 0)
