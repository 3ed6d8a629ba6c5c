"""Signed URLs, which replace object keys in answers. Proves rule 03.4."""

import json
import time
from urllib.parse import parse_qs, urlsplit

import httpx
import minio
import psycopg
import pytest

from service.media import signed_urls
from tests.support import api_client, servers


@pytest.fixture
def signer() -> signed_urls.Signer:
    client = minio.Minio("s3.test:9000", "access", "secret", secure=False, region="us-east-1")
    return signed_urls.Signer(client, "communities")


@pytest.mark.parametrize("field", ["url", "avatar_url", "cover_url"])
@pytest.mark.parametrize("space", ["", " "])
def test_object_reference_becomes_a_url_that_expires(
    field: str, space: str, signer: signed_urls.Signer
) -> None:
    body = f'{{"a":1,"{field}":{space}"s3:avatar/kéy 1","b":[]}}'.encode()
    signed = json.loads(signer.sign(body))
    url = urlsplit(signed.pop(field))
    assert signed == {"a": 1, "b": []}
    assert (url.scheme, url.netloc) == ("http", "s3.test:9000")
    assert url.path == "/communities/avatar/k%C3%A9y%201"
    assert parse_qs(url.query)["X-Amz-Expires"] == ["3600"]


@pytest.mark.parametrize(
    "text",
    [
        "s3:key",
        '"url":"s3:key"',
        '{"url":"s3:key"}',
        '\\"url\\":\\"s3:key\\"',
        'x","url":"s3:key',
        "url",
    ],
)
def test_text_of_a_user_is_never_signed(text: str, signer: signed_urls.Signer) -> None:
    body = json.dumps({"body": text, "items": ["url", "s3:key"], "key": "s3:key"}).encode()
    assert signer.sign(body) == body


def test_signed_url_is_reused_within_its_interval(signer: signed_urls.Signer) -> None:
    body = b'{"url":"s3:key"}'
    start = int(time.time()) // signed_urls.REUSE_SECONDS
    signed = {signer.sign(body) for _ in range(3)}
    assert len(signed) == 1 or int(time.time()) // signed_urls.REUSE_SECONDS > start


def test_group_picture_is_downloadable_by_its_signed_url(
    user: api_client.User, shared_service: servers.Service
) -> None:
    group_id = user.make_group()
    store = _store(shared_service)
    key = f"avatar/{group_id}.png"
    store.fput_object(shared_service.environment.get("S3_BUCKET", "communities"), key, __file__)
    with psycopg.connect(shared_service.environment["DATABASE_URL"]) as connection:
        connection.execute("update group_entity set avatar_key = %s where id = %s", [key, group_id])
    group = user.client.get(f"/groups/{group_id}").json()
    assert group["cover_url"] is None
    assert httpx.get(group["avatar_url"]).status_code == 200
    assert httpx.get(group["avatar_url"].replace("avatar/", "avatar/x")).status_code == 403
    (listed,) = user.client.get("/groups?mine=true").json()["items"]
    assert listed["avatar_url"] == group["avatar_url"]


def _store(service: servers.Service) -> minio.Minio:
    return minio.Minio(
        urlsplit(service.environment["S3_ENDPOINT_URL"]).netloc,
        service.environment["S3_ACCESS_KEY"],
        service.environment["S3_SECRET_KEY"],
        secure=False,
        region="us-east-1",
    )
