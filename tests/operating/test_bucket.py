"""Bucket policy of docs/operating/security.md, which allows what the service needs and no more."""

import json
import re
import secrets
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import minio
import psycopg
import pytest
from minio import error
from minio.credentials import providers

from tests.conftest import ServiceFactory, WorkerFactory
from tests.support.waiting import eventually
from tools.instance import probes, stack

ROOT = Path(__file__).parents[2]
BUCKET = "communities"
PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 100


@dataclass(frozen=True)
class Key:
    """Access key with the documented policy."""

    settings: dict[str, str]
    client: minio.Minio


@pytest.fixture
def key(test_stack: stack.Stack, pytestconfig: pytest.Config) -> Iterator[Key]:
    if not pytestconfig.getoption("real"):
        pytest.skip("Policies need a real store. Run make test-real.")
    text = (ROOT / "docs" / "operating" / "security.md").read_text()
    (policy,) = re.findall(r"```json\n(.*?)```", text, flags=re.S)
    urls, name, secret = test_stack.urls, f"key{secrets.token_hex(6)}", secrets.token_hex(16)
    admin = minio.MinioAdmin(
        endpoint=urlsplit(urls["S3_ENDPOINT_URL"]).netloc,
        credentials=providers.StaticProvider(urls["S3_ACCESS_KEY"], urls["S3_SECRET_KEY"]),
        secure=False,
    )
    admin.user_add(name, secret)
    admin.policy_add(name, policy=json.loads(policy))
    admin.attach_policy([name], user=name)
    settings = {"S3_ACCESS_KEY": name, "S3_SECRET_KEY": secret}
    yield Key(settings, probes.s3_client({**urls, **settings}, region="us-east-1"))
    admin.user_remove(name)
    admin.policy_remove(name)


def test_key_with_the_documented_policy_serves_media_and_sweeps(
    key: Key, run_service: ServiceFactory, run_worker: WorkerFactory, database_url: str
) -> None:
    with run_service(**key.settings).client(uuid.uuid4()) as client:
        group = client.post("/groups", json={"name": "Seen", "visibility": "public"}).json()
        post = client.post(f"/groups/{group['id']}/posts", json={"body": "Look"}).json()
        announced = {"purpose": "post", "mime": "image/png", "size_bytes": len(PNG)}
        upload = client.post("/uploads/presign", json=announced).json()
        put = httpx.put(upload["url"], content=PNG, headers=upload["headers"])
        assert put.status_code == 200, put.text
        subject = {"subject_type": "post", "subject_id": post["id"]}
        linked = client.post("/attachments", json={"key": upload["key"], **subject})
        assert linked.status_code == 201, linked.text
        (media,) = client.get(f"/posts/{post['id']}").json()["media"]
        assert httpx.get(media["url"]).content == PNG
        assert client.delete(f"/attachments/{media['id']}").status_code == 204
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("update orphaned_object set due_at = now()")
        run_worker("sweeper", **key.settings)
        eventually(
            lambda: connection.execute("select from orphaned_object").fetchone() is None, seconds=60
        )
    assert httpx.get(media["url"]).status_code == 404


def test_key_with_the_documented_policy_can_do_nothing_else(key: Key) -> None:
    for forbidden in (
        lambda: key.client.make_bucket(f"other-{secrets.token_hex(6)}"),
        lambda: key.client.remove_bucket(BUCKET),
        lambda: key.client.get_bucket_policy(BUCKET),
        lambda: [*key.client.list_objects("other")],
    ):
        with pytest.raises(error.S3Error) as refused:
            forbidden()
        assert refused.value.code == "AccessDenied"
    assert {bucket.name for bucket in key.client.list_buckets()} <= {BUCKET}
