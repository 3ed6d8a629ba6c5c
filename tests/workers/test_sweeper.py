"""Sweeper, which deletes expired rows and orphaned objects, and keeps all others.

Proves rules 06.9, 61.2, 61.11, 61.12, 61.15 and 70.7.
"""

import contextlib
import http.client
import io
import random
import time
import uuid
from urllib.parse import urlsplit

import httpx
import minio
import psycopg
import pytest
from minio import error

from common import s3 as storage
from common import settings
from tests import conftest
from tests.conftest import WorkerFactory
from tests.support import servers
from tests.support.forwarder import Forwarder
from tests.support.waiting import eventually
from tests.support.writers import Writer, unpublished, wait_until_published
from tools.instance import stack

PNG = b"\x89PNG\r\n\x1a\n"
OFTEN = ("--interval", "0.2")


class Uploads:
    """Uploads of a writer, with their rows and their objects."""

    def __init__(self, writer: Writer, store: minio.Minio, name: str) -> None:
        self.writer = writer
        self.store = store
        self.name = name

    def put(self, key: str) -> None:
        self.store.put_object(self.name, key, io.BytesIO(PNG), len(PNG), content_type="image/png")

    def has(self, key: str) -> bool:
        try:
            self.store.stat_object(self.name, key)
        except error.S3Error:
            return False
        return True

    def make(self) -> tuple[str, str]:
        """Uploads an object and copies it. Returns both keys."""
        row = self.writer.connection.execute(
            """
            select u.key, api.start_upload_copy(%(user)s, u.key, 'image/png', %(size)s)
            from api.presign_upload(%(user)s, 'post', 'image/png', %(size)s) as u
            """,
            {"user": self.writer.user, "size": len(PNG)},
        ).fetchone()
        assert row is not None
        for key in row:
            self.put(key)
        return row[0], row[1]

    def link(self, key: str, final: str, post: str) -> uuid.UUID:
        """Links an upload. Returns the id of the attachment."""
        row = self.writer.connection.execute(
            "select api.confirm_upload_copy(%s, %s, %s, 'image/png', %s)",
            [self.writer.user, key, final, len(PNG)],
        ).fetchone()
        assert row == (True,)
        row = self.writer.connection.execute(
            "select id from api.link_attachment(%s, %s, 'post', %s)", [self.writer.user, key, post]
        ).fetchone()
        assert row is not None
        attachment: uuid.UUID = row[0]
        return attachment


@pytest.fixture
def uploads(writer: Writer, test_stack: stack.Stack) -> Uploads:
    found = settings.load(
        settings.ServiceSettings,
        _env_file=None,
        jwt_secret="unused",
        **{name.lower(): value for name, value in test_stack.urls.items()},
    )
    return Uploads(writer, storage.connect(found, 10), found.s3_bucket)


def expire(connection: psycopg.Connection, key: str) -> None:
    connection.execute(
        "update presigned_upload set expires_at = now() - interval '2 minutes' where key = %s",
        [key],
    )


def count(connection: psycopg.Connection, table: str) -> int:
    row = connection.execute(f"select count(*) from {table}").fetchone()
    assert row is not None
    return int(row[0])


def test_expired_unlinked_upload_is_removed_from_the_table_and_the_bucket(
    run_worker: WorkerFactory, uploads: Uploads, database_connection: psycopg.Connection
) -> None:
    expired, waiting, linked = uploads.make(), uploads.make(), uploads.make()
    uploads.link(*linked, uploads.writer.post())
    expire(database_connection, expired[0])
    run_worker("sweeper", *OFTEN)
    eventually(lambda: not uploads.has(expired[0]) and not uploads.has(expired[1]))
    # The object that a URL can still write waits for the end of the URL.
    eventually(lambda: count(database_connection, "orphaned_object") == 1)
    assert count(database_connection, "presigned_upload") == 2
    assert all(map(uploads.has, (*waiting, *linked)))


