"""Access to events: SQL decides, for each event, who may receive it.

While PostgreSQL is down, callers wait. Implements rules 95.7, 95.8 and 95.14.
"""

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Any, Final, Literal, TypeVar

import psycopg

from common import database, outages
from gen.http import realtime
from service.realtime import listeners

RETRY_PAUSE_SECONDS: Final = 0.2
# For larger products of channels and users, one query for each channel.
MAX_PAIRS: Final = 20_000

ListenerKind = Literal["group", "deleted_group", "post"]
Pair = tuple[str, uuid.UUID]
T = TypeVar("T")


class Refused(Exception):  # noqa: N818
    """The actor may not see the channel. The client receives the message."""


class Access:
    """Queries of the rulebook, on behalf of clients."""

    def __init__(self, pool: database.Pool) -> None:
        self._pool = pool
        self._outages = outages.OutageLog()

    async def enter(self, actor: uuid.UUID | None, channel: listeners.Channel) -> str:
        """Returns the group of a channel that the actor may see.

        Raises Refused, and psycopg.Error when PostgreSQL is down.
        """
        try:
            async with database.connection(self._pool) as connection:
                querier = realtime.AsyncQuerier(connection)
                group_id = await querier.channel_enter(
                    actor=actor, kind=channel.kind, id_=channel.id
                )
        except psycopg.Error as error:
            state = error.sqlstate or ""
            if state.startswith("PT"):
                message = "unauthenticated" if state == "PT401" else "not_found"
                raise Refused(message) from error
            raise
        return str(group_id)

    async def enter_with_retry(self, actor: uuid.UUID | None, channel: listeners.Channel) -> str:
        """Returns the group of a channel, once PostgreSQL is up. Raises Refused."""
        return await self._retry(lambda: self.enter(actor, channel))

    async def find(
        self, kind: ListenerKind, wanted: Mapping[str, Collection[uuid.UUID]]
    ) -> set[Pair]:
        """Returns the pairs of channel and user who receives its events, once PostgreSQL is up."""
        users = {user for audience in wanted.values() for user in audience}
        if len(wanted) * len(users) <= MAX_PAIRS:
            return await self._retry(lambda: self._find(kind, list(wanted), users))
        pairs: set[Pair] = set()
        for channel, audience in wanted.items():
            pairs |= await self._find_one(kind, channel, audience)
        return pairs

    async def refresh(self, events: list[dict[str, Any]]) -> dict[int, bytes]:
        """Returns the current data of events by position, once PostgreSQL is up."""
        return await self._retry(lambda: self._refresh(events))

    async def _find_one(
        self, kind: ListenerKind, channel: str, users: Collection[uuid.UUID]
    ) -> set[Pair]:
        return await self._retry(lambda: self._find(kind, [channel], users))

    async def _find(
        self, kind: ListenerKind, channels: Collection[str], users: Collection[uuid.UUID]
    ) -> set[Pair]:
        ids = [uuid.UUID(channel) for channel in channels]
        async with database.connection(self._pool) as connection:
            found = realtime.AsyncQuerier(connection).listener_find(
                kind=kind, ids=ids, user_ids=list(users)
            )
            return {(str(row.id), row.user_id) async for row in found}

    async def _refresh(self, events: list[dict[str, Any]]) -> dict[int, bytes]:
        async with database.connection(self._pool) as connection:
            found = realtime.AsyncQuerier(connection).event_refresh(events=events)
            return {row.seq: bytes(row.data) async for row in found if row.seq is not None}

    async def _retry(self, attempt: Callable[[], Awaitable[T]]) -> T:
        # No client receives an event while PostgreSQL cannot authorise it.
        while True:
            try:
                answer = await attempt()
            except psycopg.Error as error:
                self._outages.fail("postgres", error)
                await asyncio.sleep(RETRY_PAUSE_SECONDS)
            else:
                self._outages.recover("postgres")
                return answer
