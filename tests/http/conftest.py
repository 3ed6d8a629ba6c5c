"""Fixtures of the HTTP tests: users with clients, and a client for malformed requests."""

import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import httpx
import pytest

from tests.support import api_client, servers

MakeUser = Callable[[], api_client.User]


@pytest.fixture
def make_user(shared_service: servers.Service) -> Iterator[MakeUser]:
    """Yields a function that creates users of the shared service."""
    with ExitStack() as clients:

        def make() -> api_client.User:
            user_id = uuid.uuid4()
            return api_client.User(user_id, clients.enter_context(shared_service.client(user_id)))

        yield make


@pytest.fixture
def user(make_user: MakeUser) -> api_client.User:
    return make_user()


@pytest.fixture
def anonymous(shared_service: servers.Service) -> Iterator[httpx.Client]:
    """Yields a client without a token."""
    with shared_service.client() as client:
        yield client


@pytest.fixture
def raw_client(shared_service: servers.Service) -> api_client.RawClient:
    """Returns a client of the shared service for malformed requests."""
    return api_client.RawClient(shared_service.port)
