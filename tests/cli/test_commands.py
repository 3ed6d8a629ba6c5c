"""Effects of each command, and its output for people and programs."""

import io
import json
import signal
import stat
import uuid
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import jwt
import minio
import psycopg
import pytest
import redis

from common import streams
from development import databases
from tests.cli.conftest import Communities
from tests.conftest import WorkerFactory
from tests.support import indexing
from tests.support.waiting import eventually
from tests.support.writers import Writer
from tools.instance import probes, stack

GROUPS = "select count(*) from group_entity"


def value(database: databases.Database, query: str, *values: object) -> object:
    with database.connect() as connection:
        row = connection.execute(query.encode(), values).fetchone()
    return row[0] if row else None


def test_migrate_and_rollback_report_their_changes(
    communities: Communities, empty_database_url: str
) -> None:
    given = {"DATABASE_URL": empty_database_url}
    [first] = communities("migrate", "--json", **given).rows()
    assert len(first["applied"]) > 5
    assert first["api_rebuilt"] is True
    told = communities("migrate", **given)
    assert told.out == "tables: already up to date\napi: already up to date\n"
    [undone] = communities("rollback", "--json", **given).rows()
    assert undone == {"rolled_back": [first["applied"][-1]]}
    told = communities("migrate", "--json", **given)
    assert told.rows() == [{"applied": [first["applied"][-1]], "api_rebuilt": True}]
    assert "tables: applied" in told.said


@pytest.mark.slow
def test_run_prints_its_addresses_when_it_is_ready(
    communities: Communities, database: databases.Database
) -> None:
    process = communities.start("run", "--json")
    assert process.stdout is not None
    addresses = json.loads(process.stdout.readline())
    origin = addresses["docs"].removesuffix("/docs")
    assert httpx.get(f"{origin}/healthz").json() == {"status": "ok"}
    # The doctor finds it, wherever it listens.
    found = {row["check"]: row for row in communities.run("doctor", "--json", PORT="0").rows()}
    assert found["instance"] == {
        **found["instance"],
        "status": "ok",
        "found": f"Serves at {origin}.",
    }
    assert found["instance.ready"]["status"] == "ok"
    process.send_signal(signal.SIGINT)
    out, said = process.communicate(timeout=60)
    assert (process.returncode, out) == (0, "")
    assert said.endswith("stopped\n")
    assert value(database, GROUPS) != 0


@pytest.mark.slow
def test_run_seeds_no_examples_when_an_identity_provider_issues_tokens(
    communities: Communities, database: databases.Database
) -> None:
    keys = f"http://127.0.0.1:{stack.free_port()}/keys"
    process = communities.start("run", "--json", given={"JWT_SECRET": "", "JWT_JWKS_URL": keys})
    assert process.stdout is not None
    assert "api" in json.loads(process.stdout.readline())
    process.send_signal(signal.SIGTERM)
    out, said = process.communicate(timeout=60)
    assert (process.returncode, out) == (0, "")
    assert "example" not in said
    assert value(database, GROUPS) == 0


def test_seed_reports_the_number_of_created_posts(communities: Communities) -> None:
    [made] = communities("seed", "--scale", "200", "--json").rows()
    assert made["examples"] is True
    assert made["posts"] == 200
    told = communities("seed", "--scale", "200")
    assert "exist already" in told.out
    assert told.code == 0


def test_token_has_the_given_user_as_its_subject(communities: Communities) -> None:
    user = str(uuid.uuid4())
    [made] = communities("token", user, "--ttl", "60", "--json").rows()
    claims = jwt.decode(made["token"], "sesame" * 8, algorithms=["HS256"])
    assert claims["sub"] == made["user_id"] == user
    assert claims["exp"] - claims["iat"] == 60
    assert communities("token", user).out.count(".") == 2


def test_psql_takes_arguments_and_standard_input(communities: Communities) -> None:
    told = communities.run("psql", "--", "-At", "-c", "select 1 + 1", "-c", "select 'two words'")
    assert (told.code, told.out, told.said) == (0, "2\ntwo words\n", "")
    told = communities.run("psql", "--", "-At", stdin="select 1 + 2;\nselect current_database();\n")
    database = urlsplit(communities.environment["DATABASE_URL"]).path.strip("/")
    assert (told.code, told.out) == (0, f"3\n{database}\n")
    assert communities.run("psql", stdin="select 5;").out.split() == [
        "?column?",
        "----------",
        "5",
        "(1",
        "row)",
    ]


