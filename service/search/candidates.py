"""Candidates of a search: ranked and highlighted hits. SQL decides which the caller may see.

A score depends only on which words match and in which fields. With the usual weights (a rare word
counts more) scores would reveal how frequent a word is in groups that the caller cannot see.
Implements rules 90.5, 90.6, 90.7 and 90.18.
"""

import uuid
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import opensearchpy

from common import blocking_calls, opensearch_client, outages
from common import settings as configuration
from gen.jobs import models

TIMEOUT_SECONDS: Final = 2.0
FIELDS: Final = ("title^3", "name^3", "tags.words^2", "body", "description")
# A power of two keeps scores exact. Summed over all fields it stays below one whole word in a body.
PREFIX_BOOST: Final = 1 / 16
# Each character may become a word, with a clause for each field. OpenSearch allows 1,024 clauses.
MAX_CHARACTERS: Final = 200
_WHOLE: Final = {"number_of_fragments": 0}
_FRAGMENTS: Final = {"number_of_fragments": 3, "fragment_size": 160}
_GROUPS: Final = {"term": {"kind": "group"}}
HIGHLIGHTED: Final = {
    "title": _WHOLE,
    "name": _WHOLE,
    "body": _FRAGMENTS,
    "description": _FRAGMENTS,
}


@dataclass(frozen=True, slots=True)
class Position:
    """Position of a hit: its score and, among hits of equal score, its version."""

    score: float
    version: int


class Search:
    """Client of the search index, which connects at its first use."""

    def __init__(self, settings: configuration.ServiceSettings) -> None:
        self._client = opensearch_client.connect(
            settings.opensearch_url.get_secret_value(), TIMEOUT_SECONDS
        )
        self._index = settings.search_index
        self._calls = blocking_calls.BlockingCalls("opensearch")

    async def find(
        self,
        search: models.ApiSearchRequest,
        *,
        after: Position | None,
        limit: int,
        hidden_parents: Collection[uuid.UUID] = (),
    ) -> list[dict[str, Any]]:
        """Returns the next hits, best first and newest first among equal scores.

        Excludes the content of hidden groups and posts, but not the groups themselves.

        Raises StoreUnavailable when OpenSearch is down or has no index.
        """
        body = _body(search, after, limit, hidden_parents)
        try:
            answer = await self._calls.run(
                lambda: self._client.search(index=self._index, body=body)
            )
        except opensearchpy.exceptions.TransportError as error:
            raise outages.StoreUnavailable("opensearch") from error
        return [_hit(hit) for hit in answer["hits"]["hits"]]


def position_after(hits: Sequence[dict[str, Any]]) -> Position:
    """Returns the position of the last hit."""
    return Position(hits[-1]["score"], hits[-1]["version"])


def _body(
    search: models.ApiSearchRequest,
    after: Position | None,
    limit: int,
    hidden_parents: Collection[uuid.UUID],
) -> dict[str, Any]:
    body: dict[str, Any] = {
        "size": limit,
        "query": {
            "bool": {
                "must": {"bool": {"should": list(_matches(search.q))}},
                "filter": list(_filters(search)),
                "must_not": list(_exclusions([str(parent) for parent in hidden_parents])),
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


def _matches(q: str) -> Iterator[dict[str, Any]]:
    """Yields the clauses of which one must match: whole words, and the last word as a prefix."""
    yield {"multi_match": {"query": q, "fields": FIELDS, "type": "most_fields"}}
    words = [word for word in q.split() if any(map(str.isalnum, word))]
    if words and len(q) + len(words[-1]) <= MAX_CHARACTERS:
        prefix = {
            "query": words[-1],
            "fields": FIELDS,
            "type": "bool_prefix",
            "boost": PREFIX_BOOST,
        }
        yield {"multi_match": prefix}


def _filters(search: models.ApiSearchRequest) -> Iterator[dict[str, Any]]:
    yield {"term": {"deleted": False}}
    wanted = {"kind": search.type, "group_id": search.group_id, "tags": search.tag}
    for field, value in wanted.items():
        if value is not None:
            yield {"term": {field: str(value)}}


def _exclusions(hidden_parents: list[str]) -> Iterator[dict[str, Any]]:
    if hidden_parents:
        in_group = {"terms": {"group_id": hidden_parents}}
        yield {"bool": {"filter": in_group, "must_not": _GROUPS}}
        yield {"terms": {"post_id": hidden_parents}}


def _hit(hit: dict[str, Any]) -> dict[str, Any]:
    return {
        **hit["_source"],
        "score": hit["sort"][0],
        "version": hit["sort"][1],
        "highlights": hit.get("highlight", {}),
    }
