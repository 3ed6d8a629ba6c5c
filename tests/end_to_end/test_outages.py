"""Outages of each backing store during writes over HTTP. Proves rules 00.8, 06.7 and 90.9."""

from contextlib import ExitStack

import httpx
import psycopg
import pytest
import redis

from development import databases
from tests.conftest import ServiceFactory, WorkerFactory
from tests.support import api_client, indexing
from tests.support.forwarder import Forwarder
from tests.support.sockets import Instance
from tests.support.waiting import eventually
from tests.support.writers import check, unpublished, wait_until_published
from tools.instance import stack

PNG = b"\x89PNG\r\n\x1a\n"
TIMEOUT_SECONDS = 60.0
WAITING = "select sum(waiting) from api.measure_outbox()"


def write(user: api_client.User, group_id: str) -> str:
    """Writes, reacts, edits, deletes and reads, and asserts success. Returns the id of the post."""
    post = user.make_post(group_id, "owls")
    comment = user.make_comment(post)
    client, keyed = user.client, {"Idempotency-Key": post}
    for response in (
        client.post(f"/posts/{post}/reactions", json={"emoji": "🦉"}, headers=keyed),
        client.post(f"/posts/{post}/reactions", json={"emoji": "🦉"}, headers=keyed),
        client.patch(f"/comments/{comment}", json={"body": "changed"}),
        client.delete(f"/comments/{comment}"),
        client.get(f"/groups/{group_id}/posts"),
    ):
        assert response.is_success, response.text
    return post


def check_unavailable(response: httpx.Response) -> None:
    api_client.problem(response, 503, "unavailable")
    assert int(response.headers["retry-after"]) > 0


@pytest.mark.slow
def test_backlog_of_a_store_outage_is_processed_after_the_store_recovers(
    run_service: ServiceFactory,
    run_worker: WorkerFactory,
    test_stack: stack.Stack,
    database: databases.Database,
    redis_url: str,
    index: indexing.Indexing,
) -> None:
    with ExitStack() as end:
        urls = {**test_stack.urls, "REDIS_URL": redis_url}
        stores = {
            name: end.enter_context(Forwarder(urls[name]))
            for name in ("REDIS_URL", "OPENSEARCH_URL", "S3_ENDPOINT_URL")
        }
        given = {name: store.url for name, store in stores.items()}
        instance = Instance([run_service(**given)])
        end.callback(instance.close)
        workers = [run_worker(name, **given) for name in ("relay", "indexer")]
        workers.append(run_worker("sweeper", "--interval", "0.2", **given))
        connection = end.enter_context(psycopg.connect(database.url, autocommit=True))
        client = end.enter_context(redis.Redis.from_url(redis_url, decode_responses=True))
        owner, group_id = instance.user("owner"), instance.group("public")

        def waiting() -> int:
            row = connection.execute(WAITING).fetchone()
            assert row is not None
            return int(row[0])

        def search() -> httpx.Response:
            return owner.client.get("/search", params={"q": "owls", "limit": 100})

        def found() -> set[str]:
            return {hit["post"]["id"] for hit in search().json().get("items", [])}

        def check_caught_up() -> None:
            eventually(lambda: waiting() == 0, TIMEOUT_SECONDS)
            assert index.differences() == []

        posts = [write(owner, group_id)]
        check_caught_up()

        stores["OPENSEARCH_URL"].down()
        posts.append(write(owner, group_id))
        check_unavailable(search())
        wait_until_published(connection, TIMEOUT_SECONDS)
        assert waiting() > 0
        stores["OPENSEARCH_URL"].up()
        check_caught_up()
        eventually(lambda: found() == set(posts), TIMEOUT_SECONDS)

        stores["REDIS_URL"].down()
        posts.append(write(owner, group_id))
        assert unpublished(connection) > 0
        # The indexer does not depend on Redis.
        eventually(lambda: found() == set(posts), TIMEOUT_SECONDS)
        stores["REDIS_URL"].up()
        check_caught_up()
        check(connection, client)

        before = client.xinfo_stream("comm:post")["last-generated-id"]
        client.flushdb()
        posts.append(write(owner, group_id))
        check_caught_up()
        first = client.xrange("comm:post", count=1)[0][0]
        assert int(first.partition("-")[0]) > int(before.partition("-")[0])

        upload = owner.client.post(
            "/uploads/presign",
            json={"purpose": "post", "mime": "image/png", "size_bytes": len(PNG)},
        ).json()
        linked = {"key": upload["key"], "subject_type": "post", "subject_id": posts[0]}
        # The URL has the address of the forwarder.
        assert httpx.put(
            upload["url"], content=PNG, headers={"Content-Type": "image/png"}
        ).is_success
        stores["S3_ENDPOINT_URL"].down()
        posts.append(write(owner, group_id))
        check_unavailable(owner.client.post("/attachments", json=linked))
        connection.execute("insert into orphaned_object (key) values ('media/never')")
        eventually(lambda: "store unavailable" in workers[2].log.read_text(), TIMEOUT_SECONDS)
        stores["S3_ENDPOINT_URL"].up()
        assert owner.client.post("/attachments", json=linked).status_code == 201
        due = "select count(*) from orphaned_object where due_at <= now()"
        eventually(lambda: connection.execute(due).fetchone() == (0,), TIMEOUT_SECONDS)
        check_caught_up()

        attempts = "select count(*) from outbox_failure"
        assert connection.execute(attempts).fetchone() == (0,)
        for worker in workers:
            worker.stop()
            assert "error" not in {line["level"] for line in worker.lines()}