@pytest.mark.slow
def test_psql_command_exits_with_the_code_of_psql(communities: Communities) -> None:
    assert communities.run("psql", "--", "-c", "select").code == 0
    assert communities.run("psql", "--", "-c", "selekt").code == 1
    assert communities.run("psql", "--", "-d", "nowhere", "-c", "select").code == 2
    stop = ("psql", "--", "-v", "ON_ERROR_STOP=1")
    assert communities.run(*stop, stdin="selekt;\nselect 1;\n").code == 3
    assert communities.run("psql", "--", "-c", r"\! kill -KILL $PPID").code == 128 + signal.SIGKILL


@pytest.fixture
def dead(database: databases.Database, writer: Writer) -> int:
    """Returns a post's event that the indexer has given up."""
    writer.post()
    with database.connect() as connection:
        row = connection.execute("select max(id) from outbox_event").fetchone()
        assert row is not None
        connection.execute(
            "insert into outbox_failure values ('search', %s, 5, now(), 'too strange', now())",
            row,
        )
    return int(row[0])


@pytest.fixture
def writer(database: databases.Database) -> Iterator[Writer]:
    with Writer.opened(database.url) as writer:
        yield writer


def test_outbox_commands_report_and_repair(communities: Communities, dead: int) -> None:
    rows = {row["consumer"]: row for row in communities("outbox", "status", "--json").rows()}
    assert (rows["search"]["dead"], rows["streams"]["dead"]) == (1, 0)
    assert communities("outbox", "status").out.splitlines()[0].split() == [
        "consumer", "waiting", "dead", "lag_seconds",
    ]  # fmt: skip
    [row] = communities("outbox", "dead", "--json").rows()
    assert (row["id"], row["error"], row["subject_type"]) == (dead, "too strange", "post")
    assert "too strange" in communities("outbox", "dead").out
    assert communities("outbox", "replay", str(dead), "--json").rows() == [{"replayed": 1}]
    told = communities("outbox", "dead")
    assert (told.code, told.out) == (0, "no dead event\n")
    assert communities("outbox", "discard", "--all", "--json").rows() == [{"discarded": 0}]


@pytest.mark.parametrize("verb", ["replay", "discard"])
def test_event_that_is_not_dead_is_reported_and_does_not_block_others(
    communities: Communities, dead: int, verb: str
) -> None:
    told = communities.run("outbox", verb, str(dead), str(dead + 1), "7000", "--json")
    assert (told.code, list(told.rows()[0].values())) == (1, [1])
    assert told.said == f"Not dead for search: {dead + 1}, 7000.\n"
    assert communities("outbox", verb, str(dead)).code == 1


def test_reindex_reports_the_number_of_documents(
    communities: Communities, writer: Writer, index: indexing.Indexing
) -> None:
    writer.some_events()
    [made] = communities("search", "reindex", "--json").rows()
    assert (made["documents"], made["refused"]) == (3, [])
    assert made["index"] in index.aliases().readable
    told = communities("search", "verify", "--json")
    assert (told.code, told.out) == (0, "")
    writer.post()
    told = communities("search", "verify")
    assert told.code == 1
    assert "is not in the index" in told.out
    assert told.said == "1 difference\n"


def test_missing_index_is_reported_in_one_line_with_the_remedy(
    communities: Communities, tmp_path: Path
) -> None:
    told = communities.run("search", "verify")
    assert (told.code, told.out) == (1, "")
    assert told.said.endswith(". `communities search reindex` builds it.\n")
    blank = {"OPENSEARCH_URL": "", "DATA_DIR": str(tmp_path / "embedded")}
    told = communities.run("search", "verify", **blank)
    assert (told.code, told.out, told.said.count("\n")) == (1, "", 1)
    assert told.said.endswith("in memory; `communities run` builds it.\n")


def test_wrong_counters_are_reported_and_repaired(
    communities: Communities, database: databases.Database, writer: Writer
) -> None:
    post = writer.post()
    value(database, "update post set comments_count = 7 where id = %s returning 1", post)
    told = communities("counters", "verify", "--json")
    assert told.code == 1
    assert told.rows() == [
        {"counter": "post.comments_count", "subject": post, "stored": 7, "actual": 0}
    ]
    assert post in communities("counters", "verify").out
    assert communities("counters", "repair", "--json").rows() == [{"repaired": 1}]
    assert communities("counters", "repair").out == "0 counters repaired\n"
    assert communities("counters", "verify").code == 0


