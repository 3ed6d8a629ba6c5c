"""Equality of the doors: HTTP and SQL give the same answers, rows, events and audit entries."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from development import databases
from tests import conftest
from tests.doors.runner import Story, StoryRunner
from tests.doors.stories import STORIES
from tests.support.doors import HttpDoor, SqlDoor
from tests.support.operations import OPERATIONS
from tools.instance import stack

UTC = "-c timezone=UTC"


@pytest.fixture(scope="module")
def over_http(
    test_stack: stack.Stack, template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[StoryRunner]:
    folder: Path = tmp_path_factory.mktemp("doors")
    with (
        databases.clone(test_stack, template) as database,
        conftest.own_redis(test_stack) as redis_url,
        conftest.services(test_stack, database.url, redis_url, folder) as run,
        database.connect(options=UTC) as connection,
    ):
        door = HttpDoor(run())
        yield StoryRunner(door, connection)
        door.close()


@pytest.fixture(scope="module")
def in_sql(test_stack: stack.Stack, template: str) -> Iterator[StoryRunner]:
    with (
        databases.clone(test_stack, template) as database,
        database.connect("communities_job", options=UTC) as job,
        database.connect(options=UTC) as connection,
    ):
        yield StoryRunner(SqlDoor(job), connection)


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.name)
def test_http_and_sql_have_the_same_effects(
    story: Story, over_http: StoryRunner, in_sql: StoryRunner
) -> None:
    assert over_http.run(story) == in_sql.run(story)


def test_every_operation_is_in_a_story() -> None:
    used = {step.operation for story in STORIES for step in story.steps}
    assert used == set(OPERATIONS)
