"""Fixtures of all tests: the test stack, stores for each test, and processes on them.

The first test that needs the stack under .data/test starts it, and the last one stops it. This
holds across xdist's workers and test runs. After `make up` the stack stays up.
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
from tests.support import indexing, servers
from tests.support.forwarder import Forwarder
from tests.support.writers import Writer
from tools.instance import parts, probes, stack

ServiceFactory = Callable[..., servers.Service]
WorkerFactory = Callable[..., servers.Worker]


@dataclass(frozen=True)
class Bucket:
    """Bucket of the test stack."""

    store: minio.Minio
    name: str

    def object_keys(self) -> list[str]:
        """Returns the keys of its objects."""
        found = self.store.list_objects(self.name, recursive=True)
        return [each.object_name for each in found if each.object_name]


@dataclass(frozen=True)
class Stores:
    """Database, Redis and index that no other test uses, and factories of processes on them."""

    database: databases.Database
    redis_url: str
    index: indexing.Indexing
    run_service: ServiceFactory
    run_worker: WorkerFactory


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
    """Yields an empty, migrated database that only this test uses."""
    with databases.clone(test_stack, template) as database:
        yield database


@pytest.fixture
def database_url(database: databases.Database) -> str:
    return database.url


@pytest.fixture
def empty_database(test_stack: stack.Stack) -> Iterator[databases.Database]:
    """Yields a database without a migration."""
    with databases.clone(test_stack) as database:
        yield database


@pytest.fixture
def empty_database_url(empty_database: databases.Database) -> str:
    return empty_database.url


@pytest.fixture
def redis_url(test_stack: stack.Stack) -> Iterator[str]:
    """Yields the URL of an empty Redis database that only this test uses."""
    with own_redis(test_stack) as url:
        yield url


@pytest.fixture
def bucket(test_stack: stack.Stack) -> Iterator[Bucket]:
    """Yields an empty bucket that only this test uses."""
    store = probes.s3_client(test_stack.urls, region="us-east-1")
    bucket = Bucket(store, f"test-{secrets.token_hex(8)}")
    store.make_bucket(bucket.name)
    yield bucket
    for key in bucket.object_keys():
        store.remove_object(bucket.name, key)
    store.remove_bucket(bucket.name)


@pytest.fixture
def index(test_stack: stack.Stack, database_url: str) -> Iterator[indexing.Indexing]:
    """Yields the index of this test's database, which does not exist yet."""
    index = own_index(test_stack, database_url)
    yield index
    index.drop()


@pytest.fixture
def postgres_forwarder(database_url: str) -> Iterator[Forwarder]:
    with Forwarder(database_url) as forwarder:
        yield forwarder


@pytest.fixture
def redis_forwarder(redis_url: str) -> Iterator[Forwarder]:
    with Forwarder(redis_url) as forwarder:
        yield forwarder


@pytest.fixture
def s3_forwarder(test_stack: stack.Stack) -> Iterator[Forwarder]:
    with Forwarder(test_stack.urls["S3_ENDPOINT_URL"]) as forwarder:
        yield forwarder


@pytest.fixture
def writer(database_url: str) -> Iterator[Writer]:
    """Yields a user with a group, at the SQL door."""
    with Writer.opened(database_url) as writer:
        yield writer


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
    """Returns a service that only this test uses."""
    return run_service()


@pytest.fixture(scope="module")
def module_stores(
    test_stack: stack.Stack, template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stores]:
    """Yields stores that the tests of a module share."""
    with own_stores(test_stack, template, tmp_path_factory.mktemp("module")) as stores:
        yield stores


@pytest.fixture(scope="session")
def shared_service(
    test_stack: stack.Stack, template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[servers.Service]:
    """Yields one service for many tests, each of which creates its own users and groups."""
    with own_stores(test_stack, template, tmp_path_factory.mktemp("service")) as stores:
        yield stores.run_service()


@contextmanager
def own_stores(test_stack: stack.Stack, template: str, folder: Path) -> Iterator[Stores]:
    """Yields new stores, and stops the processes on them at the end."""
    with (
        databases.clone(test_stack, template) as database,
        own_redis(test_stack) as redis_url,
        services(test_stack, database.url, redis_url, folder) as run_service,
        workers(test_stack, database.url, redis_url, folder) as run_worker,
    ):
        index = own_index(test_stack, database.url)
        yield Stores(database, redis_url, index, run_service, run_worker)


def own_index(test_stack: stack.Stack, database_url: str) -> indexing.Indexing:
    """Returns the index that belongs to a test's own database."""
    return indexing.Indexing(database_url, test_stack.urls["OPENSEARCH_URL"])


@contextmanager
def own_redis(test_stack: stack.Stack) -> Iterator[str]:
    """Yields the URL of an empty Redis database that no other test uses."""
    shared = test_stack.urls["REDIS_URL"]
    with redis.Redis.from_url(shared) as counter:
        databases_count = int(counter.config_get("databases")["databases"])
        # A counter in database 0 assigns the others, so concurrent test runs never share one.
        number = int(counter.incr("tests:databases")) % (databases_count - 1) + 1
    url = urlsplit(shared)._replace(path=f"/{number}").geturl()
    with redis.Redis.from_url(url) as own:
        own.flushdb()
        yield url
        own.flushdb()


@contextmanager
def services(
    test_stack: stack.Stack, database_url: str, redis_url: str, folder: Path
) -> Iterator[ServiceFactory]:
    """Starts services on these stores, and stops them at the end."""
    common = _environment(database_url, redis_url, folder)
    with ExitStack() as started:

        def run(**given: str) -> servers.Service:
            environment = servers.environment(test_stack, {**common, **given})
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
    """Starts workers on these stores, and kills the running ones at the end."""
    common = _environment(database_url, redis_url, folder)
    with ExitStack() as started:

        def run(name: str, *arguments: str, **given: str) -> servers.Worker:
            environment = servers.environment(test_stack, {**common, **given})
            log = folder / f"{name}-{secrets.token_hex(4)}.log"
            worker = servers.Worker(name, environment, log, test_stack, arguments)
            started.callback(worker.kill)
            worker.start()
            return worker

        yield run


def _environment(database_url: str, redis_url: str, folder: Path) -> dict[str, str]:
    """Returns the settings that the processes on these stores share."""
    return {
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "DATA_DIR": str(folder / "data"),
        "JWT_SECRET": secrets.token_hex(32),
        "SEARCH_INDEX": indexing.alias_of(database_url),
    }