def test_removal_has_a_dry_run_a_batch_and_an_undo(
    communities: Communities, database: databases.Database, writer: Writer
) -> None:
    post = writer.post()
    writer.comment(post)
    who = ("--actor", str(writer.user), "--group", writer.group)
    what = ("moderation", "remove", *who, "--reason", "spam", "--author", str(writer.user))
    living = "select count(*) from post where deleted_at is null"
    [tried] = communities(*what, "--dry-run", "--json").rows()
    assert (tried["posts_count"], tried["comments_count"], tried["dry_run"]) == (1, 1, True)
    assert communities(*what, "--dry-run").out == "1 post and 1 comment would be removed\n"
    assert communities(*what, "--until", "2020-01-01", "--dry-run").out.startswith("0 posts and 0")
    assert value(database, living) == 1
    assert communities("moderation", "list", *who).out == "no batch\n"
    *items, tried = communities(*what, "--dry-run", "--list", "--json").rows()
    assert [item["subject_type"] for item in items] == ["comment", "post"]
    assert items[1]["id"] == post
    assert tried["dry_run"] is True
    shown = communities(*what, "--dry-run", "--list").out.splitlines()
    assert shown[0].split() == [*items[0]]
    assert (len(shown), shown[3]) == (4, "1 post and 1 comment would be removed")

    [made] = communities(*what, "--json").rows()
    assert value(database, living) == 0
    show = ("moderation", "show", made["id"], "--actor", str(writer.user), "--json")
    assert communities(*show).rows() == items
    [listed] = communities("moderation", "list", *who, "--json").rows()
    assert listed.items() <= made.items()
    [undone] = communities(
        "moderation", "undo", made["id"], "--actor", str(writer.user), "--json"
    ).rows()
    assert undone["restored_count"] == 2
    assert all(item["restored_at"] for item in communities(*show).rows())
    assert value(database, living) == 1


def test_list_of_batches_continues_after_the_first_page(
    communities: Communities, writer: Writer
) -> None:
    for number in range(101):
        writer.connection.execute(
            "select from api.remove_content(%s, %s, %s, %s)",
            [writer.user, writer.group, f"reason {number}", uuid.uuid4()],
        )
    rows = communities(
        "moderation", "list", "--actor", str(writer.user), "--group", writer.group, "--json"
    ).rows()
    assert [row["reason"] for row in rows] == [f"reason {n}" for n in reversed(range(101))]


def test_user_without_a_role_cannot_moderate(communities: Communities, writer: Writer) -> None:
    who = ("--actor", str(uuid.uuid4()), "--group", writer.group)
    told = communities.run(
        "moderation", "remove", *who, "--reason", "x", "--author", str(writer.user)
    )
    assert (told.code, told.out, told.said.count("\n")) == (1, "", 1)
    assert "(forbidden)" in told.said


@pytest.mark.slow
def test_missing_group_or_batch_is_reported(communities: Communities, writer: Writer) -> None:
    actor, nowhere = ("--actor", str(writer.user)), str(uuid.uuid4())
    for kind, words in (
        ("group", ("remove", "--group", nowhere, "--reason", "x", "--author", nowhere)),
        ("group", ("list", "--group", nowhere)),
        ("batch", ("undo", nowhere)),
        ("batch", ("show", nowhere)),
    ):
        told = communities.run("moderation", *words, *actor)
        assert (told.code, told.out, told.said.count("\n")) == (1, "", 1)
        assert f"no {kind} {nowhere}" in told.said


@pytest.fixture
def uploaded(
    database: databases.Database, writer: Writer, test_stack: stack.Stack
) -> Iterator[str]:
    """Yields the key of an object that a user has attached to a post."""
    post, content = writer.post(), b"a picture"
    row = writer.connection.execute(
        """
        select u.key, api.start_upload_copy(%(user)s, u.key, 'image/png', %(size)s)
        from api.presign_upload(%(user)s, 'post', 'image/png', %(size)s) as u
        """,
        {"user": writer.user, "size": len(content)},
    ).fetchone()
    assert row is not None
    key, final_key = row
    client = probes.s3_client(test_stack.urls, region="us-east-1")
    client.put_object("communities", final_key, io.BytesIO(content), len(content))
    writer.connection.execute(
        "select from api.confirm_upload_copy(%s, %s, %s, 'image/png', %s)",
        [writer.user, key, final_key, len(content)],
    )
    writer.connection.execute(
        "select from api.link_attachment(%s, %s, 'post', %s, 1, 1)", [writer.user, key, post]
    )
    yield final_key
    client.remove_object("communities", final_key)


def test_export_holds_the_data_and_files_of_a_user(
    communities: Communities, writer: Writer, uploaded: str, tmp_path: Path
) -> None:
    told = communities("user", "export", str(writer.user))
    kinds = {row["kind"] for row in told.rows()}
    assert {"group", "member", "post", "attachment", "upload"} <= kinds
    file, folder = tmp_path / "user.jsonl", tmp_path / "files"
    written = communities(
        "user", "export", str(writer.user), "--output", str(file), "--files", str(folder)
    )
    assert (written.code, written.out) == (0, ""), written.said
    assert file.read_text() == told.out
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert (folder / uploaded).read_bytes() == b"a picture"
    assert f"1 file in {folder}" in written.said
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_unwritable_output_file_is_reported_with_its_path(
    communities: Communities, writer: Writer, tmp_path: Path
) -> None:
    file = tmp_path / "nowhere" / "user.jsonl"
    told = communities.run("user", "export", str(writer.user), "--output", str(file))
    assert (told.code, told.out) == (1, "")
    assert told.said == f"{file}: No such file or directory\n"


