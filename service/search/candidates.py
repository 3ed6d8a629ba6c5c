"""Candidates of a search, from OpenSearch. SQL decides which of them the caller may see.

A score depends only on how many words matched, and where. A rare word counts no more than others:
otherwise scores would reveal how rare a word is in hidden groups. Implements rules 90.5, 90.6, 90.7
and 90.18.
"""

import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final

import opensearchpy

from common import blocking_calls, opensearch_client, outages
from common import settings as configuration
from gen.jobs import models

TIMEOUT_SECONDS: Final = 2.0
# A search looks at so many hits, in rounds, for those that the caller may see.
ROUNDS: Final = (100, 400, 1000, 2000, 2000, 2000, 2000)
FIELDS: Final = ("title^3", "name^3", "tags.words^2", "body", "description")
# Of short texts the whole, of long ones the best parts.
_WHOLE: Final = {"number_of_fragments": 0}
_PARTS: Final = {"number_of_fragments": 3, "fragment_size": 160}
_GROUPS: Final = {"term": {"kind": "group"}}
HIGHLIGHTED: Final = {"title": _WHOLE, "name": _WHOLE, "body": _PARTS, "description": _PARTS}


@dataclass(frozen=True, slots=True)
class Place:
    """Where a search goes on: after a score, and among equal ones a version."""

    score: float
    version: int


class Search:
    """Asks the index of the settings, whether or not OpenSearch is up."""

    def __init__(self, settings: configuration.ServiceSettings) -> None:
        self._client = opensearch_client.connect(
            settings.opensearch_url.get_secret_value(), TIMEOUT_SECONDS
        )
        self._index = settings.search_index
        self._calls = blocking_calls.BlockingCalls("opensearch")

    async def ask(
        self,
        asked: models.ApiSearch,
        after: Place | None,
        most: int,
        closed: Collection[uuid.UUID] = (),
    ) -> list[dict[str, Any]]:
        """The next hits, best first and of equal ones the newest, as `find_visible` takes them.

        Nothing that is in one of the `closed` groups and posts is among them, but for the groups
        themselves.

        Raises StoreUnavailable where OpenSearch or the index is away.
        """
        body = _body(asked, after, most, closed)
        try:
            answer = await self._calls.run(
                lambda: self._client.search(index=self._index, body=body)
            )
        except opensearchpy.exceptions.TransportError:
            # Refused, late, overloaded, or up again and still without its index.
            raise outages.StoreUnavailable("opensearch") from None
        return [_hit(hit) for hit in answer["hits"]["hits"]]


def place_of(hits: Sequence[dict[str, Any]]) -> Place:
    """Where to go on after these hits."""
    return Place(hits[-1]["score"], hits[-1]["version"])


def _body(
    asked: models.ApiSearch, after: Place | None, most: int, closed: Collection[uuid.UUID]
) -> dict[str, Any]:
    filters = {"kind": asked.type, "group_id": asked.group_id, "tags": asked.tag}
    closed_ids = [str(one) for one in closed]
    inside = {"bool": {"filter": {"terms": {"group_id": closed_ids}}, "must_not": _GROUPS}}
    body: dict[str, Any] = {
        "size": most,
        "query": {
            "bool": {
                "must": {
                    "multi_match": {
                        "query": asked.q,
                        "fields": FIELDS,
                        "type": "most_fields",
                    }
                },
                "filter": [
                    {"term": {"deleted": False}},
                    *(
                        {"term": {field: str(value)}}
                        for field, value in filters.items()
                        if value is not None
                    ),
                ],
                "must_not": [inside, {"terms": {"post_id": closed_ids}}] if closed else [],
            }
        },
        "sort": [{"_score": "desc"}, {"version": "desc"}],
        "highlight": {"encoder": "html", "fields": HIGHLIGHTED},
        "track_total_hits": False,
        "_source": ["kind", "id", "version", "group_id", "post_id"],
    }
    if after is not None:
        body["search_after"] = [after.score, after.version]
    return body


def _hit(hit: dict[str, Any]) -> dict[str, Any]:
    return {
        **hit["_source"],
        "score": hit["sort"][0],
        "version": hit["sort"][1],
        "highlights": hit.get("highlight", {}),
    }
