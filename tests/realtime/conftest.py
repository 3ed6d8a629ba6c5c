"""Fixture of the sockets' tests: two services and a relay, which the tests of a module share."""

from collections.abc import Iterator

import pytest

from tests.conftest import Stores
from tests.support import sockets


@pytest.fixture(scope="module")
def instance(module_stores: Stores) -> Iterator[sockets.Instance]:
    with sockets.two_services(module_stores.run_service, module_stores.run_worker) as instance:
        yield instance