def test_object_of_a_removed_attachment_is_removed_from_the_bucket(
    run_worker: WorkerFactory, uploads: Uploads, database_connection: psycopg.Connection
) -> None:
    post = uploads.writer.post()
    (key, final), (_, kept) = uploads.make(), uploads.make()
    attachment = uploads.link(key, final, post)
    run_worker("sweeper", *OFTEN)
    assert uploads.has(final)
    uploads.writer.connection.execute(
        "select api.remove_attachment(%s, %s)", [uploads.writer.user, attachment]
    )
    eventually(lambda: not uploads.has(final))
    assert uploads.has(kept)
    # The uploaded object stays until its URL has expired.
    assert uploads.has(key)
    database_connection.execute("update orphaned_object set due_at = now()")
    eventually(lambda: not uploads.has(key))
    eventually(lambda: not count(database_connection, "orphaned_object"))


def test_object_written_while_its_upload_expires_is_removed(
    run_worker: WorkerFactory,
    writer: Writer,
    bucket: conftest.Bucket,
    database_connection: psycopg.Connection,
) -> None:
    uploads = Uploads(writer, bucket.store, bucket.name)
    (late, _), kept = uploads.make(), uploads.make()
    url = urlsplit(bucket.store.presigned_put_object(bucket.name, late))
    assert url.hostname is not None
    with contextlib.closing(http.client.HTTPConnection(url.hostname, url.port)) as slow:
        slow.putrequest("PUT", f"{url.path}?{url.query}")
        slow.putheader("Content-Length", str(len(PNG)))
        slow.endheaders(PNG[:1])
        expire(database_connection, late)
        sweeper = run_worker("sweeper", *OFTEN, "--stray", "0", S3_BUCKET=bucket.name)
        eventually(lambda: late not in bucket.object_keys())
        eventually(lambda: not count(database_connection, "orphaned_object"))
        slow.send(PNG[1:])
        assert slow.getresponse().status == http.HTTPStatus.OK
    eventually(lambda: "strays found" in sweeper.log.read_text())
    eventually(lambda: sorted(bucket.object_keys()) == sorted(kept))


def test_object_that_the_store_refuses_to_remove_blocks_no_other(
    run_worker: WorkerFactory, uploads: Uploads, database_connection: psycopg.Connection
) -> None:
    database_connection.execute(
        """
        insert into orphaned_object (key, due_at)
        select '../' || n, now() - interval '1 hour' from generate_series(1, 1000) as n
        """
    )
    keys = uploads.make()
    expire(database_connection, keys[0])
    port = str(stack.free_port())
    sweeper = run_worker("sweeper", *OFTEN, METRICS_PORT=port)
    eventually(lambda: not any(map(uploads.has, keys)))
    # MinIO reports only one of the refused keys.
    refused = count(database_connection, "orphaned_object where due_at > now()")
    assert refused > 0
    counted = httpx.get(f"http://127.0.0.1:{port}/metrics").text
    assert f"communities_sweep_refused_total {refused}.0" in counted
    sweeper.stop()
    (logged,) = [line for line in sweeper.lines() if line["level"] != "info"]
    assert (logged["event"], logged["count"]) == ("deletion refused", refused)


def test_missing_object_causes_no_error(
    run_worker: WorkerFactory, uploads: Uploads, database_connection: psycopg.Connection
) -> None:
    database_connection.execute("insert into orphaned_object (key) values ('media/never'), ('x')")
    sweeper = run_worker("sweeper", *OFTEN)
    eventually(lambda: not count(database_connection, "orphaned_object"))
    sweeper.stop()
    assert {line["level"] for line in sweeper.lines()} == {"info"}


@pytest.mark.slow
@pytest.mark.parametrize("silent", [False, True])
def test_orphaned_objects_are_kept_until_s3_is_back(
    silent: bool,
    run_worker: WorkerFactory,
    uploads: Uploads,
    s3_forwarder: Forwarder,
    database_connection: psycopg.Connection,
) -> None:
    key, final = uploads.make()
    expire(database_connection, key)
    if silent:
        s3_forwarder.silent = True
    else:
        s3_forwarder.down()
    sweeper = run_worker("sweeper", *OFTEN, S3_ENDPOINT_URL=s3_forwarder.url)
    eventually(lambda: "store unavailable" in sweeper.log.read_text())
    assert count(database_connection, "orphaned_object") == 2
    assert uploads.has(key)
    if silent:
        s3_forwarder.silent = False
    else:
        s3_forwarder.up()
    eventually(lambda: not count(database_connection, "orphaned_object"))
    assert not uploads.has(key)
    assert not uploads.has(final)
    eventually(lambda: "store available again" in sweeper.log.read_text())
    sweeper.stop()
    logged = [line["event"] for line in sweeper.lines() if line.get("store") == "s3"]
    assert logged == ["store unavailable", "store available again"]


