"""An index for each test."""

from collections.abc import Iterator

import pytest

from development import databases
from tests.support import indexing
from tools.instance import stack


@pytest.fixture
def index(test_stack: stack.Stack, database: databases.Database) -> Iterator[indexing.Indexing]:
    """Yields the index of this test's database, which is not there yet."""
    own = indexing.Indexing(database.url, test_stack.urls["OPENSEARCH_URL"])
    yield own
    own.drop()
