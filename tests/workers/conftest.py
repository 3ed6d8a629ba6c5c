"""Fixtures of the workers' tests: connections to the database and to Redis."""

from collections.abc import Iterator

import psycopg
import pytest
import redis


@pytest.fixture
def database_connection(database_url: str) -> Iterator[psycopg.Connection]:
    """Yields an autocommit connection of the superuser."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        yield connection


@pytest.fixture
def client(redis_url: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(redis_url, decode_responses=True) as client:
        yield client
