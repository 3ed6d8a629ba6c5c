"""Effects of each command, and its output as text and as JSON."""

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
    result = communities("migrate", **given)
    assert result.stdout == "tables: already up to date\napi: already up to date\n"
    [undone] = communities("rollback", "--json", **given).rows()
    assert undone == {"rolled_back": [first["applied"][-1]]}
    result = communities("migrate", "--json", **given)
    assert result.rows() == [{"applied": [first["applied"][-1]], "api_rebuilt": True}]
    assert "tables: applied" in result.stderr


@pytest.mark.slow
def test_run_prints_its_addresses_when_it_is_ready(
    communities: Communities, database: databases.Database
) -> None:
    process = communities.start("run", "--json")
    assert process.stdout is not None
    addresses = json.loads(process.stdout.readline())
    origin = addresses["docs"].removesuffix("/docs")
    assert httpx.get(f"{origin}/healthz").json() == {"status": "ok"}
    # The doctor finds the instance on any port.
    found = {row["check"]: row for row in communities.run("doctor", "--json", PORT="0").rows()}
    assert found["instance"] == {
        **found["instance"],
        "status": "ok",
        "found": f"Serves at {origin}.",
    }
    assert found["instance.ready"]["status"] == "ok"
    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate(timeout=60)
    assert (process.returncode, stdout) == (0, "")
    assert stderr.endswith("stopped\n")
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
    stdout, stderr = process.communicate(timeout=60)
    assert (process.returncode, stdout) == (0, "")
    assert "example" not in stderr
    assert value(database, GROUPS) == 0


def test_seed_reports_the_number_of_created_posts(communities: Communities) -> None:
    [made] = communities("seed", "--scale", "200", "--json").rows()
    assert made["examples"] is True
    assert made["posts"] == 200
    result = communities("seed", "--scale", "200")
    assert "exist already" in result.stdout
    assert result.code == 0


def test_token_has_the_given_user_as_its_subject(communities: Communities) -> None:
    user = str(uuid.uuid4())
    [made] = communities("token", user, "--ttl", "60", "--json").rows()
    claims = jwt.decode(made["token"], "sesame" * 8, algorithms=["HS256"])
    assert claims["sub"] == made["user_id"] == user
    assert claims["exp"] - claims["iat"] == 60
    assert communities("token", user).stdout.count(".") == 2


