"""Signed GET URLs for the references `s3:<key>` of the rulebook."""

import datetime
import functools
import re
import time
from typing import Final

import minio
import orjson

LIFETIME: Final = datetime.timedelta(hours=1)
# A reused URL saves signing, and clients can cache its object.
REUSE_SECONDS: Final = 600
MAX_CACHED: Final = 20_000

# Matches a field of the answer. Inside a JSON string the quotes would be escaped.
_REFERENCE: Final = re.compile(rb'("(?:url|avatar_url|cover_url)": ?)"s3:([^"\\]*)"')


class Signer:
    """Signer of the URLs in answers. It signs locally, without a request to the store."""

    def __init__(self, client: minio.Minio, bucket: str) -> None:
        self._client = client
        self._bucket = bucket
        self._signed = functools.lru_cache(maxsize=MAX_CACHED)(self._sign)

    def sign(self, body: bytes) -> bytes:
        """Returns the JSON text with a URL for each reference in it."""
        if b'"s3:' not in body:
            return body
        period = int(time.time()) // REUSE_SECONDS
        return _REFERENCE.sub(lambda match: match[1] + self._signed(match[2], period), body)

    def _sign(self, key: bytes, period: int) -> bytes:
        url = self._client.presigned_get_object(
            self._bucket,
            key.decode(),
            expires=LIFETIME,
            request_date=datetime.datetime.fromtimestamp(period * REUSE_SECONDS, datetime.UTC),
        )
        return orjson.dumps(url)
