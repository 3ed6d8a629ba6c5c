"""Idempotency keys: a repeated request has one effect and receives the same answer.

PostgreSQL decides, in the transaction of the effect. Redis caches answers for a day to save that
transaction, and may lose them at any time. Implements rules 70.1, 70.2 and 70.5.
"""

import datetime
import hashlib
import re
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import orjson
from redis import asyncio as redis

from common import database, optional_store
from gen.http import idempotency
from gen.jobs import models
from service.http import answers, problems, request

CACHE_TTL: Final = datetime.timedelta(hours=24)

_KEY: Final = re.compile(rb"[\x21-\x7e]{1,255}")


@dataclass(frozen=True, slots=True)
class Key:
    """Key of a caller, and the fingerprint of its request."""

    actor: uuid.UUID
    text: str
    fingerprint: str

    def name(self) -> str:
        """Returns the name of the key in Redis."""
        return f"idem:{self.actor}:{hashlib.sha256(self.text.encode()).hexdigest()}"


def key_of(headers: Sequence[bytes], call: request.Call) -> Key | None:
    """Returns the key in these headers. Raises Problem for a malformed one (rule 00.13)."""
    if not headers:
        return None
    if len(headers) > 1 or not _KEY.fullmatch(headers[0]):
        raise problems.invalid("Idempotency-Key", "is not one of 1 to 255 visible ASCII characters")
    request = b"\0".join((call.method.encode(), call.path.encode(), call.raw_body))
    return Key(call.user, headers[0].decode(), hashlib.sha256(request).hexdigest())


async def claim(connection: database.Connection, key: Key) -> answers.Answer | None:
    """Claims the key for this transaction. Returns the stored answer, if one exists."""
    return _answer(
        await idempotency.AsyncQuerier(connection).idempotency_key_claim(
            actor=key.actor, key=key.text, fingerprint=key.fingerprint
        )
    )


async def reserve(pool: database.Pool, key: Key) -> answers.Answer | None:
    """Reserves the key for ten seconds. Returns the stored answer, if one exists."""
    async with database.connection(pool) as connection:
        return _answer(
            await idempotency.AsyncQuerier(connection).idempotency_key_reserve(
                actor=key.actor, key=key.text, fingerprint=key.fingerprint
            )
        )


async def release(pool: database.Pool, key: Key) -> None:
    """Releases the key of a request without an answer."""
    async with database.connection(pool) as connection:
        await idempotency.AsyncQuerier(connection).idempotency_key_release(
            actor=key.actor, key=key.text, fingerprint=key.fingerprint
        )


async def store(connection: database.Connection, key: Key, answer: answers.Answer) -> None:
    """Stores the answer, in the transaction that claimed the key."""
    await idempotency.AsyncQuerier(connection).idempotent_answer_store(
        actor=key.actor,
        key=key.text,
        status=answer.status,
        location=answer.location,
        body=answer.body.decode(),
    )


def _answer(stored: models.ApiStoredAnswer | None) -> answers.Answer | None:
    if stored is None:
        return None
    # A committed row has an answer, with a body.
    assert stored.status is not None
    assert stored.body is not None
    return answers.Answer(status=stored.status, body=stored.body.encode(), location=stored.location)


class AnswerCache:
    """Cache of the last day's answers, in Redis."""

    def __init__(self, client: redis.Redis) -> None:
        self._client = client
        self._store = optional_store.OptionalStore("redis")

    async def get(self, key: Key) -> answers.Answer | None:
        """Returns the cached answer, if one exists.

        Raises Problem 409 when another request used the key.
        """
        text = await self._store.call(lambda: self._client.get(key.name()), None)
        if text is None:
            return None
        cached = orjson.loads(text)
        if cached["fingerprint"] != key.fingerprint:
            raise problems.Problem("idempotency_key_reused")
        return answers.Answer(
            status=cached["status"], body=cached["body"].encode(), location=cached["location"]
        )

    async def put(self, key: Key, answer: answers.Answer) -> None:
        """Caches a committed answer."""
        text = orjson.dumps(
            {
                "fingerprint": key.fingerprint,
                "status": answer.status,
                "location": answer.location,
                "body": answer.body.decode(),
            }
        )
        await self._store.call(lambda: self._client.set(key.name(), text, ex=CACHE_TTL), None)
