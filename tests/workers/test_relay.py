"""Relay, which publishes each event once and in order, also after crashes and outages.

Proves rules 06.2, 06.3, 06.6, 06.7, 06.8 and 06.11.
"""

import contextlib
import json
import subprocess
import time

import psycopg
import pytest
import redis

from common import streams
from tests.conftest import WorkerFactory
from tests.support.forwarder import Forwarder
from tests.support.waiting import eventually
from tests.support.writers import (
    Writer,
    check,
    entries,
    expected,
    unpublished,
    wait_until_published,
)
from tools.instance import parts


def test_published_events_follow_the_contract(
    run_worker: WorkerFactory,
    writer: Writer,
    database_connection: psycopg.Connection,
    client: redis.Redis,
) -> None:
    run_worker("relay")
    post = writer.post("first words")
    comment = writer.comment(post)
    writer.do("react", subject_id=post, emoji="🎉")
    writer.do("react_to_comment", subject_id=comment, emoji="🎉")
    writer.do("update_group", group_id=writer.group, patch={"name": "Writers"})
    writer.do("delete_comment", comment_id=comment)
    wait_until_published(database_connection)
    check(database_connection, client)
    found = entries(client)
    assert [(stream, fields["type"]) for _, stream, fields in found] == [
        ("comm:post", "post.created"),
        ("comm:comment", "comment.created"),
        ("comm:post", "reaction.added"),
        ("comm:comment", "reaction.added"),
        ("comm:post", "group.updated"),
        ("comm:comment", "comment.deleted"),
    ]
    assert [fields["post_id"] for _, _, fields in found] == [post] * 4 + ["", post]
    for seq, _, fields in found:
        assert set(fields) == {"type", "group_id", "post_id", "payload"}
        assert fields["group_id"] == writer.group
        payload = json.loads(fields["payload"])
        assert payload["event_id"] == f"{seq}-0"
        assert payload["type"] == fields["type"]
        assert payload["group_id"] == writer.group
        assert (payload["post_id"] or "") == fields["post_id"]
        assert payload["actor_id"] == str(writer.user)
        assert set(payload) == {
            *("event_id", "type", "group_id", "post_id", "subject_type", "subject_id"),
            *("actor_id", "occurred_at", "data"),
        }
    assert json.loads(found[0][2]["payload"])["data"]["body"] == "first words"
    assert set(json.loads(found[-1][2]["payload"])["data"]) == {"id", "deleted_at"}


def test_killed_relay_publishes_no_event_twice(
    run_worker: WorkerFactory,
    writer: Writer,
    database_connection: psycopg.Connection,
    client: redis.Redis,
) -> None:
    relay = run_worker("relay")
    writer.some_events()
    wait_until_published(database_connection)
    relay.kill()
    # As after a kill between XADD and the commit.
    database_connection.execute("update outbox_event set published_at = null where stream_seq > 3")
    writer.some_events()
    relay.start()
    wait_until_published(database_connection)
    check(database_connection, client)


@pytest.mark.slow
@pytest.mark.parametrize("silent", [False, True])
def test_events_are_kept_while_redis_is_down(
    silent: bool,
    run_worker: WorkerFactory,
    writer: Writer,
    redis_forwarder: Forwarder,
    database_connection: psycopg.Connection,
    client: redis.Redis,
) -> None:
    relay = run_worker("relay", REDIS_URL=redis_forwarder.url)
    writer.some_events()
    wait_until_published(database_connection)
    if silent:
        redis_forwarder.silent = True
    else:
        redis_forwarder.down()
    for _ in range(3):
        writer.some_events()
        time.sleep(0.3)
    eventually(lambda: "store unavailable" in relay.log.read_text())
    assert unpublished(database_connection) == 24
    if silent:
        redis_forwarder.silent = False
    else:
        redis_forwarder.up()
    wait_until_published(database_connection)
    check(database_connection, client)
    eventually(lambda: "store available again" in relay.log.read_text())
    relay.stop()
    logged = [line["event"] for line in relay.lines() if line.get("store") == "redis"]
    assert logged == ["store unavailable", "store available again"]
    (attempts,) = (
        database_connection.execute("select count(*) from outbox_failure").fetchone() or ()
    )
    assert attempts == 0


def test_relay_waits_until_redis_starts(
    run_worker: WorkerFactory,
    writer: Writer,
    redis_forwarder: Forwarder,
    database_connection: psycopg.Connection,
    client: redis.Redis,
) -> None:
    redis_forwarder.down()
    relay = run_worker("relay", REDIS_URL=redis_forwarder.url)
    writer.some_events()
    eventually(lambda: "store unavailable" in relay.log.read_text())
    redis_forwarder.up()
    wait_until_published(database_connection)
    check(database_connection, client)


def test_event_ids_continue_after_redis_was_emptied(
    run_worker: WorkerFactory,
    writer: Writer,
    database_connection: psycopg.Connection,
    client: redis.Redis,
) -> None:
    run_worker("relay")
    writer.some_events()
    wait_until_published(database_connection)
    last = entries(client)[-1][0]
    client.flushdb()
    writer.some_events()
    wait_until_published(database_connection)
    assert [seq for seq, _, _ in entries(client)] == list(range(last + 1, last + 9))


