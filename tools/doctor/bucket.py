"""S3: a round trip of an object, signed URLs, CORS, and privacy of the bucket."""

import datetime
import io
import secrets
from collections.abc import Iterator
from typing import Final

import minio
import urllib3
from minio import commonconfig, error

from tools.doctor import findings
from tools.doctor.findings import Context, Finding, failure, graded, ok, warning
from tools.instance import probes

VARIABLE: Final = "S3_ENDPOINT_URL"
CONTENT: Final = b"written by communities doctor"
ORIGIN: Final = "https://example.com"
LIFETIME: Final = datetime.timedelta(minutes=1)
_HINTS: Final = {
    "InvalidAccessKeyId": "Correct S3_ACCESS_KEY.",
    "SignatureDoesNotMatch": "Correct S3_SECRET_KEY, and S3_REGION.",
    # A bucket is looked up by HEAD, whose answer has no other code.
    "AccessDenied": "Correct S3_ACCESS_KEY and S3_SECRET_KEY, or grant them the rights to list, "
    "read, write and delete in the bucket.",
    "AuthorizationHeaderMalformed": "Correct S3_REGION.",
    "RequestTimeTooSkewed": "Set this machine's clock.",
}
_PROXY: Final = "A proxy may change requests. Users must reach S3_ENDPOINT_URL as it is set."


def check(context: Context) -> Iterator[Finding]:
    """Yields the findings of the bucket."""
    url = context.url(VARIABLE)
    if url is None:
        yield findings.not_started("s3", VARIABLE)
        return
    bucket = context.settings.s3_bucket
    with urllib3.PoolManager(timeout=findings.TIMEOUT_SECONDS, retries=False) as http:
        client = probes.s3_client(context.urls, region=context.settings.s3_region, http=http)
        try:
            exists = client.bucket_exists(bucket)
            found = f"bucket {bucket} at {probes.address(url)}"
            todo = "Create it with `communities bucket`, or correct S3_BUCKET."
            yield graded("s3", found if exists else f"There is no {found}.", todo, fails=not exists)
            if exists:
                origins = [origin for origin in context.settings.cors_origins if origin != "*"]
                yield from _round_trip(client, http, bucket, origins)
                yield _privacy(http, url, bucket)
        except error.S3Error as refusal:
            todo = _HINTS.get(refusal.code or "", "Read the message of the store.")
            cause = ConnectionError(f"{refusal.code}: {refusal.message}")
            yield findings.unreachable("s3", VARIABLE, url, cause, todo)
        except (error.MinioException, urllib3.exceptions.HTTPError, OSError) as trouble:
            todo = "Start the store, or correct scheme, host, port and certificate."
            yield findings.unreachable("s3", VARIABLE, url, trouble, todo)


def _round_trip(
    client: minio.Minio, http: urllib3.PoolManager, bucket: str, origins: list[str]
) -> Iterator[Finding]:
    key = f"doctor/{secrets.token_hex(8)}"
    copy = f"{key}-copy"
    upload = client.get_presigned_url("PUT", bucket, key, expires=LIFETIME)
    download = client.get_presigned_url("GET", bucket, copy, expires=LIFETIME)
    try:
        client.put_object(bucket, copy, io.BytesIO(CONTENT), len(CONTENT))
        put = http.request("PUT", upload, body=CONTENT, headers={"Content-Type": "text/plain"})
        if put.status != 200:
            found = f"An upload by a signed URL is answered with {put.status}."
            yield failure("s3.signed", found, _PROXY)
            return
        client.copy_object(bucket, copy, commonconfig.CopySource(bucket, key))
        got = http.request("GET", download)
        if got.status != 200 or got.data != CONTENT:
            found = f"A download by a signed URL is answered with {got.status}."
            yield failure("s3.signed", found, _PROXY)
            return
        yield ok(
            "s3.objects", "An object was uploaded, copied, downloaded by a signed URL, and deleted."
        )
        yield _cors(http, upload, origins)
    finally:
        for name in (key, copy):
            client.remove_object(bucket, name)


def _cors(http: urllib3.PoolManager, upload: str, origins: list[str]) -> Finding:
    """Returns whether web pages may upload. Apps need no CORS."""
    refused = [origin for origin in origins or [ORIGIN] if not _is_allowed(http, upload, origin)]
    todo = "Allow these origins PUT and GET in the CORS rules of the bucket."
    if refused and origins:
        found = f"Web pages of {', '.join(refused)} in CORS_ORIGINS cannot upload."
        return warning("s3.cors", found, todo)
    if refused:
        return ok("s3.cors", "Web pages of other origins cannot upload. CORS rules can allow it.")
    return ok("s3.cors", "Web pages can upload.")


def _is_allowed(http: urllib3.PoolManager, upload: str, origin: str) -> bool:
    headers = {"Origin": origin, "Access-Control-Request-Method": "PUT"}
    answer = http.request("OPTIONS", upload, headers=headers)
    return answer.headers.get("Access-Control-Allow-Origin") in ("*", origin)


def _privacy(http: urllib3.PoolManager, url: str, bucket: str) -> Finding:
    listing = http.request("GET", f"{url.rstrip('/')}/{bucket}?list-type=2")
    is_public = listing.status == 200
    found = f"Anyone can list the bucket {bucket}." if is_public else "Requests need a signature."
    return graded("s3.privacy", found, "Make the bucket private.", warns=is_public)
