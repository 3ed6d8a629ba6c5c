"""Fixtures of all tests: the test stack, a database for each test, a running service.

The first test that needs the stack under .data/test starts it, and the last one stops it, across
xdist's workers and test runs. After `make up` it stays up, and tests begin at once.
"""

import secrets
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import minio
import pytest
import redis

from common.settings import Settings
from development import databases, real
from development.testing import settings as test_settings
from tests.support import servers
from tools.instance import parts, probes, stack

ServiceFactory = Callable[..., servers.Service]
WorkerFactory = Callable[..., servers.Worker]


@dataclass(frozen=True)
class Bucket:
    """A bucket of the test stack."""

    store: minio.Minio
    name: str

    def held(self) -> list[str]:
        """Returns what is in it."""
        found = self.store.list_objects(self.name, recursive=True)
        return [each.object_name for each in found if each.object_name]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--real", action="store_true", help="on the real stores of `make test-real`")


@pytest.fixture(scope="session")
def test_stack_settings(pytestconfig: pytest.Config) -> Settings:
    return test_settings(real=pytestconfig.getoption("real"))


@pytest.fixture(scope="session")
def test_stack(test_stack_settings: Settings, pytestconfig: pytest.Config) -> Iterator[stack.Stack]:
    make = real.make if pytestconfig.option.real else parts.make_fast
    with stack.borrowed(test_stack_settings, make=make) as running:
        yield running


@pytest.fixture(scope="session")
def template(test_stack: stack.Stack) -> str:
    return databases.template(test_stack)


@pytest.fixture
def database(test_stack: stack.Stack, template: str) -> Iterator[databases.Database]:
    """Yields a migrated, empty database that only this test uses."""
    with databases.clone(test_stack, template) as database:
        yield database


@pytest.fixture
def database_url(database: databases.Database) -> str:
    return database.url


@pytest.fixture
def empty_database(test_stack: stack.Stack) -> Iterator[databases.Database]:
    """Yields a database that no migration has seen."""
    with databases.clone(test_stack) as database:
        yield database


@pytest.fixture
def empty_database_url(empty_database: databases.Database) -> str:
    return empty_database.url


@pytest.fixture
def redis_url(test_stack: stack.Stack) -> Iterator[str]:
    """Yields an empty Redis that only this test uses."""
    with own_redis(test_stack) as url:
        yield url


@pytest.fixture
def bucket(test_stack: stack.Stack) -> Iterator[Bucket]:
    """Yields an empty bucket that only this test uses."""
    store = probes.s3_client(test_stack.urls, region="us-east-1")
    bucket = Bucket(store, f"test-{secrets.token_hex(8)}")
    store.make_bucket(bucket.name)
    yield bucket
    for key in bucket.held():
        store.remove_object(bucket.name, key)
    store.remove_bucket(bucket.name)


@pytest.fixture
def run_service(
    test_stack: stack.Stack, database_url: str, redis_url: str, tmp_path: Path
) -> Iterator[ServiceFactory]:
    """Starts services on this test's stores: `run_service(RATE_LIMIT="5/minute")`."""
    with services(test_stack, database_url, redis_url, tmp_path) as run:
        yield run


@pytest.fixture
def run_worker(
    test_stack: stack.Stack, database_url: str, redis_url: str, tmp_path: Path
) -> Iterator[WorkerFactory]:
    """Starts workers on this test's stores: `run_worker("relay", REDIS_URL=other)`."""
    with workers(test_stack, database_url, redis_url, tmp_path) as run:
        yield run


@pytest.fixture
def service(run_service: ServiceFactory) -> servers.Service:
    """Returns a service of this test's own."""
    return run_service()


@pytest.fixture(scope="session")
def shared_service(
    test_stack: stack.Stack, template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[servers.Service]:
    """Yields one service for many tests, each of which makes its own users and groups."""
    folder = tmp_path_factory.mktemp("service")
    with (
        databases.clone(test_stack, template) as database,
        own_redis(test_stack) as redis_url,
        services(test_stack, database.url, redis_url, folder) as run,
    ):
        yield run()


@contextmanager
def own_redis(test_stack: stack.Stack) -> Iterator[str]:
    """Yields the URL of an empty Redis that nobody else uses."""
    shared = test_stack.urls["REDIS_URL"]
    with redis.Redis.from_url(shared) as counter:
        databases_count = int(counter.config_get("databases")["databases"])
        # Database 0 hands out the others, so that test runs side by side never share one.
        number = int(counter.incr("tests:databases")) % (databases_count - 1) + 1
    url = urlsplit(shared)._replace(path=f"/{number}").geturl()
    with redis.Redis.from_url(url) as own:
        own.flushdb()
        yield url
        own.flushdb()


def search_index(database_url: str) -> str:
    """Returns the alias of the index that belongs to a test's own database."""
    return urlsplit(database_url).path.strip("/")


@contextmanager
def services(
    test_stack: stack.Stack, database_url: str, redis_url: str, folder: Path
) -> Iterator[ServiceFactory]:
    """Starts services on these stores, and stops them at the end."""
    secret = secrets.token_hex(32)
    with ExitStack() as started:

        def run(**given: str) -> servers.Service:
            environment = servers.environment(
                test_stack,
                {
                    "DATABASE_URL": database_url,
                    "REDIS_URL": redis_url,
                    "DATA_DIR": str(folder / "data"),
                    "JWT_SECRET": secret,
                    "SEARCH_INDEX": search_index(database_url),
                    **given,
                },
            )
            log = folder / f"service-{secrets.token_hex(4)}.log"
            service = servers.Service(environment, log, test_stack)
            started.callback(service.stop)
            service.start()
            return service

        yield run


@contextmanager
def workers(
    test_stack: stack.Stack, database_url: str, redis_url: str, folder: Path
) -> Iterator[WorkerFactory]:
    """Starts workers on these stores, and kills at the end those that a test has not stopped."""
    with ExitStack() as started:

        def run(name: str, *arguments: str, **given: str) -> servers.Worker:
            environment = servers.environment(
                test_stack,
                {
                    "DATABASE_URL": database_url,
                    "REDIS_URL": redis_url,
                    "DATA_DIR": str(folder / "data"),
                    "JWT_SECRET": secrets.token_hex(32),
                    "SEARCH_INDEX": search_index(database_url),
                    **given,
                },
            )
            log = folder / f"{name}-{secrets.token_hex(4)}.log"
            worker = servers.Worker(name, environment, log, test_stack, arguments)
            started.callback(worker.kill)
            worker.start()
            return worker

        yield run
