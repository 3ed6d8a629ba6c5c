"""Circuit breaker for a store whose answer is optional, such as a cache (rule 00.17)."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

import redis

from common import outages

TIMEOUT_SECONDS: Final = 0.1  # for one request
OPEN_SECONDS: Final = 2.0  # without requests after a failure

T = TypeVar("T")


class OptionalStore:
    """Calls a store. After a failure, returns defaults for OPEN_SECONDS."""

    def __init__(self, store: str, *errors: type[Exception]) -> None:
        self._store = store
        self._errors: tuple[type[Exception], ...] = (redis.RedisError, OSError, *errors)
        self._open_until = 0.0
        self._outages = outages.OutageLog()

    async def call(self, request: Callable[[], Awaitable[T]], default: T) -> T:
        """Returns the store's answer, or `default` when none comes within TIMEOUT_SECONDS."""
        now = time.monotonic()
        if now < self._open_until:
            return default
        if self._outages.is_failing(self._store):
            # This request probes the store; concurrent ones do not wait for it.
            self._open_until = now + OPEN_SECONDS
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                answer = await request()
        except self._errors as error:
            self._open_until = time.monotonic() + OPEN_SECONDS
            self._outages.fail(self._store, error)
            return default
        self._open_until = 0.0
        self._outages.recover(self._store)
        return answer
