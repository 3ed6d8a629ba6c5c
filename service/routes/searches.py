"""Searches of the content that the caller may see."""

import uuid
from typing import Any, Final

import orjson
from starlette.routing import Route

from gen.http import search
from gen.jobs import models
from service.http import answers, errors, parameters, request
from service.http.endpoints import reads, route
from service.reference import shapes
from service.search import candidates

# A search stops after 9,500 candidates.
ROUND_SIZES: Final = (100, 400, 1000, 2000, 2000, 2000, 2000)


async def search_content(call: request.Call) -> answers.Answer:
    """Searches posts, comments and groups that the caller may see, best match first."""
    limit, cursor = call.page()["limit"], call.text("cursor")
    q, type_, tag = call.text("q"), call.text("type"), call.text("tag")
    group_id = call.filter_id("group_id")
    querier = search.AsyncQuerier(await call.connect())
    parsed = answers.found(
        await querier.search_parse(
            actor=call.actor,
            q=q,
            type_=type_,
            group_id=group_id,
            tag=tag,
            limit=limit,
            cursor=cursor,
        )
    )
    return answers.ok(await Results(call, parsed).page())


class Results:
    """Results of a search, collected in rounds until the page is full or no candidate remains.

    Hidden groups and posts are excluded from the next round, so a few large ones cannot exhaust a
    search.
    """

    def __init__(self, call: request.Call, search_: models.ApiSearchRequest) -> None:
        self._call = call
        self._search = search_
        self._visible: list[models.ApiVisibleHit] = []
        self._hidden_parents: set[uuid.UUID] = set()

    async def page(self) -> bytes:
        """Returns the page as JSON. It has a cursor only if the caller may see another hit."""
        after = self._start()
        for size in ROUND_SIZES:
            # No connection to PostgreSQL is held while OpenSearch works.
            await self._call.release()
            hits = await self._call.search.find(
                self._search, after=after, limit=size, hidden_parents=self._hidden_parents
            )
            if hits:
                await self._add_visible(hits)
                after = candidates.position_after(hits)
            if len(hits) < size or len(self._visible) > self._search.most:
                break
            await self._add_hidden_parents(hits)
        return self._json()

    def _start(self) -> candidates.Position | None:
        score, version = self._search.after_score, self._search.after_version
        return None if score is None or version is None else candidates.Position(score, version)

    async def _add_visible(self, hits: list[dict[str, Any]]) -> None:
        querier = search.AsyncQuerier(await self._call.connect())
        # One hit more than the page holds shows that there is a next page.
        missing = self._search.most + 1 - len(self._visible)
        found = querier.visible_hit_find(actor=self._call.actor, hits=hits, most=missing)
        self._visible += [hit async for hit in found]

    async def _add_hidden_parents(self, hits: list[dict[str, Any]]) -> None:
        querier = search.AsyncQuerier(await self._call.connect())
        hidden = querier.hidden_parent_find(
            actor=self._call.actor, group_ids=_ids(hits, "group_id"), post_ids=_ids(hits, "post_id")
        )
        self._hidden_parents |= {parent async for parent in hidden}

    def _json(self) -> bytes:
        shown = self._visible[: self._search.most]
        has_more = len(self._visible) > len(shown)
        items = b",".join(bytes(hit.item) for hit in shown)
        cursor = orjson.dumps(shown[-1].cursor if has_more else None)
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
