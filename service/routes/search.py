"""Search: the index proposes, and the rulebook decides what of that the caller may see."""

import uuid
from typing import Any

import orjson
from starlette.routing import Route

from gen.http import search
from gen.jobs import models
from service.http import answers, errors, parameters, request
from service.http.endpoints import reads, route
from service.reference import shapes
from service.search import candidates


async def search_content(call: request.Call) -> answers.Answer:
    """Searches posts, comments and groups that the caller may see, best match first."""
    limit, cursor = call.page()["limit"], call.text("cursor")
    q, type_, tag = call.text("q"), call.text("type"), call.text("tag")
    group_id = call.filter_id("group_id")
    querier = search.AsyncQuerier(await call.connect())
    asked = answers.found(
        await querier.search_begin(
            actor=call.actor,
            q=q,
            type_=type_,
            group_id=group_id,
            tag=tag,
            limit=limit,
            cursor=cursor,
        )
    )
    return await Finding(call, asked).answer()


class Finding:
    """A search that goes on until its page is full, or it has looked at enough."""

    def __init__(self, call: request.Call, asked: models.ApiSearch) -> None:
        self._call = call
        self._asked = asked
        self._found: list[models.ApiVisibleHit] = []
        # Much in one of these must not hide what is behind it.
        self._closed: set[uuid.UUID] = set()

    async def answer(self) -> answers.Answer:
        """The page, and its cursor unless nothing more is to be seen.

        Only what the caller may see makes a next page: one that is there because of something
        hidden would tell of it.
        """
        after = self._start()
        for most in candidates.ROUNDS:
            # A slow index must not keep a connection from those who don't ask it.
            await self._call.release()
            hits = await self._call.search.ask(self._asked, after, most, self._closed)
            if hits:
                await self._look(hits)
                after = candidates.place_of(hits)
            if len(hits) < most or len(self._found) > self._asked.most:
                break
            await self._leave_out(hits)
        return answers.ok(self._page())

    def _start(self) -> candidates.Place | None:
        score, version = self._asked.after_score, self._asked.after_version
        return None if score is None or version is None else candidates.Place(score, version)

    async def _look(self, hits: list[dict[str, Any]]) -> None:
        querier = search.AsyncQuerier(await self._call.connect())
        # One more than the page has, which tells that there is a next one.
        most = self._asked.most + 1 - len(self._found)
        self._found += [
            hit
            async for hit in querier.visible_hit_find(actor=self._call.actor, hits=hits, most=most)
        ]

    async def _leave_out(self, hits: list[dict[str, Any]]) -> None:
        querier = search.AsyncQuerier(await self._call.connect())
        closed = querier.hidden_parent_find(
            actor=self._call.actor, group_ids=_ids(hits, "group_id"), post_ids=_ids(hits, "post_id")
        )
        self._closed |= {one async for one in closed}

    def _page(self) -> bytes:
        shown = self._found[: self._asked.most]
        more = len(self._found) > len(shown)
        items = b",".join(bytes(hit.item) for hit in shown)
        cursor = orjson.dumps(shown[-1].cursor if more else None)
        return b'{"items":[%b],"next_cursor":%b}' % (items, cursor)


def _ids(hits: list[dict[str, Any]], field: str) -> list[uuid.UUID]:
    return list({uuid.UUID(hit[field]) for hit in hits if hit.get(field) is not None})


def routes() -> list[Route]:
    """Returns the route of the search."""
    return [
        route(
            "/search",
            GET=reads(search_content, shapes.Search, errors=errors.PAGE, query=parameters.SEARCH),
        ),
    ]
