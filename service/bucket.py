"""The bucket: what is in it, asked without stopping the event loop, and URLs to write to it."""

import asyncio
import datetime
import http
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeVar

import minio
import urllib3
from minio import commonconfig, error

from service import problems

TIMEOUT: Final = 30.0  # seconds: a copy of the largest object
_ABSENT: Final = ("NoSuchKey", "NoSuchObject", "NoSuchUpload")

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Stored:
    """An object as the store knows it: its type, and its size in bytes."""

    mime: str
    size: int


NOTHING: Final = Stored("", 0)


class Bucket:
    """One bucket. Every method raises Problem 503 when the store can't be asked."""

    def __init__(self, client: minio.Minio, name: str) -> None:
        self._client = client
        self._name = name

    def upload_url(self, key: str, expires_at: datetime.datetime) -> str:
        """A URL that one object can be PUT to until then; made without asking the store."""
        seconds = (expires_at - datetime.datetime.now(datetime.UTC)).total_seconds()
        lifetime = datetime.timedelta(seconds=max(1, int(seconds)))
        return self._client.get_presigned_url("PUT", self._name, key, expires=lifetime)

    async def look(self, key: str) -> Stored | None:
        """What is stored under the key."""

        def look() -> Stored:
            found = self._client.stat_object(self._name, key)
            return Stored(found.content_type or "", found.size or 0)

        return await _asked(look)

    async def copy(self, key: str, to: str) -> None:
        """Copies an object inside the store; one that is not there stays where it isn't."""
        source = commonconfig.CopySource(self._name, key)
        await _asked(lambda: self._client.copy_object(self._name, to, source))


async def _asked(question: Callable[[], T]) -> T | None:
    """The store's answer, None where it has no such object."""
    try:
        return await asyncio.to_thread(question)
    except error.S3Error as refusal:
        if refusal.code in _ABSENT or refusal.response.status == http.HTTPStatus.NOT_FOUND:
            return None
        raise problems.unavailable() from refusal
    except (error.MinioException, urllib3.exceptions.HTTPError, OSError) as trouble:
        raise problems.unavailable() from trouble
