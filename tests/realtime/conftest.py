"""Two services and a relay on stores of their own, for all tests of a module."""

from collections.abc import Iterator

import pytest

from development import databases
from tests.conftest import own_redis, services, workers
from tests.support.sockets import Town
from tools.instance import stack


@pytest.fixture(scope="module")
def town(
    test_stack: stack.Stack, template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Town]:
    folder = tmp_path_factory.mktemp("town")
    with (
        databases.clone(test_stack, template) as database,
        own_redis(test_stack) as redis_url,
        services(test_stack, database.url, redis_url, folder) as run_service,
        workers(test_stack, database.url, redis_url, folder) as run_worker,
    ):
        run_worker("relay")
        town = Town([run_service(), run_service()])
        yield town
        town.close()