def test_psql_takes_arguments_and_standard_input(communities: Communities) -> None:
    result = communities.run("psql", "--", "-At", "-c", "select 1 + 1", "-c", "select 'two words'")
    assert (result.code, result.stdout, result.stderr) == (0, "2\ntwo words\n", "")
    result = communities.run(
        "psql", "--", "-At", stdin="select 1 + 2;\nselect current_database();\n"
    )
    database = urlsplit(communities.environment["DATABASE_URL"]).path.strip("/")
    assert (result.code, result.stdout) == (0, f"3\n{database}\n")
    assert communities.run("psql", stdin="select 5;").stdout.split() == [
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
def dead_event(database: databases.Database, writer: Writer) -> int:
    """Returns the id of a dead event of a post."""
    writer.post()
    with database.connect() as connection:
        row = connection.execute("select max(id) from outbox_event").fetchone()
        assert row is not None
        connection.execute(
            "insert into outbox_failure values ('search', %s, 5, now(), 'too strange', now())",
            row,
        )
    return int(row[0])


def test_outbox_commands_report_and_repair(communities: Communities, dead_event: int) -> None:
    rows = {row["consumer"]: row for row in communities("outbox", "status", "--json").rows()}
    assert (rows["search"]["dead"], rows["streams"]["dead"]) == (1, 0)
    assert communities("outbox", "status").stdout.splitlines()[0].split() == [
        "consumer", "waiting", "dead", "lag_seconds",
    ]  # fmt: skip
    [row] = communities("outbox", "dead", "--json").rows()
    assert (row["id"], row["error"], row["subject_type"]) == (dead_event, "too strange", "post")
    assert "too strange" in communities("outbox", "dead").stdout
    assert communities("outbox", "replay", str(dead_event), "--json").rows() == [{"replayed": 1}]
    result = communities("outbox", "dead")
    assert (result.code, result.stdout) == (0, "no dead event\n")
    assert communities("outbox", "discard", "--all", "--json").rows() == [{"discarded": 0}]


@pytest.mark.parametrize("verb", ["replay", "discard"])
def test_event_that_is_not_dead_is_reported_and_does_not_block_others(
    communities: Communities, dead_event: int, verb: str
) -> None:
    result = communities.run("outbox", verb, str(dead_event), str(dead_event + 1), "7000", "--json")
    assert (result.code, list(result.rows()[0].values())) == (1, [1])
    assert result.stderr == f"Not dead for search: {dead_event + 1}, 7000.\n"
    assert communities("outbox", verb, str(dead_event)).code == 1


def test_reindex_reports_the_number_of_documents(
    communities: Communities, writer: Writer, index: indexing.Indexing
) -> None:
    writer.some_events()
    [made] = communities("search", "reindex", "--json").rows()
    assert (made["documents"], made["refused"]) == (3, [])
    assert made["index"] in index.aliases().readable
    result = communities("search", "verify", "--json")
    assert (result.code, result.stdout) == (0, "")
    writer.post()
    result = communities("search", "verify")
    assert result.code == 1
    assert "is not in the index" in result.stdout
    assert result.stderr == "1 difference\n"


def test_missing_index_is_reported_in_one_line_with_the_remedy(
    communities: Communities, tmp_path: Path
) -> None:
    result = communities.run("search", "verify")
    assert (result.code, result.stdout) == (1, "")
    assert result.stderr.endswith(". `communities search reindex` builds it.\n")
    blank = {"OPENSEARCH_URL": "", "DATA_DIR": str(tmp_path / "embedded")}
    result = communities.run("search", "verify", **blank)
    assert (result.code, result.stdout, result.stderr.count("\n")) == (1, "", 1)
    assert result.stderr.endswith("in memory; `communities run` builds it.\n")


def test_wrong_counters_are_reported_and_repaired(
    communities: Communities, database: databases.Database, writer: Writer
) -> None:
    post = writer.post()
    value(database, "update post set comments_count = 7 where id = %s returning 1", post)
    result = communities("counters", "verify", "--json")
    assert result.code == 1
    assert result.rows() == [
        {"counter": "post.comments_count", "subject": post, "stored": 7, "actual": 0}
    ]
    assert post in communities("counters", "verify").stdout
    assert communities("counters", "repair", "--json").rows() == [{"repaired": 1}]
    assert communities("counters", "repair").stdout == "0 counters repaired\n"
    assert communities("counters", "verify").code == 0


def test_removal_has_a_dry_run_a_batch_and_an_undo(
    communities: Communities, database: databases.Database, writer: Writer
) -> None:
    post = writer.post()
    writer.comment(post)
    scope = ("--actor", str(writer.user), "--group", writer.group)
    remove = ("moderation", "remove", *scope, "--reason", "spam", "--author", str(writer.user))
    visible = "select count(*) from post where deleted_at is null"
    [tried] = communities(*remove, "--dry-run", "--json").rows()
    assert (tried["posts_count"], tried["comments_count"], tried["dry_run"]) == (1, 1, True)
    assert communities(*remove, "--dry-run").stdout == "1 post and 1 comment would be removed\n"
    assert communities(*remove, "--until", "2020-01-01", "--dry-run").stdout.startswith(
        "0 posts and 0"
    )
    assert value(database, visible) == 1
    assert communities("moderation", "list", *scope).stdout == "no batch\n"
    *items, tried = communities(*remove, "--dry-run", "--list", "--json").rows()
    assert [item["subject_type"] for item in items] == ["comment", "post"]
    assert items[1]["id"] == post
    assert tried["dry_run"] is True
    shown = communities(*remove, "--dry-run", "--list").stdout.splitlines()
    assert shown[0].split() == [*items[0]]
    assert (len(shown), shown[3]) == (4, "1 post and 1 comment would be removed")

    [made] = communities(*remove, "--json").rows()
    assert value(database, visible) == 0
    show = ("moderation", "show", made["id"], "--actor", str(writer.user), "--json")
    assert communities(*show).rows() == items
    [listed] = communities("moderation", "list", *scope, "--json").rows()
    assert listed.items() <= made.items()
    [undone] = communities(
        "moderation", "undo", made["id"], "--actor", str(writer.user), "--json"
    ).rows()
    assert undone["restored_count"] == 2
    assert all(item["restored_at"] for item in communities(*show).rows())
    assert value(database, visible) == 1


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
    scope = ("--actor", str(uuid.uuid4()), "--group", writer.group)
    result = communities.run(
        "moderation", "remove", *scope, "--reason", "x", "--author", str(writer.user)
    )
    assert (result.code, result.stdout, result.stderr.count("\n")) == (1, "", 1)
    assert "(forbidden)" in result.stderr


@pytest.mark.slow
def test_missing_group_or_batch_is_reported(communities: Communities, writer: Writer) -> None:
    actor, nowhere = ("--actor", str(writer.user)), str(uuid.uuid4())
    for kind, arguments in (
        ("group", ("remove", "--group", nowhere, "--reason", "x", "--author", nowhere)),
        ("group", ("list", "--group", nowhere)),
        ("batch", ("undo", nowhere)),
        ("batch", ("show", nowhere)),
    ):
        result = communities.run("moderation", *arguments, *actor)
        assert (result.code, result.stdout, result.stderr.count("\n")) == (1, "", 1)
        assert f"no {kind} {nowhere}" in result.stderr


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
    result = communities("user", "export", str(writer.user))
    kinds = {row["kind"] for row in result.rows()}
    assert {"group", "member", "post", "attachment", "upload"} <= kinds
    file, folder = tmp_path / "user.jsonl", tmp_path / "files"
    written = communities(
        "user", "export", str(writer.user), "--output", str(file), "--files", str(folder)
    )
    assert (written.code, written.stdout) == (0, ""), written.stderr
    assert file.read_text() == result.stdout
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert (folder / uploaded).read_bytes() == b"a picture"
    assert f"1 file in {folder}" in written.stderr
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_unwritable_output_file_is_reported_with_its_path(
    communities: Communities, writer: Writer, tmp_path: Path
) -> None:
    file = tmp_path / "nowhere" / "user.jsonl"
    result = communities.run("user", "export", str(writer.user), "--output", str(file))
    assert (result.code, result.stdout) == (1, "")
    assert result.stderr == f"{file}: No such file or directory\n"


def test_missing_object_is_reported_and_does_not_stop_an_export(
    communities: Communities, writer: Writer, uploaded: str, test_stack: stack.Stack, tmp_path: Path
) -> None:
    client: minio.Minio = probes.s3_client(test_stack.urls, region="us-east-1")
    client.remove_object("communities", uploaded)
    result = communities("user", "export", str(writer.user), "--files", str(tmp_path / "files"))
    assert result.code == 0
    assert f"not in the bucket: {uploaded}" in result.stderr


def test_erasure_requires_a_confirmation(
    communities: Communities, database: databases.Database, writer: Writer
) -> None:
    author = _author_of_a_post(writer)
    wrote = "select count(*) from post where author_id = %s"
    result = communities.run("user", "erase", author, stdin="n\n")
    assert (result.code, result.stdout) == (1, "")
    assert value(database, wrote, author) == 1
    result = communities.run("user", "erase", author, "--json", stdin="y\n")
    assert result.code == 0
    assert {"kind": "post", "count": 1} in result.rows()
    assert value(database, wrote, author) == 0


def test_erasure_removes_only_the_events_of_the_erased_user(
    communities: Communities, writer: Writer, redis_url: str, run_worker: WorkerFactory
) -> None:
    author = _author_of_a_post(writer)
    writer.post("of another author")
    run_worker("relay")
    with redis.Redis.from_url(redis_url) as client:

        def payloads() -> list[str]:
            return [
                entry[b"payload"].decode()
                for stream in streams.STREAMS
                for _, entry in client.xrange(stream)
            ]

        eventually(lambda: any("of another author" in text for text in payloads()))
        client.set(f"idem:{author}:key", "an answer")
        client.set(f"idem:{writer.user}:key", "an answer")
        assert any(author in text for text in payloads())
        result = communities("user", "erase", author, "--yes", "--json")
        counts = {row["kind"]: row["count"] for row in result.rows()}
        assert counts["stream_entry"] >= 1
        assert counts["copied_answer"] == 1
        assert not any(author in text for text in payloads())
        assert any("of another author" in text for text in payloads())
        assert client.keys("idem:*") == [f"idem:{writer.user}:key".encode()]
    assert communities("user", "erase", author, "--yes").code == 0


def test_erasure_is_retried_after_a_deadlock(
    communities: Communities, database: databases.Database, writer: Writer
) -> None:
    author = _author_of_a_post(writer)
    name = urlsplit(database.url).path.strip("/")
    with database.connect() as connection:
        # Only the erasure checks for deadlocks in time, so PostgreSQL aborts the erasure.
        connection.execute(f"alter database {name} set deadlock_timeout = '3s'")
        connection.execute("set deadlock_timeout = '1min'")
        with database.connect() as observer, connection.transaction():
            connection.execute("select from group_entity where id = %s for update", [writer.group])
            process = communities.start("user", "erase", author, "--yes", "--json")
            waiting = (
                "select 1 from pg_locks where not granted "
                "and pid in (select pid from pg_stat_activity where datname = current_database())"
            )
            eventually(lambda: observer.execute(waiting).fetchone(), seconds=60)
            connection.execute("update post set body = 'mine' where author_id = %s", [author])
        stdout, stderr = process.communicate(timeout=60)
    assert (process.returncode, stderr) == (0, "")
    assert '{"kind":"post","count":1}' in stdout
    deadlocks = "select deadlocks from pg_stat_database where datname = current_database()"
    eventually(lambda: value(database, deadlocks) == 1)


def test_last_owner_of_a_group_cannot_be_erased(communities: Communities, writer: Writer) -> None:
    result = communities.run("user", "erase", str(writer.user), "--yes")
    assert (result.code, result.stdout, result.stderr.count("\n")) == (1, "", 1)
    assert writer.group in result.stderr
    assert "(last_owner)" in result.stderr


def test_erasure_is_refused_while_redis_is_down(
    communities: Communities, database: databases.Database, writer: Writer
) -> None:
    author = _author_of_a_post(writer)
    result = communities("user", "erase", author, "--yes", REDIS_URL="redis://127.0.0.1:9/0")
    assert result.code == 1
    assert value(database, "select count(*) from post where author_id = %s", author) == 1


def _author_of_a_post(writer: Writer) -> str:
    author = str(uuid.uuid4())
    connection: psycopg.Connection = writer.connection
    connection.execute("select from api.join_group(%s, %s)", [author, writer.group])
    connection.execute("select from api.create_post(%s, %s, 'my text')", [author, writer.group])
    return author