def test_missing_object_is_reported_and_does_not_stop_an_export(
    communities: Communities, writer: Writer, uploaded: str, test_stack: stack.Stack, tmp_path: Path
) -> None:
    client: minio.Minio = probes.s3_client(test_stack.urls, region="us-east-1")
    client.remove_object("communities", uploaded)
    told = communities("user", "export", str(writer.user), "--files", str(tmp_path / "files"))
    assert told.code == 0
    assert f"not in the bucket: {uploaded}" in told.said


def test_erasure_requires_a_confirmation(
    communities: Communities, database: databases.Database, writer: Writer
) -> None:
    author = _somebody_who_wrote(writer)
    wrote = "select count(*) from post where author_id = %s"
    told = communities.run("user", "erase", author, stdin="n\n")
    assert (told.code, told.out) == (1, "")
    assert value(database, wrote, author) == 1
    told = communities.run("user", "erase", author, "--json", stdin="y\n")
    assert told.code == 0
    assert {"kind": "post", "count": 1} in told.rows()
    assert value(database, wrote, author) == 0


def test_erasure_removes_only_the_events_of_the_erased_user(
    communities: Communities, writer: Writer, redis_url: str, run_worker: WorkerFactory
) -> None:
    author = _somebody_who_wrote(writer)
    writer.post("of somebody else")
    run_worker("relay")
    with redis.Redis.from_url(redis_url) as client:

        def payloads() -> list[str]:
            return [
                entry[b"payload"].decode()
                for stream in streams.STREAMS
                for _, entry in client.xrange(stream)
            ]

        eventually(lambda: any("of somebody else" in text for text in payloads()))
        client.set(f"idem:{author}:key", "an answer")
        client.set(f"idem:{writer.user}:key", "an answer")
        assert any(author in text for text in payloads())
        told = communities("user", "erase", author, "--yes", "--json")
        counts = {row["kind"]: row["count"] for row in told.rows()}
        assert counts["stream_entry"] >= 1
        assert counts["copied_answer"] == 1
        assert not any(author in text for text in payloads())
        assert any("of somebody else" in text for text in payloads())
        assert client.keys("idem:*") == [f"idem:{writer.user}:key".encode()]
    assert communities("user", "erase", author, "--yes").code == 0


def test_erasure_is_retried_after_a_deadlock(
    communities: Communities, database: databases.Database, writer: Writer
) -> None:
    author = _somebody_who_wrote(writer)
    name = urlsplit(database.url).path.strip("/")
    with database.connect() as connection:
        # The erasure is the one who looks for a deadlock, and so the one who gives way.
        connection.execute(f"alter database {name} set deadlock_timeout = '3s'")
        connection.execute("set deadlock_timeout = '1min'")
        with database.connect() as observer, connection.transaction():
            connection.execute("select from group_entity where id = %s for update", [writer.group])
            process = communities.start("user", "erase", author, "--yes", "--json")
            waits = (
                "select 1 from pg_locks where not granted "
                "and pid in (select pid from pg_stat_activity where datname = current_database())"
            )
            eventually(lambda: observer.execute(waits).fetchone(), seconds=60)
            connection.execute("update post set body = 'mine' where author_id = %s", [author])
        out, said = process.communicate(timeout=60)
    assert (process.returncode, said) == (0, "")
    assert '{"kind":"post","count":1}' in out
    lost = "select deadlocks from pg_stat_database where datname = current_database()"
    eventually(lambda: value(database, lost) == 1)


def test_last_owner_of_a_group_cannot_be_erased(communities: Communities, writer: Writer) -> None:
    told = communities.run("user", "erase", str(writer.user), "--yes")
    assert (told.code, told.out, told.said.count("\n")) == (1, "", 1)
    assert writer.group in told.said
    assert "(last_owner)" in told.said


def test_erasure_is_refused_while_redis_is_down(
    communities: Communities, database: databases.Database, writer: Writer
) -> None:
    author = _somebody_who_wrote(writer)
    told = communities("user", "erase", author, "--yes", REDIS_URL="redis://127.0.0.1:9/0")
    assert told.code == 1
    assert value(database, "select count(*) from post where author_id = %s", author) == 1


def _somebody_who_wrote(writer: Writer) -> str:
    author = str(uuid.uuid4())
    connection: psycopg.Connection = writer.connection
    connection.execute("select from api.join_group(%s, %s)", [author, writer.group])
    connection.execute("select from api.create_post(%s, %s, 'my words')", [author, writer.group])
    return author
