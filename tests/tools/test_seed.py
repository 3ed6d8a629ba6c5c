"""The example data: its amounts, and repeated runs that add nothing."""

from collections.abc import Mapping
from typing import Any

import psycopg
import pytest

from development import databases
from tools import seed
from tools.seed import example_data, scale

TABLES = (
    "group_entity", "group_member", "post", "comment", "reaction", "topic_tag", "group_invite",
    "join_request", "outbox_event", "audit_log",
)  # fmt: skip


def counts(database: databases.Database) -> dict[str, int]:
    with database.connect() as connection:
        return {table: _count(connection, table) for table in TABLES}


def _count(connection: psycopg.Connection, table: str) -> int:
    row = connection.execute(f"select count(*) from {table}").fetchone()
    assert row is not None
    return int(row[0])


def drifts(database: databases.Database) -> list[tuple[object, ...]]:
    with database.connect(role="communities_job") as connection:
        return connection.execute("select * from api.verify_counters()").fetchall()


def test_example_data_has_groups_users_posts_and_comments(
    database: databases.Database,
) -> None:
    seed.seed(database.url)
    made = counts(database)
    assert (made["group_entity"], made["post"], made["comment"]) == (3, 20, 50)
    assert made["reaction"] > 50
    assert made["topic_tag"] >= 10
    with database.connect() as connection:
        users = connection.execute(
            "select distinct user_id from group_member union select user_id from join_request"
        ).fetchall()
        roles = connection.execute("select distinct role from group_member").fetchall()
        visibilities = connection.execute(
            "select visibility, count(distinct campus_id) from group_entity group by 1 order by 1"
        ).fetchall()
    assert {user for (user,) in users} == {user for _name, user in seed.USERS}
    assert len(seed.USERS) == 10
    assert {role for (role,) in roles} == {"owner", "admin", "moderator", "member"}
    assert visibilities == [("private", 1), ("public", 1), ("secret", 1)]
    assert drifts(database) == []


def test_second_seed_adds_nothing(database: databases.Database) -> None:
    assert not seed.is_seeded(database.url)
    seed.seed(database.url)
    first = counts(database)
    assert seed.is_seeded(database.url)
    seed.seed(database.url)
    assert counts(database) == first


def test_interrupted_seed_adds_nothing_and_the_next_one_adds_everything(
    database: databases.Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:

        def interrupt(*_: object) -> None:
            raise KeyboardInterrupt

        patched.setattr(example_data._Creator, "moderate", interrupt)
        with pytest.raises(KeyboardInterrupt):
            seed.seed(database.url)
    assert set(counts(database).values()) == {0}
    seed.seed(database.url)
    assert counts(database)["post"] == 20


def test_scale_is_reached_once_and_a_larger_one_adds_the_difference(
    database: databases.Database,
) -> None:
    seed.seed(database.url, 500)
    first = counts(database)
    assert first["post"] == 520
    assert first["comment"] > 500
    assert first["reaction"] > 500
    seed.seed(database.url, 500)
    assert counts(database) == first
    seed.seed(database.url, 800)
    assert counts(database)["post"] == 820
    assert drifts(database) == []


def test_interrupted_scale_leaves_whole_batches_and_the_next_run_continues(
    database: databases.Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    seed.seed(database.url)
    make_batch = scale._add_batch
    with monkeypatch.context() as patched:
        patched.setattr(scale, "BATCH_POSTS", 200)

        def interrupted(connection: psycopg.Connection, params: Mapping[str, Any]) -> scale.Added:
            with connection.transaction():
                made = make_batch(connection, params)
                if params["first"] > 400:
                    raise KeyboardInterrupt
            return made

        patched.setattr(scale, "_add_batch", interrupted)
        with pytest.raises(KeyboardInterrupt):
            seed.seed(database.url, 1000)
    assert counts(database)["post"] == 20 + 400
    assert drifts(database) == []
    seed.seed(database.url, 1000)
    assert counts(database)["post"] == 20 + 1000
    assert drifts(database) == []


def test_scale_writes_no_events_and_keeps_the_counting_triggers(
    database: databases.Database,
) -> None:
    seed.seed(database.url)
    before = counts(database)
    seed.seed(database.url, 100)
    after = counts(database)
    assert (after["outbox_event"], after["audit_log"]) == (
        before["outbox_event"],
        before["audit_log"],
    )
    with database.connect() as connection:
        disabled = connection.execute("select tgname from pg_trigger where tgenabled <> 'O'")
        assert disabled.fetchall() == []


def test_generated_rows_obey_the_rules(database: databases.Database) -> None:
    seed.seed(database.url, 500)
    with database.connect() as connection:
        strangers = connection.execute(
            """
            select from (
              select group_id, author_id as user_id from post
              union all select group_id, author_id from comment
              union all select group_id, user_id from reaction
            ) as doers
            left join group_member as m using (group_id, user_id)
            where m.id is null or m.created_at > now()
            """
        ).fetchall()
        misplaced = connection.execute(
            """
            select c.id from comment as c
            join post as p on p.id = c.post_id
            left join comment as parent on parent.id = c.parent_id
            where c.group_id <> p.group_id or c.created_at < p.created_at
              or c.depth <> coalesce(parent.depth + 1, 0) or parent.post_id <> c.post_id
              or parent.created_at > c.created_at
            """
        ).fetchall()
        ids = connection.execute(
            "select id from post where id = any (%s)",
            [[scale.identify(scale.POST, number, 0) for number in (1, 499, 500, 501)]],
        ).fetchall()
    assert strangers == []
    assert misplaced == []
    assert len(ids) == 3
