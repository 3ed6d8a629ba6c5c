"""The bucket: an object goes in, out, across and away; a signed URL works; nobody else looks in."""

import datetime
import io
import secrets
from collections.abc import Iterator
from typing import Final

import minio
import urllib3
from minio import commonconfig, error

from tools.doctor import findings
from tools.doctor.findings import Context, Finding, failure, ok, warning
from tools.instance import probes

VARIABLE: Final = "S3_ENDPOINT_URL"
CONTENT: Final = b"looked at by communities doctor"
ORIGIN: Final = "https://example.com"
_HINTS: Final = {
    "InvalidAccessKeyId": "correct S3_ACCESS_KEY",
    "SignatureDoesNotMatch": "correct S3_SECRET_KEY (and S3_REGION)",
    # Whether there is a bucket is asked by HEAD, whose answer tells no more than this.
    "AccessDenied": "correct S3_ACCESS_KEY and S3_SECRET_KEY, or give them the right to list, "
    "read, write and delete in the bucket",
    "AuthorizationHeaderMalformed": "correct S3_REGION",
    "RequestTimeTooSkewed": "set this machine's clock",
}


def look(context: Context) -> Iterator[Finding]:
    url = context.url(VARIABLE)
    if url is None:
        yield findings.not_started("s3", VARIABLE)
        return
    bucket = context.settings.s3_bucket
    with urllib3.PoolManager(timeout=findings.TIMEOUT_SECONDS, retries=False) as http:
        client = probes.s3_client(context.urls, region=context.settings.s3_region, http=http)
        try:
            if not client.bucket_exists(bucket):
                yield failure(
                    "s3", f"there is no bucket {bucket} at {findings.place(url)}",
                    "make it, or let `communities run` make it, or correct S3_BUCKET",
                )  # fmt: skip
                return
            yield ok("s3", f"bucket {bucket} at {findings.place(url)}")
            origins = [o for o in context.settings.cors_origins if o != "*"]
            yield from _round_trip(client, http, bucket, origins)
            yield _privacy(http, url, bucket)
        except error.S3Error as refusal:
            todo = _HINTS.get(refusal.code or "", "see what the store says about it")
            cause = ConnectionError(f"{refusal.code}: {refusal.message}")
            yield findings.unreachable("s3", VARIABLE, url, cause, todo)
        except (error.MinioException, urllib3.exceptions.HTTPError, OSError) as trouble:
            todo = "start the store, or correct scheme, host, port and certificate"
            yield findings.unreachable("s3", VARIABLE, url, trouble, todo)


def _round_trip(
    client: minio.Minio, http: urllib3.PoolManager, bucket: str, origins: list[str]
) -> Iterator[Finding]:
    key = f"doctor/{secrets.token_hex(8)}"
    copy = f"{key}-copy"
    lifetime = datetime.timedelta(minutes=1)
    upload = client.get_presigned_url("PUT", bucket, key, expires=lifetime)
    try:
        client.put_object(bucket, copy, io.BytesIO(CONTENT), len(CONTENT))
        sent = http.request("PUT", upload, body=CONTENT, headers={"Content-Type": "text/plain"})
        if sent.status != 200:
            yield failure(
                "s3.signed", f"an upload by a signed URL is answered {sent.status}",
                "a proxy may change the request: users must reach S3_ENDPOINT_URL as it is set",
            )  # fmt: skip
            return
        client.copy_object(bucket, copy, commonconfig.CopySource(bucket, key))
        download = client.get_presigned_url("GET", bucket, copy, expires=lifetime)
        got = http.request("GET", download)
        if got.status != 200 or got.data != CONTENT:
            yield failure(
                "s3.signed", f"a download by a signed URL is answered {got.status}",
                "a proxy may change the request: users must reach S3_ENDPOINT_URL as it is set",
            )  # fmt: skip
            return
        yield ok("s3.objects", "put, copied, got by a signed URL, and removed")
        yield _cors(http, upload, origins)
    finally:
        for name in (key, copy):
            client.remove_object(bucket, name)


def _cors(http: urllib3.PoolManager, upload: str, origins: list[str]) -> Finding:
    """Checks CORS, which web pages need for uploads and apps do not."""
    refused = [origin for origin in origins or [ORIGIN] if not _lets_in(http, upload, origin)]
    if not refused:
        return ok("s3.cors", "web pages may upload")
    if origins:
        return warning(
            "s3.cors", f"pages of {', '.join(refused)}, which CORS_ORIGINS names, may not upload",
            "allow these origins PUT and GET in the bucket's CORS rules",
        )  # fmt: skip
    return ok(
        "s3.cors",
        "web pages of other origins may not upload; if they are to, allow their origins PUT and "
        "GET in the bucket's CORS rules",
    )


def _lets_in(http: urllib3.PoolManager, upload: str, origin: str) -> bool:
    headers = {"Origin": origin, "Access-Control-Request-Method": "PUT"}
    answer = http.request("OPTIONS", upload, headers=headers)
    return answer.headers.get("Access-Control-Allow-Origin") in ("*", origin)


def _privacy(http: urllib3.PoolManager, url: str, bucket: str) -> Finding:
    answer = http.request("GET", f"{url.rstrip('/')}/{bucket}?list-type=2")
    if answer.status == 200:
        return warning(
            "s3.privacy", f"anybody may list the bucket {bucket}", "make the bucket private"
        )
    return ok("s3.privacy", "without a signature nobody looks in")
