"""A worker as a process: its settings, its logs, and an end within seconds of TERM or INT."""

import asyncio
import signal
from collections.abc import Awaitable, Callable
from typing import Final

import structlog

from common import cancellation, telemetry
from common import settings as configuration

GRACE: Final = 3.0  # seconds that work at hand has to be finished; then it is rolled back

Work = Callable[[configuration.ServiceSettings, asyncio.Event], Awaitable[None]]


def run(name: str, work: Work) -> None:
    """Works until a signal sets the event, and a little longer."""
    settings = configuration.load(configuration.ServiceSettings)
    telemetry.configure_logs(settings)
    asyncio.run(_run(name, settings, work))


async def pause(stop: asyncio.Event, seconds: float) -> None:
    """Waits, but not for long when the process is to end."""
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
    await asyncio.wait({working}, timeout=GRACE)
    await cancellation.cancel_all(working, stopping)
    if not working.cancelled():
        working.result()
    log.info("worker stopped")
