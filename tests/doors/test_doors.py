"""Equality of the doors: the same answers, rows, events and audit entries over HTTP and in SQL."""

from collections.abc import Iterator

import pytest

from development import databases
from tests.conftest import Stores
from tests.doors.runner import Story, StoryRunner
from tests.doors.stories import STORIES
from tests.support.doors import HttpDoor, SqlDoor
from tests.support.operations import OPERATIONS
from tools.instance import stack

UTC = "-c timezone=UTC"


@pytest.fixture(scope="module")
def over_http(module_stores: Stores) -> Iterator[StoryRunner]:
    with module_stores.database.connect(options=UTC) as connection:
        door = HttpDoor(module_stores.run_service())
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
