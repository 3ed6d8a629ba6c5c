"""Uploads that a request is about to use: copied to where no URL can change them, and looked at.

Whether they are what was announced, and whose, is the rulebook's to say.
"""

import uuid
from collections.abc import Awaitable, Callable
from typing import TypeVar

from common import database, s3
from gen import media
from service.http import bodies, context, transaction

T = TypeVar("T")


async def settle(service: context.Context, actor: uuid.UUID, body: bodies.Body) -> None:
    """Settles each upload whose key the body has. Raises Problem 503 when the store is down.

    No connection to the database is held while the store works.
    """
    for field in ("key", "avatar_key", "cover_key"):
        key: str | None = getattr(body, field, None)
        if key is not None:
            await _settle(service, actor, key, body)


async def _settle(service: context.Context, actor: uuid.UUID, key: str, body: bodies.Body) -> None:
    # Nothing is copied for a subject that the effect is going to refuse.
    subject_type = getattr(body, "subject_type", None)
    subject_id = getattr(body, "subject_id", None)
    upload = await _asked(
        service.pool,
        lambda querier: querier.upload_find(
            actor=actor, key=key, subject_type=subject_type, subject_id=subject_id
        ),
    )
    # First where it is: what is not what was announced needs no copy.
    if upload is not None and await _confirmed(service, actor, key, upload.key):
        await service.bucket.copy(upload.key, upload.final_key)
        await _confirmed(service, actor, key, upload.final_key)


async def _confirmed(service: context.Context, actor: uuid.UUID, key: str, place: str) -> bool:
    stored = await service.bucket.look(place) or s3.NOTHING
    confirmed = await _asked(
        service.pool,
        lambda querier: querier.upload_confirm(
            actor=actor, key=key, place=place, mime=stored.mime, size_bytes=stored.size
        ),
    )
    return bool(confirmed)


async def _asked(pool: database.Pool, question: Callable[[media.AsyncQuerier], Awaitable[T]]) -> T:
    """The rulebook's answer; to ask twice does no harm."""

    async def attempt() -> T:
        async with database.connection(pool) as connection:
            return await question(media.AsyncQuerier(connection))

    return await transaction.retried(attempt, repeatable=True)
