"""The bucket: what is in it, asked without stopping the event loop, and URLs to write to it."""

import datetime
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar
from urllib.parse import urlsplit

import minio
import urllib3
from minio import commonconfig, deleteobjects, error

from common import blocking_calls, outages
from common import settings as configuration

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
    """One bucket. Every method raises StoreUnavailable when the store can't be asked."""

    def __init__(self, client: minio.Minio, name: str) -> None:
        self._client = client
        self._name = name
        self._calls = blocking_calls.BlockingCalls("s3")

    def upload_url(self, key: str, expires_at: datetime.datetime) -> str:
        """Returns a URL that one object can be PUT to until then; made without asking the store."""
        seconds = (expires_at - datetime.datetime.now(datetime.UTC)).total_seconds()
        lifetime = datetime.timedelta(seconds=max(1, int(seconds)))
        return self._client.get_presigned_url("PUT", self._name, key, expires=lifetime)

    async def look(self, key: str) -> Stored | None:
        """Returns what is stored under the key."""

        def look() -> Stored:
            found = self._client.stat_object(self._name, key)
            return Stored(found.content_type or "", found.size or 0)

        return await self._found(look)

    async def copy(self, key: str, to: str) -> None:
        """Copies an object inside the store; one that is not there stays where it isn't."""
        source = commonconfig.CopySource(self._name, key)
        await self._found(lambda: self._client.copy_object(self._name, to, source))

    async def older(self, prefix: str, than: datetime.datetime) -> list[str]:
        """Returns the keys with this prefix of objects that were written before then."""

        def older() -> list[str]:
            return [
                found.object_name
                for found in self._client.list_objects(self._name, prefix, recursive=True)
                if found.object_name and found.last_modified and found.last_modified < than
            ]

        return await self._asked(older)

    async def remove(self, keys: Sequence[str]) -> dict[str, str]:
        """Removes objects; the keys that the store refuses to remove, and its word for why."""

        def remove() -> dict[str, str]:
            orphaned = [deleteobjects.DeleteObject(key) for key in keys]
            return {
                refusal.name or "": refusal.code
                for refusal in self._client.remove_objects(self._name, orphaned)
                if refusal.code not in _ABSENT
            }

        return await self._asked(remove)

    async def _found(self, question: Callable[[], T]) -> T | None:
        """Returns the store's answer, None where it has no such object."""

        def ask() -> T | None:
            try:
                return question()
            except error.S3Error as refusal:
                # Of an object it says just that it isn't there when the whole bucket is not.
                if refusal.code in _ABSENT and self._client.bucket_exists(self._name):
                    return None
                raise

        return await self._asked(ask)

    async def _asked(self, question: Callable[[], T]) -> T:
        try:
            return await self._calls.run(question)
        except (error.MinioException, urllib3.exceptions.HTTPError, OSError) as trouble:
            raise outages.StoreUnavailable("s3") from trouble


def connect(settings: configuration.ServiceSettings, timeout: float) -> minio.Minio:
    """Returns a client of the store. `timeout` is in seconds."""
    endpoint = urlsplit(settings.s3_endpoint_url.get_secret_value())
    return minio.Minio(
        endpoint.netloc,
        access_key=settings.s3_access_key.get_secret_value(),
        secret_key=settings.s3_secret_key.get_secret_value(),
        secure=endpoint.scheme == "https",
        region=settings.s3_region,
        http_client=urllib3.PoolManager(
            timeout=timeout, retries=False, maxsize=blocking_calls.CONCURRENCY
        ),
    )
