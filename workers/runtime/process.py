"""Process of a worker: settings, logs, and a stop within seconds after TERM or INT."""

import asyncio
import signal
from collections.abc import Awaitable, Callable
from typing import Final

import structlog

from common import cancellation, telemetry
from common import settings as configuration

GRACE_SECONDS: Final = 3.0  # for the current batch, which is rolled back afterwards

Work = Callable[[configuration.ServiceSettings, asyncio.Event], Awaitable[None]]


def run(name: str, work: Work) -> None:
    """Runs until a signal sets the event, then for at most GRACE_SECONDS."""
    settings = configuration.load(configuration.ServiceSettings)
    telemetry.configure_logs(settings)
    asyncio.run(_run(name, settings, work))


async def pause(stop: asyncio.Event, seconds: float) -> None:
    """Waits, at most until the stop."""
    try:
        async with asyncio.timeout(seconds):
            await stop.wait()
    except TimeoutError:
        pass


async def _run(name: str, settings: configuration.ServiceSettings, work: Work) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    log = structlog.get_logger().bind(worker=name)
    log.info("worker started")
    working = asyncio.ensure_future(work(settings, stop))
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
    await asyncio.wait({working}, timeout=GRACE_SECONDS)
    await cancellation.cancel_all(working, stopping)
    if not working.cancelled():
        working.result()
    log.info("worker stopped")
