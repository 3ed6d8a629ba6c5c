"""Indexer, which keeps the index equal to the tables, also after crashes and outages.

Proves rules 90.8, 90.9, 90.10, 90.11 and 90.14.
"""

import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from typer import testing

from common import settings as configuration
from development import databases
from tests.conftest import WorkerFactory
from tests.support import indexing
from tests.support.forwarder import Forwarder
from tests.support.waiting import eventually
from tests.support.writers import Writer, Writers
from tools.cli import command_line as cli
from workers.runtime import metrics

# Adds an unmapped field to the document of a post whose body is "poison". The index refuses it.
POISON = """
do $do$
begin
  execute replace(
    pg_get_functiondef('api.post_document(public.post)'::regprocedure),
    'api.post_document', 'api.post_document_plain'
  );
end
$do$;
create or replace function api.post_document(p_row public.post)
returns setof api.search_documents language sql stable rows 1
as $$
  select s.kind, s.id, s.version, s.deleted,
    case when p_row.body = 'poison'
      then (s.document::jsonb || '{"unmapped": 1}')::json else s.document end
  from api.post_document_plain(p_row) as s
$$
"""


def waiting(database: databases.Database) -> int:
    with database.connect() as connection:
        row = connection.execute(
            "select waiting from api.measure_outbox() where consumer = 'search'"
        ).fetchone()
    assert row is not None
    return int(row[0])


def attempts(database: databases.Database) -> int:
    with database.connect() as connection:
        row = connection.execute("select coalesce(sum(attempts), 0) from outbox_failure").fetchone()
    assert row is not None
    return int(row[0])


def wait_until_indexed(database: databases.Database) -> None:
    eventually(lambda: waiting(database) == 0)


Command = Callable[..., testing.Result]


