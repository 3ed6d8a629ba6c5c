"""Copies of uploads, made before the transaction that links them.

A copy has a key that no presigned URL can write. SQL decides whether an upload may be copied, and
whether object and copy are what was presigned.
"""

import functools
import uuid
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from common import database, s3
from gen.http import media
from service.http import bodies, context, transaction

KEY_FIELDS: Final = ("key", "avatar_key", "cover_key")

T = TypeVar("T")


def preparation(
    service: context.Context, actor: uuid.UUID, body: bodies.Body
) -> transaction.Prepare | None:
    """Returns the work that copies each upload named in a body; None when it names none."""
    keys = [key for field in KEY_FIELDS if (key := getattr(body, field, None)) is not None]
    return functools.partial(_copy_all, service, actor, body, keys) if keys else None


async def _copy_all(
    service: context.Context, actor: uuid.UUID, body: bodies.Body, keys: list[str]
) -> None:
    """Copies uploads. Raises StoreUnavailable.

    No connection to PostgreSQL is held while the store works.
    """
    for key in keys:
        await _copy(service, actor, body, key)


async def _copy(service: context.Context, actor: uuid.UUID, body: bodies.Body, key: str) -> None:
    # A link names its subject, so that a refused one copies nothing.
    upload = await _query(
        service.pool,
        lambda querier: querier.upload_find(
            actor=actor,
            key=key,
            subject_type=getattr(body, "subject_type", None),
            subject_id=getattr(body, "subject_id", None),
        ),
    )
    if upload is None:
        return
    original = await service.bucket.stat(key) or s3.MISSING
    copy_key = await _query(
        service.pool,
        lambda querier: querier.upload_copy_start(
            actor=actor, key=key, mime=original.mime, size_bytes=original.size
        ),
    )
    if copy_key is None:
        return
    await service.bucket.copy(key, copy_key)
    # A client may have overwritten the original after its check.
    copy = await service.bucket.stat(copy_key) or s3.MISSING
    await _query(
        service.pool,
        lambda querier: querier.upload_copy_confirm(
            actor=actor, key=key, copy_key=copy_key, mime=copy.mime, size_bytes=copy.size
        ),
    )


async def _query(pool: database.Pool, query: Callable[[media.AsyncQuerier], Awaitable[T]]) -> T:
    """Runs a query on a new connection, and retries it after a lost one."""

    async def attempt() -> T:
        async with database.connection(pool) as connection:
            return await query(media.AsyncQuerier(connection))

    return await transaction.retried(attempt, repeatable=True)
