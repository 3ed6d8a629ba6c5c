"""Access to events: SQL decides, for each event, who may receive it.

While PostgreSQL is down, callers wait. Implements rules 95.7, 95.8 and 95.14.
"""

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from typing import Final

import psycopg

from common import database, outages
from gen.http import outbox
from gen.jobs import models
from service.realtime import listeners

PAUSE: Final = 0.2  # seconds between attempts
# More pairs of a user and a group or post are asked for one group or post at a time.
PAIRS_AT_ONCE: Final = 20_000

Pair = tuple[str, uuid.UUID]
Wanted = Mapping[str, Collection[uuid.UUID]]
Ids = list[uuid.UUID]
Find = Callable[[outbox.AsyncQuerier, Ids, Ids], AsyncIterator[models.ApiListener]]


class Refused(Exception):  # noqa: N818
    """The actor may not see it; the message is what a client is told."""


class Access:
    """Asks the rulebook."""

    def __init__(self, pool: database.Pool) -> None:
        self._pool = pool
        self._outages = outages.OutageLog()

    async def enter(self, actor: uuid.UUID | None, channel: listeners.Channel) -> str:
        """The group of a channel that the actor may see.

        Raises Refused, and psycopg.Error when the database is down.
        """
        try:
            async with database.connection(self._pool) as connection:
                querier = outbox.AsyncQuerier(connection)
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

    async def enter_patiently(self, actor: uuid.UUID | None, channel: listeners.Channel) -> str:
        """The same, however long the database is down. Raises Refused."""
        while True:
            try:
                group_id = await self.enter(actor, channel)
            except psycopg.Error as error:
                await self._pause(error)
            else:
                self._recover()
                return group_id

    async def allowed(self, wanted: Wanted) -> set[Pair]:
        """Which of these users may see the content of which group, once that can be known."""
        return await self._ask(
            wanted, lambda asked, ids, users: asked.listener_find(group_ids=ids, user_ids=users)
        )

    async def hear_end(self, wanted: Wanted) -> set[Pair]:
        """Which of these users are to hear of the end of which group, likewise."""
        return await self._ask(
            wanted,
            lambda asked, ids, users: asked.last_listener_find(group_ids=ids, user_ids=users),
        )

    async def see_posts(self, wanted: Wanted) -> set[Pair]:
        """Which of these users may see which post, likewise."""
        return await self._ask(
            wanted, lambda asked, ids, users: asked.post_listener_find(post_ids=ids, user_ids=users)
        )

    async def _ask(self, wanted: Wanted, find: Find) -> set[Pair]:
        users = {user for audience in wanted.values() for user in audience}
        if len(wanted) * len(users) <= PAIRS_AT_ONCE:
            return await self._find(list(wanted), users, find)
        pairs: set[Pair] = set()
        for thing, audience in wanted.items():
            pairs |= await self._find([thing], audience, find)
        return pairs

    async def _find(
        self, things: Collection[str], users: Collection[uuid.UUID], find: Find
    ) -> set[Pair]:
        ids = [uuid.UUID(thing) for thing in things]
        while True:
            try:
                async with database.connection(self._pool) as connection:
                    querier = outbox.AsyncQuerier(connection)
                    found = find(querier, ids, list(users))
                    pairs = {(str(row.id), row.user_id) async for row in found}
            except psycopg.Error as error:
                await self._pause(error)
            else:
                self._recover()
                return pairs

    async def _pause(self, error: psycopg.Error) -> None:
        # Nobody is told anything meanwhile: who may hear it is not known.
        self._outages.fail("postgres", error)
        await asyncio.sleep(PAUSE)

    def _recover(self) -> None:
        self._outages.recover("postgres")
