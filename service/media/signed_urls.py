"""Signed URLs: the rulebook names an object as `s3:<key>`, and here that becomes a GET URL."""

import datetime
import functools
import re
import time
from typing import Final

import minio
import orjson

VALID_FOR: Final = datetime.timedelta(hours=1)
# Signed anew so often; until then the same URL is given, which costs nothing and can be cached.
RENEWED_AFTER: Final = 600  # seconds
SIGNED_REMEMBERED: Final = 20_000

# A key of the object itself: inside a JSON string its quotes would be escaped.
_REFERENCE: Final = re.compile(rb'("(?:url|avatar_url|cover_url)": ?)"s3:([^"\\]*)"')


class Signer:
    """Puts signed URLs into answers. It makes them itself, without asking the store."""

    def __init__(self, client: minio.Minio, bucket: str) -> None:
        self._client = client
        self._bucket = bucket
        self._signed = functools.lru_cache(maxsize=SIGNED_REMEMBERED)(self._sign)

    def sign(self, body: bytes) -> bytes:
        """The JSON text with a URL for each reference in it."""
        if b'"s3:' not in body:
            return body
        period = int(time.time()) // RENEWED_AFTER
        return _REFERENCE.sub(lambda match: match[1] + self._signed(match[2], period), body)

    def _sign(self, key: bytes, period: int) -> bytes:
        url = self._client.presigned_get_object(
            self._bucket,
            key.decode(),
            expires=VALID_FOR,
            request_date=datetime.datetime.fromtimestamp(period * RENEWED_AFTER, datetime.UTC),
        )
        return orjson.dumps(url)
