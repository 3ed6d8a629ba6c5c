"""Fixtures of the matrix: worlds, and connections of both doors."""

from collections.abc import Iterator

import psycopg
import pytest

from development import databases
from tests.matrix.worlds import Worlds
from tests.support import servers
from tests.support.doors import HttpDoor
from tools.instance import stack

UTC = "-c timezone=UTC"


@pytest.fixture(scope="session")
def http(shared_service: servers.Service) -> Iterator[HttpDoor]:
    door = HttpDoor(shared_service)
    yield door
    door.close()


@pytest.fixture(scope="session")
def http_worlds(shared_service: servers.Service) -> Iterator[Worlds]:
    """Yields worlds in the database of the service."""
    url = shared_service.environment["DATABASE_URL"]
    with psycopg.connect(url, autocommit=True) as connection:
        yield Worlds.install(connection)


@pytest.fixture(scope="session")
def sql(test_stack: stack.Stack, template: str) -> Iterator[psycopg.Connection]:
    """Yields a superuser's connection to a database that only the matrix uses."""
    with (
        databases.clone(test_stack, template) as database,
        database.connect(options=UTC) as connection,
    ):
        Worlds.install(connection)
        yield connection


@pytest.fixture
def sql_worlds(sql: psycopg.Connection) -> Iterator[Worlds]:
    """Yields worlds that are rolled back after the test."""
    with sql.transaction(force_rollback=True):
        yield Worlds(sql)