@pytest.fixture
def command(index: indexing.Indexing, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    """Returns a runner of `communities …` on this test's stores."""
    for name in configuration.names():
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DATABASE_URL", index.database_url)
    monkeypatch.setenv("OPENSEARCH_URL", index.opensearch_url)
    monkeypatch.setenv("SEARCH_INDEX", index.alias)

    def run(*arguments: str, **given: str) -> testing.Result:
        return testing.CliRunner().invoke(cli.app, arguments, env=given)

    return run


def test_index_equals_the_tables_after_any_change(
    writer: Writer, database: databases.Database, index: indexing.Indexing
) -> None:
    index.rebuild()
    for _ in range(5):
        writer.some_events()
    deleted = writer.post()
    index.drain()
    assert index.differences() == []
    writer.do("delete_post", post_id=writer.post())
    writer.do("delete_group", group_id=writer.group)
    with database.connect() as connection:
        connection.execute("delete from post where id = %s", [deleted])
    [difference] = [each for each in index.differences() if each.id == deleted]
    assert difference.what == "is not in the tables"
    index.drain()
    assert index.differences() == []


def test_verify_reports_every_difference(
    writer: Writer, database: databases.Database, index: indexing.Indexing, command: Command
) -> None:
    missing, older = writer.post(), writer.post()
    index.rebuild()
    writer.do("update_post", post_id=older, patch={"body": "newer"})
    unknown = "00000000-0000-7000-8000-00000000000f"
    source = b'{"kind":"post","id":"%s","version":1,"deleted":false}' % unknown.encode()
    assert index.put(kind="post", id=unknown, version=1, source=source) == {}
    with database.connect() as connection:
        connection.execute("update post set id = gen_random_uuid() where id = %s", [missing])
    done = command("search", "verify", "--json")
    assert done.exit_code == 1, done.output
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert sorted(line["what"] for line in lines) == [
        "is not in the index",
        "is not in the tables",
        "is not in the tables",
        "is older in the index",
    ]
    assert {line["id"] for line in lines} > {missing, older, unknown}
    done = command("search", "reindex")
    assert done.exit_code == 0, done.output
    done = command("search", "verify")
    assert (done.exit_code, done.stdout) == (0, "no difference\n"), done.output


def test_late_and_repeated_events_do_not_change_the_index(
    writer: Writer, index: indexing.Indexing, database: databases.Database
) -> None:
    index.rebuild()
    writer.some_events()
    index.drain()
    with database.connect() as connection:
        connection.execute("update outbox_event set processed_at = null where event_type like '%%'")
        rows = connection.execute("select id from post").fetchall()
    for (post,) in rows:
        source = b'{"kind":"post","id":"%s","version":1,"deleted":true}' % str(post).encode()
        assert index.put(kind="post", id=str(post), version=1, source=source) == {}
    index.drain()
    assert index.differences() == []


def test_concurrent_indexers_create_one_index(
    run_worker: WorkerFactory,
    writer: Writer,
    database: databases.Database,
    index: indexing.Indexing,
) -> None:
    writer.some_events()
    workers = [run_worker("indexer") for _ in range(2)]
    wait_until_indexed(database)
    eventually(lambda: len(index.aliases().indices) == 1)
    assert index.differences() == []
    # An OpenSearch without persistence loses the index when it restarts.
    index.drop()
    writer.some_events()
    wait_until_indexed(database)
    eventually(lambda: index.aliases().readable and len(index.aliases().indices) == 1)
    assert index.differences() == []
    for worker in workers:
        worker.stop()


@pytest.mark.slow
def test_opensearch_outage_uses_no_attempt(
    run_worker: WorkerFactory,
    writer: Writer,
    database: databases.Database,
    index: indexing.Indexing,
) -> None:
    with Forwarder(index.opensearch_url) as unreachable:
        worker = run_worker("indexer", OPENSEARCH_URL=unreachable.url)
        writer.some_events()
        wait_until_indexed(database)
        unreachable.down()
        for _ in range(20):
            writer.some_events()
        time.sleep(2)
        assert waiting(database) > 0
        unreachable.up()
        wait_until_indexed(database)
        assert attempts(database) == 0
        assert index.differences() == []
        worker.stop()


@pytest.mark.slow
def test_indexer_stops_without_loss_while_opensearch_is_silent(
    run_worker: WorkerFactory,
    writer: Writer,
    database: databases.Database,
    index: indexing.Indexing,
) -> None:
    with Forwarder(index.opensearch_url) as silent:
        worker = run_worker("indexer", OPENSEARCH_URL=silent.url)
        writer.some_events()
        wait_until_indexed(database)
        worker.stop()
        writer.some_events()
        silent.silent = True
        worker.start()
        # The indexer has claimed a batch and waits for an answer.
        eventually(lambda: is_claimed(database))
        started = time.monotonic()
        worker.stop()
        assert time.monotonic() - started < 8
        assert waiting(database) == 8
        silent.silent = False
        worker.start()
        wait_until_indexed(database)
        assert attempts(database) == 0
        assert index.differences() == []
        worker.stop()


def is_claimed(database: databases.Database) -> bool:
    """Returns whether a transaction holds waiting events."""
    with database.connect() as connection:
        free = connection.execute(
            "select from outbox_event where processed_at is null for update skip locked"
        ).fetchall()
    return len(free) < waiting(database)


def test_refused_document_does_not_block_other_documents(
    writer: Writer, database: databases.Database, index: indexing.Indexing, command: Command
) -> None:
    index.rebuild()
    with database.connect() as connection:
        connection.execute(POISON)
    before, poisoned, after = writer.post(), writer.post("poison"), writer.post()
    measured = metrics.Metrics()
    index.drain(measured)
    assert [each.id for each in index.differences()] == [poisoned]
    while waiting(database):
        tried = attempts(database)
        assert measured.dead.labels("search")._value.get() == 0
        with database.connect() as connection:
            connection.execute("update outbox_failure set next_attempt_at = now()")
        index.drain(measured)
        # A slow drain may include a second attempt.
        assert attempts(database) > tried
    assert attempts(database) == measured.failed.labels("search")._value.get() == 5
    assert measured.dead.labels("search")._value.get() == 1

    done = command("outbox", "dead", "--json")
    [dead] = map(json.loads, done.stdout.splitlines())
    assert (dead["subject_id"], dead["attempts"]) == (poisoned, 5)
    assert "unmapped" in dead["error"]
    done = command("outbox", "status", "--json")
    assert ("search", 1) in [
        (line["consumer"], line["dead"]) for line in map(json.loads, done.stdout.splitlines())
    ]
    # The cause is repaired, and the event is replayed.
    with database.connect() as connection:
        connection.execute(
            """
            do $do$
            begin
              execute replace(
                pg_get_functiondef('api.post_document_plain(public.post)'::regprocedure),
                'api.post_document_plain', 'api.post_document'
              );
            end
            $do$
            """
        )
    done = command("outbox", "replay", str(dead["id"]))
    assert (done.exit_code, done.stdout) == (0, "1 event replayed\n"), done.output
    index.drain()
    assert index.differences() == []
    assert {before, after} <= {hit["_id"].partition(":")[2] for hit in hits(index)}


def test_dead_events_are_selected_by_id_or_by_all(
    command: Command,
) -> None:
    assert command("outbox", "discard").exit_code == 2
    assert command("outbox", "replay", "1", "--all").exit_code == 2
    done = command("outbox", "discard", "--all")
    assert (done.exit_code, done.stdout) == (0, "0 events discarded\n")


@pytest.mark.slow
def test_reindex_includes_concurrent_writes(
    run_worker: WorkerFactory,
    database: databases.Database,
    index: indexing.Indexing,
    command: Command,
) -> None:
    with Writer.opened(database.url) as writer:
        with database.connect() as connection:
            connection.execute(
                """
                insert into post (group_id, author_id, body)
                select %s, gen_random_uuid(), 'one of many' from generate_series(1, 2500)
                """,
                [writer.group],
            )
        worker = run_worker("indexer")
        eventually(lambda: index.aliases().readable)
        first = index.aliases().indices
        with Writers(database.url):
            done = command("search", "reindex")
            assert done.exit_code == 0, done.output
        wait_until_indexed(database)
        assert index.differences() == []
        aliases = index.aliases()
        assert len(aliases.indices) == 1
        assert aliases.indices != first
        worker.stop()


def hits(index: indexing.Indexing) -> list[dict[str, str]]:
    return index.run(lambda _connection, target: target.scan("post", "0", 1000))


def test_command_reports_unreachable_opensearch_in_one_line(command: Command) -> None:
    done = command("search", "verify", OPENSEARCH_URL="http://127.0.0.1:9")
    assert done.exit_code == 1
    assert "opensearch" in done.output.lower()
    assert isinstance(done.exception, SystemExit)
