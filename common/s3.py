"""Bucket: its objects, through calls that do not block the event loop, and upload URLs."""

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

TIMEOUT_SECONDS: Final = 30.0  # enough to copy the largest object
_ABSENT: Final = ("NoSuchKey", "NoSuchObject", "NoSuchUpload")

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Stored:
    """Media type of a stored object, and its size in bytes."""

    mime: str
    size: int


MISSING: Final = Stored("", 0)


class Bucket:
    """One bucket. Methods that call the store raise StoreUnavailable when it fails."""

    def __init__(self, client: minio.Minio, name: str) -> None:
        self._client = client
        self._name = name
        self._calls = blocking_calls.BlockingCalls("s3")

    def upload_url(self, key: str, expires_at: datetime.datetime) -> str:
        """Returns a URL for a PUT of one object until then. Does not call the store."""
        seconds = (expires_at - datetime.datetime.now(datetime.UTC)).total_seconds()
        lifetime = datetime.timedelta(seconds=max(1, int(seconds)))
        return self._client.get_presigned_url("PUT", self._name, key, expires=lifetime)

    async def stat(self, key: str) -> Stored | None:
        """Returns type and size of an object, or None if it does not exist."""

        def stat() -> Stored:
            found = self._client.stat_object(self._name, key)
            return Stored(found.content_type or "", found.size or 0)

        return await self._found(stat)

    async def copy(self, key: str, to: str) -> None:
        """Copies an object inside the store. Does nothing if it does not exist."""
        source = commonconfig.CopySource(self._name, key)
        await self._found(lambda: self._client.copy_object(self._name, to, source))

    async def list_older(self, prefix: str, than: datetime.datetime) -> list[str]:
        """Returns the keys with this prefix whose objects are older than a time."""

        def list_older() -> list[str]:
            return [
                found.object_name
                for found in self._client.list_objects(self._name, prefix, recursive=True)
                if found.object_name and found.last_modified and found.last_modified < than
            ]

        return await self._call(list_older)

    async def delete(self, keys: Sequence[str]) -> dict[str, str]:
        """Deletes objects. Returns the error code of each refused key."""

        def delete() -> dict[str, str]:
            orphaned = [deleteobjects.DeleteObject(key) for key in keys]
            return {
                refusal.name or "": refusal.code
                for refusal in self._client.remove_objects(self._name, orphaned)
                if refusal.code not in _ABSENT
            }

        return await self._call(delete)

    async def _found(self, call: Callable[[], T]) -> T | None:
        """Returns the result of a call, or None if the object does not exist."""

        def checked() -> T | None:
            try:
                return call()
            except error.S3Error as refusal:
                # A missing bucket has the same code as a missing object.
                if refusal.code in _ABSENT and self._client.bucket_exists(self._name):
                    return None
                raise

        return await self._call(checked)

    async def _call(self, call: Callable[[], T]) -> T:
        try:
            return await self._calls.run(call)
        except (error.MinioException, urllib3.exceptions.HTTPError, OSError) as trouble:
            raise outages.StoreUnavailable("s3") from trouble


def connect(settings: configuration.ServiceSettings, timeout_seconds: float) -> minio.Minio:
    """Returns a client of the store with this timeout for each answer."""
    endpoint = urlsplit(settings.s3_endpoint_url.get_secret_value())
    return minio.Minio(
        endpoint.netloc,
        access_key=settings.s3_access_key.get_secret_value(),
        secret_key=settings.s3_secret_key.get_secret_value(),
        secure=endpoint.scheme == "https",
        region=settings.s3_region,
        http_client=urllib3.PoolManager(
            timeout=timeout_seconds, retries=False, maxsize=blocking_calls.CONCURRENCY
        ),
    )
