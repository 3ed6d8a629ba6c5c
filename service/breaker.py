"""What is nice to have, from a store that may be down or slow: quickly, or not at all."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

import redis
import structlog

PATIENCE: Final = 0.1  # seconds that one request gives the store
PAUSE: Final = 2.0  # seconds during which nobody asks a store that failed

T = TypeVar("T")


class Breaker:
    """Asks a store as long as it answers, and leaves it alone for a while when it doesn't."""

    def __init__(self, store: str, *errors: type[Exception]) -> None:
        self._store = store
        self._errors: tuple[type[Exception], ...] = (redis.RedisError, OSError, *errors)
        self._paused_until = 0.0
        self._failing = False

    async def ask(self, question: Callable[[], Awaitable[T]], otherwise: T) -> T:
        """The store's answer, or `otherwise` when there is none within PATIENCE."""
        now = time.monotonic()
        if now < self._paused_until:
            return otherwise
        if self._failing:
            # One request finds out whether it is back; the others don't wait with it.
            self._paused_until = now + PAUSE
        try:
            async with asyncio.timeout(PATIENCE):
                answer = await question()
        except self._errors as error:
            self._fail(error)
            return otherwise
        self._recover()
        return answer

    def _fail(self, error: Exception) -> None:
        self._paused_until = time.monotonic() + PAUSE
        if not self._failing:
            self._failing = True
            structlog.get_logger().warning(
                "store failed", store=self._store, error=type(error).__name__
            )

    def _recover(self) -> None:
        self._paused_until = 0.0
        if self._failing:
            self._failing = False
            structlog.get_logger().info("store is back", store=self._store)
