"""Races of bulk jobs with other writers. Proves rules 07.1, 65.4, 65.5 and 66.2."""

import collections
import random
import threading
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import psycopg

from tests.races import outbox
from tests.races.crowd import Call, Crowd, Habit, call, new_users
from tests.races.test_content import EMOJI, TAGS, Scene, drifts, mixed_habits
from tests.support import servers
from tests.support.waiting import eventually

SECONDS = 3
Job = Callable[[psycopg.Connection, random.Random], None]


@contextmanager
def running_jobs(database_url: str, *jobs: Job) -> Iterator[list[BaseException]]:
    """Repeats trusted jobs until the context ends. Yields their errors."""
    stop = threading.Event()
    errors: list[BaseException] = []

    def run(number: int, job: Job) -> None:
        chance = random.Random(number)
        try:
            with psycopg.connect(database_url, autocommit=True) as connection:
                connection.execute("set role communities_job")
                while not stop.is_set():
                    job(connection, chance)
        except BaseException as error:
            errors.append(error)

    with ThreadPoolExecutor(len(jobs)) as threads:
        try:
            for each in enumerate(jobs):
                threads.submit(run, *each)
            yield errors
        finally:
            stop.set()


def removing(scene: Scene, batches: list[uuid.UUID]) -> Job:
    def work(connection: psycopg.Connection, chance: random.Random) -> None:
        made = connection.execute(
            "select id from api.remove_content(%s, %s, 'race', %s)",
            [scene.owner, scene.group, chance.choice(scene.members)],
        ).fetchone()
        assert made is not None
        batches.append(made[0])

    return work


def undoing(scene: Scene, batches: list[uuid.UUID]) -> Job:
    def work(connection: psycopg.Connection, chance: random.Random) -> None:
        if batches:
            batch = chance.choice(batches[-5:])
            connection.execute("select from api.undo_removal(%s, %s)", [scene.owner, batch])

    return work


def habits_around(scene: Scene, comments: collections.deque[str], others: list[str]) -> list[Habit]:
    """Returns all habits around a post, in a group that changes its visibility."""

    def flip(chance: random.Random) -> Call:
        visibility = chance.choice(["public", "private", "secret"])
        return call(scene.owner, "update_group", group_id=scene.group, visibility=visibility)

    habits = mixed_habits(scene, comments, others)
    return [flip if habit.__name__ == "flip_group" else habit for habit in habits]


def test_removal_batches_are_created_and_undone_in_a_busy_thread(
    crowd_in_sql: Crowd, connection: psycopg.Connection, shared_service: servers.Service
) -> None:
    scene = Scene(crowd_in_sql)
    comments = collections.deque([scene.add_comment(crowd_in_sql) for _ in range(10)], maxlen=40)
    others = [scene.add_post(crowd_in_sql, topic_tags=list(TAGS)) for _ in range(4)]
    batches: list[uuid.UUID] = []
    with running_jobs(
        shared_service.environment["DATABASE_URL"],
        *[removing(scene, batches)] * 2,
        *[undoing(scene, batches)] * 2,
    ) as errors:
        crowd_in_sql.for_a_while(SECONDS, habits_around(scene, comments, others))
    assert not errors
    assert batches
    assert drifts(connection) == []
    outbox.check(connection, scene.group)
    twice = connection.execute(
        """
        select subject_id from moderation_item as i
        join moderation_batch as b on b.id = i.batch_id
        join post as p on p.id = i.subject_id and p.deleted_at = b.created_at
        where i.restored_at is null group by subject_id having count(*) > 1
        """
    )
    assert twice.fetchall() == []


def test_users_are_erased_from_a_busy_thread(
    crowd_in_sql: Crowd, connection: psycopg.Connection, shared_service: servers.Service
) -> None:
    scene = Scene(crowd_in_sql)
    comments = collections.deque([scene.add_comment(crowd_in_sql) for _ in range(10)], maxlen=40)
    others = [scene.add_post(crowd_in_sql, topic_tags=list(TAGS)) for _ in range(4)]
    # These users have content in the middle of the thread.
    remaining = new_users(12)
    for user in remaining:
        leave_traces(crowd_in_sql, scene, user, comments)

    def work(database: psycopg.Connection, chance: random.Random) -> None:
        if remaining:
            database.execute("select from api.erase_user(%s)", [remaining.pop()])

    erased = list(remaining)
    with running_jobs(shared_service.environment["DATABASE_URL"], work, work) as errors:
        crowd_in_sql.for_a_while(SECONDS, habits_around(scene, comments, others))
        # A slow machine may need more time.
        eventually(lambda: not remaining or bool(errors))
    assert not errors
    assert not remaining
    assert drifts(connection) == []
    for user in erased:
        left = connection.execute("select kind from api.export_user(%s)", [user]).fetchall()
        assert left == []


def leave_traces(
    crowd: Crowd, scene: Scene, user: uuid.UUID, comments: collections.deque[str]
) -> None:
    """Creates posts, comments and reactions of a user among those of others."""
    crowd.do(scene.owner, "put_member", group_id=scene.group, user_id=str(user), role="moderator")
    for tags in (TAGS[:2], TAGS[::-1]):
        crowd.do(user, "create_post", group_id=scene.group, body="b", topic_tags=list(tags))
    made = crowd.do(user, "create_comment", post_id=scene.post, body="b", parent_id=comments[0])
    comments.append(made["id"])
    for emoji in EMOJI:
        crowd.do(user, "react", subject_id=scene.post, emoji=emoji)
        crowd.do(user, "react_to_comment", subject_id=comments[1], emoji=emoji)
