"""Lock order: transactions that lock the same rows wait for each other and never deadlock."""

import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg

from tests.support.waiting import eventually
from tests.support.writers import Writer

WAITING = "select count(*) from pg_stat_activity where pid = any (%s) and wait_event_type = 'Lock'"


def test_repair_and_erasure_do_not_deadlock_on_a_drifted_counter(database_url: str) -> None:
    """Proves rule 07.1: both lock posts before groups."""
    with (
        Writer.opened(database_url) as writer,
        psycopg.connect(database_url) as blocker,
        psycopg.connect(database_url) as erasing,
        psycopg.connect(database_url) as repairing,
        psycopg.connect(database_url, autocommit=True) as observer,
        ThreadPoolExecutor(2) as threads,
    ):
        post = writer.post()
        second_owner = uuid.uuid4()
        writer.do("put_member", group_id=writer.group, user_id=str(second_owner), role="owner")
        observer.execute("update group_entity set members_count = 7 where id = %s", [writer.group])
        observer.execute("update post set comments_count = 7 where id = %s", [post])
        blocker.execute("select from post where id = %s for update", [post])

        def run(connection: psycopg.Connection, statement: str, *values: Any) -> Any:
            with connection.transaction():
                return connection.execute(statement.encode(), values).fetchall()

        erasure = threads.submit(run, erasing, "select * from api.erase_user(%s)", writer.user)
        eventually(has_lock_wait(observer, erasing))
        repair = threads.submit(run, repairing, "select api.repair_counters()")
        eventually(has_lock_wait(observer, repairing))
        blocker.rollback()
        assert erasure.result()
        assert repair.result()
        assert observer.execute("select * from api.verify_counters()").fetchall() == []


def has_lock_wait(observer: psycopg.Connection, session: psycopg.Connection) -> Callable[[], bool]:
    """Returns a check whether the session waits for a lock."""
    process = session.info.backend_pid
    return lambda: observer.execute(WAITING, [[process]]).fetchone() == (1,)
