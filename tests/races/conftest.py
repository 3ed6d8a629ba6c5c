"""Fixtures of the races: crowds of clients at each door, and a connection for checks."""

from collections.abc import Iterator
from contextlib import ExitStack

import psycopg
import pytest

from tests.races.crowd import CLIENTS, Crowd
from tests.support import servers
from tests.support.doors import HttpDoor, SqlDoor


@pytest.fixture(scope="session")
def crowd_over_http(shared_service: servers.Service) -> Iterator[Crowd]:
    doors = [HttpDoor(shared_service) for _ in range(CLIENTS)]
    crowd = Crowd(doors)
    yield crowd
    crowd.close()
    for door in doors:
        door.close()


@pytest.fixture(scope="session")
def crowd_in_sql(shared_service: servers.Service) -> Iterator[Crowd]:
    url = shared_service.environment["DATABASE_URL"]
    with ExitStack() as stack:
        doors = []
        for _ in range(CLIENTS):
            connection = psycopg.connect(url, autocommit=True, options="-c timezone=UTC")
            stack.enter_context(connection)
            connection.execute("set role communities_job")
            doors.append(SqlDoor(connection))
        crowd = Crowd(doors)
        yield crowd
        crowd.close()


@pytest.fixture(params=["sql", "http"])
def crowd(request: pytest.FixtureRequest) -> Crowd:
    """Returns thirty-two clients, in SQL and then over HTTP."""
    names = {"sql": "crowd_in_sql", "http": "crowd_over_http"}
    crowd: Crowd = request.getfixturevalue(names[request.param])
    return crowd


@pytest.fixture
def connection(shared_service: servers.Service) -> Iterator[psycopg.Connection]:
    """Yields a superuser's connection to the database of the service."""
    url = shared_service.environment["DATABASE_URL"]
    with psycopg.connect(url, autocommit=True) as connection:
        yield connection
