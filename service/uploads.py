"""Uploads that a request is about to use: copied to where no URL can change them, and looked at.

Whether they are what was announced, and whose, is the rulebook's to say.
"""

import contextlib
import uuid
from collections.abc import AsyncIterator

from gen import media
from service import bodies, bucket, database, state


async def settle(service: state.Service, actor: uuid.UUID, body: bodies.Body) -> None:
    """Settles each upload whose key the body has. Raises Problem 503 when the store is down.

    No connection to the database is held while the store works.
    """
    for field in ("key", "avatar_key", "cover_key"):
        key: str | None = getattr(body, field, None)
        if key is not None:
            await _settle(service, actor, key)


async def _settle(service: state.Service, actor: uuid.UUID, key: str) -> None:
    async with _querier(service) as querier:
        upload = await querier.upload_find(actor=actor, key=key)
    # First where it is: what is not what was announced needs no copy.
    if upload is not None and await _confirmed(service, actor, key, upload.key):
        await service.bucket.copy(upload.key, upload.final_key)
        await _confirmed(service, actor, key, upload.final_key)


async def _confirmed(service: state.Service, actor: uuid.UUID, key: str, place: str) -> bool:
    stored = await service.bucket.look(place) or bucket.NOTHING
    async with _querier(service) as querier:
        confirmed = await querier.upload_confirm(
            actor=actor, key=key, place=place, mime=stored.mime, size_bytes=stored.size
        )
    return bool(confirmed)


@contextlib.asynccontextmanager
async def _querier(service: state.Service) -> AsyncIterator[media.AsyncQuerier]:
    lease = database.Lease(service.pool)
    try:
        yield media.AsyncQuerier(await lease.connection())
    finally:
        await lease.end()