def test_events_after_a_restore_get_positions_above_those_in_redis(
    run_worker: WorkerFactory,
    writer: Writer,
    database_url: str,
    empty_database_url: str,
    database_connection: psycopg.Connection,
    client: redis.Redis,
) -> None:
    relay = run_worker("relay")
    writer.some_events()
    wait_until_published(database_connection)
    relay.stop()
    # The backup has two events that the relay publishes only later.
    writer.comment(writer.post("in the backup"))
    backup = pg("pg_dump", database_url)
    relay.start()
    writer.some_events()
    wait_until_published(database_connection)
    relay.stop()
    before = entries(client)
    assert [seq for seq, _, _ in before] == list(range(1, 19))

    pg("psql", empty_database_url, "--quiet", "--set=ON_ERROR_STOP=1", given=backup)
    with psycopg.connect(empty_database_url, autocommit=True) as restored:
        restored.execute("set role communities_job")
        again = Writer(restored, writer.user, writer.group)
        again.comment(again.post("after the restore"))
        restored.execute("reset role")
        relay = run_worker("relay", DATABASE_URL=empty_database_url)
        wait_until_published(restored)
        again.connection.execute("set role communities_job")
        again.post("and later")
        restored.execute("reset role")
        wait_until_published(restored)
        relay.stop()
        # Redis keeps its events. The gap makes the service resync.
        assert entries(client)[:18] == before
        assert [seq for seq, _, _ in entries(client)[18:]] == [20, 21, 22]
        wanted = expected(restored)
    assert [seq for seq, _, _, _ in wanted] == [*range(1, 11), 20, 21, 22]
    bodies = [json.loads(fields["payload"])["data"] for _, _, fields in entries(client)[18:]]
    assert [data["body"] for data in bodies] == ["after the restore", "nice", "and later"]
    logged = [line["event"] for line in relay.lines() if line["level"] == "warning"]
    assert logged == ["sequence raised above foreign events"]


def pg(program: str, url: str, *options: str, given: str = "") -> str:
    """Returns the output of a PostgreSQL program for a database."""
    command = [str(parts.postgres_programs() / program), f"--dbname={url}", *options]
    done = subprocess.run(command, input=given, capture_output=True, text=True, check=True)
    return done.stdout


def test_batch_is_published_completely_or_not_at_all(
    run_worker: WorkerFactory,
    writer: Writer,
    database_connection: psycopg.Connection,
    client: redis.Redis,
) -> None:
    # A key of another type makes XADD to one of the two streams fail.
    client.set("comm:comment", "no stream")
    relay = run_worker("relay")
    post = writer.post()
    writer.comment(post)
    writer.do("update_post", post_id=post, patch={"body": "look again"})
    eventually(lambda: "store unavailable" in relay.log.read_text())
    assert unpublished(database_connection) == 3
    assert client.type("comm:post") == "none"
    client.delete("comm:comment")
    wait_until_published(database_connection)
    check(database_connection, client)


def test_event_that_is_committed_late_is_published(
    run_worker: WorkerFactory,
    writer: Writer,
    database_url: str,
    database_connection: psycopg.Connection,
    client: redis.Redis,
) -> None:
    run_worker("relay")
    with Writer.opened(database_url) as late:
        late.connection.execute("begin")
        post = late.post("late")
        writer.some_events()
        eventually(lambda: len(entries(client)) == 8)
        wait_until_published(database_connection)
        late.connection.execute("commit")
        eventually(lambda: len(entries(client)) == 9)
    check(database_connection, client)
    (first,) = database_connection.execute(
        "select aggregate_id::text from outbox_event where stream is not null order by id limit 1"
    ).fetchone() or ("",)
    assert first == post
    assert json.loads(entries(client)[-1][2]["payload"])["subject_id"] == post


def test_streams_keep_only_the_newest_entries(
    run_worker: WorkerFactory,
    writer: Writer,
    database_connection: psycopg.Connection,
    client: redis.Redis,
) -> None:
    for seq in range(1, 1001):
        client.xadd("comm:post", {"type": "old"}, id=f"{seq}-0")
    client.xadd("comm:comment", {"type": "kept"}, id="1500-0")
    database_connection.execute(
        "update stream_sequence set last_seq = %s", [streams.MAX_POSITIONS + 1200]
    )
    run_worker("relay")
    writer.some_events()
    wait_until_published(database_connection)
    left = [seq for seq, _, _ in entries(client)]
    assert 1500 in left
    assert len(left) < 300
    assert left[-8:] == list(range(streams.MAX_POSITIONS + 1201, streams.MAX_POSITIONS + 1209))


def test_concurrent_relays_publish_each_event_once(
    run_worker: WorkerFactory,
    database_connection: psycopg.Connection,
    writer: Writer,
    client: redis.Redis,
) -> None:
    post = writer.post()
    database_connection.execute(
        """
        insert into outbox_event
          (group_id, aggregate_type, aggregate_id, event_type, payload, stream, processed_at)
        select group_id, 'post', gen_random_uuid(), event_type, payload, stream, now()
        from outbox_event, generate_series(1, 5000) where event_type = 'post.created'
        """
    )
    assert post
    for _ in range(2):
        run_worker("relay")
    wait_until_published(database_connection, 30)
    check(database_connection, client)


def test_relay_survives_database_outages(
    run_worker: WorkerFactory,
    writer: Writer,
    database_url: str,
    database_connection: psycopg.Connection,
    client: redis.Redis,
) -> None:
    with Forwarder(database_url) as postgres, contextlib.ExitStack() as end:
        relay = run_worker("relay", DATABASE_URL=postgres.url)
        end.callback(relay.kill)
        for _ in range(3):
            writer.some_events()
            wait_until_published(database_connection)
            postgres.down()
            time.sleep(0.5)
            writer.some_events()
            postgres.up()
        wait_until_published(database_connection)
        check(database_connection, client)
        recovery = ("store available again", "postgres notifications")
        eventually(
            lambda: any((line["event"], line.get("store")) == recovery for line in relay.lines())
        )
        relay.stop()
        logged = [line["event"] for line in relay.lines() if line.get("store") == "postgres"]
        assert logged == ["store unavailable", "store available again"] * 3
