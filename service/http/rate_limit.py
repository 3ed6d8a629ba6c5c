"""Rate limits of requests, per user, or per address without a user."""

import math
import time
from typing import Final

import limits
from limits import errors
from limits.aio import storage, strategies

from common import optional_store
from service.http import problems

_ALLOWED: Final = None


class Limiter:
    """Counter of requests, in Redis for all processes. Without Redis it allows all (rule 00.16)."""

    def __init__(self, rates: str, redis_url: str) -> None:
        self._rates = limits.parse_many(rates)
        self._strategy = strategies.SlidingWindowCounterRateLimiter(
            storage.RedisStorage(f"async+{redis_url}", implementation="redispy")
        )
        self._store = optional_store.OptionalStore("redis for rate limits", errors.StorageError)

    async def count(self, caller: str) -> None:
        """Counts a request. Raises Problem 429 when it exceeds a rate."""
        exceeded = await self._store.call(lambda: self._count(caller), _ALLOWED)
        if exceeded is not None:
            headers = problems.retry_after(exceeded)
            raise problems.Problem("rate_limited", headers=headers)

    async def _count(self, caller: str) -> int | None:
        """Returns the seconds until the next allowed request, or None if this one is allowed."""
        for rate in self._rates:
            if not await self._strategy.hit(rate, caller):
                window = await self._strategy.get_window_stats(rate, caller)
                return max(1, math.ceil(window.reset_time - time.time()))
        return None
