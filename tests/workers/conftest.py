"""Fixtures of the workers' tests: a writer of events, and their deliveries."""

from collections.abc import Iterator

import psycopg
import pytest
import redis

from tests.support.writers import Writer


@pytest.fixture
def database_connection(database_url: str) -> Iterator[psycopg.Connection]:
    """Looks at the tables."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        yield connection


@pytest.fixture
def writer(database_url: str) -> Iterator[Writer]:
    """Yields a user with a group, at the SQL door."""
    with Writer.opened(database_url) as writer:
        yield writer


@pytest.fixture
def client(redis_url: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(redis_url, decode_responses=True) as client:
        yield client