def test_concurrent_sweepers_remove_many_batches(
    run_worker: WorkerFactory, uploads: Uploads, database_connection: psycopg.Connection
) -> None:
    database_connection.execute(
        "insert into orphaned_object (key) select 'none/' || n from generate_series(1, 2500) as n"
    )
    sweepers = [run_worker("sweeper", *OFTEN) for _ in range(2)]
    eventually(lambda: not count(database_connection, "orphaned_object"))
    for sweeper in sweepers:
        sweeper.stop()
        assert {line["level"] for line in sweeper.lines()} == {"info"}


@pytest.mark.slow
def test_sweepers_killed_at_random_remove_expired_rows_and_objects_only(
    run_worker: WorkerFactory, uploads: Uploads, database_connection: psycopg.Connection
) -> None:
    sweepers = [run_worker("sweeper", "--interval", "0.01") for _ in range(2)]
    post = uploads.writer.post()
    gone: list[str] = []
    kept: list[str] = []
    for turn in range(servers.KILL_ROUNDS):
        victim = random.choice(sweepers)
        eventually(victim.has_started, 60)
        for _ in range(3):
            expired = uploads.make()
            gone += expired
            expire(database_connection, expired[0])
        if turn % 10 == 0:
            key, final = uploads.make()
            uploads.link(key, final, post)
            kept.append(final)
        time.sleep(random.uniform(0, 0.2))
        victim.kill()
        victim.start()
    eventually(
        lambda: (
            not count(database_connection, "presigned_upload where expires_at < now()")
            and not count(database_connection, "orphaned_object where due_at <= now()")
        )
    )
    assert not any(map(uploads.has, gone))
    assert all(map(uploads.has, kept))
    for sweeper in sweepers:
        sweeper.stop()
        assert {line["level"] for line in sweeper.lines()} == {"info"}


def test_fully_processed_events_are_deleted_after_a_day(
    run_worker: WorkerFactory, writer: Writer, database_connection: psycopg.Connection
) -> None:
    relay = run_worker("relay")
    writer.some_events()
    wait_until_published(database_connection)
    relay.stop()
    writer.some_events()
    database_connection.execute(
        """
        update outbox_event set processed_at = now(),
          created_at = created_at - case when id % 2 = 0 then interval '25 hours' else '0' end
        """
    )
    database_connection.execute(
        """
        insert into idempotency_key (actor_id, key, fingerprint, created_at)
        values (gen_random_uuid(), 'old', '', now() - interval '25 hours'),
          (gen_random_uuid(), 'new', '', now())
        """
    )
    run_worker("sweeper", *OFTEN)
    done = (
        "created_at < now() - interval '24 hours' and (stream is null or published_at is not null)"
    )
    eventually(lambda: not count(database_connection, f"outbox_event where {done}"))
    # Unpublished events are kept at any age.
    assert unpublished(database_connection) == 8
    assert count(database_connection, "outbox_event where id % 2 = 1") >= 8
    eventually(lambda: count(database_connection, "idempotency_key") == 1)


def test_sweeper_waits_for_the_database(
    run_worker: WorkerFactory,
    uploads: Uploads,
    database_url: str,
    database_connection: psycopg.Connection,
) -> None:
    database_connection.execute("insert into orphaned_object (key) values ('media/never')")
    with Forwarder(database_url) as postgres:
        postgres.down()
        sweeper = run_worker("sweeper", *OFTEN, DATABASE_URL=postgres.url)
        eventually(lambda: "store unavailable" in sweeper.log.read_text())
        postgres.up()
        eventually(lambda: not count(database_connection, "orphaned_object"))
        sweeper.stop()
