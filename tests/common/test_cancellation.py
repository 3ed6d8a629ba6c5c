"""Cancellation of tasks, also when a library swallows it."""

import asyncio

from common import cancellation


async def test_task_that_swallows_a_cancellation_is_cancelled_again() -> None:
    lost = asyncio.Event()

    async def lose_one() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            lost.set()
        await asyncio.Event().wait()

    losing, other = asyncio.create_task(lose_one()), asyncio.create_task(lose_one())
    await asyncio.sleep(0)
    await cancellation.cancel_all(losing, other)
    assert lost.is_set()
    assert losing.cancelled()
    assert other.cancelled()


async def test_finished_task_keeps_its_result() -> None:
    done = asyncio.create_task(asyncio.sleep(0, "done"))
    await done
    await cancellation.cancel_all(done)
    assert done.result() == "done"
