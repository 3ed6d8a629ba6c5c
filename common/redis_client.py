"""Clients of Redis, without retries: callers handle failures."""

from redis import asyncio as redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff


def connect(url: str, timeout_seconds: float) -> redis.Redis:
    """Returns a client with this timeout to connect and for each answer."""
    return redis.Redis.from_url(
        url,
        socket_timeout=timeout_seconds,
        socket_connect_timeout=timeout_seconds,
        retry=Retry(NoBackoff(), 0),
    )
