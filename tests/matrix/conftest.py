"""What the tests of the matrix share: groups to try it on, and both doors to them."""

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.matrix.worlds import Worlds
from tests.support import servers
from tests.support.doors import HttpDoor


@pytest.fixture(scope="session")
def http(shared_service: servers.Service) -> Iterator[HttpDoor]:
    door = HttpDoor(shared_service)
    yield door
    door.close()


@pytest.fixture(scope="session")
def job(shared_service: servers.Service) -> Iterator[psycopg.Connection]:
    """A trusted job's connection."""
    url = shared_service.environment["DATABASE_URL"]
    with psycopg.connect(url, autocommit=True, options="-c timezone=UTC") as connection:
        connection.execute("set role communities_job")
        yield connection


@pytest.fixture(scope="session")
def worlds(shared_service: servers.Service) -> Iterator[Worlds]:
    url = shared_service.environment["DATABASE_URL"]
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute((Path(__file__).parent / "world.sql").read_text())
        yield Worlds(connection)
