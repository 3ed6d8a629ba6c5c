"""Index in OpenSearch: its names, and the writing of documents.

    communities                the alias that search reads
    communities-<n>            an index; a larger number is newer
    communities-<n>-write      the alias by which that index is written

An index is written only by its alias. A write to a deleted index therefore fails; by its name,
OpenSearch would create an empty one.
"""

import functools
import re
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import opensearchpy
import orjson

from common import blocking_calls, opensearch_client, outages

STORE: Final = "opensearch"
TIMEOUT_SECONDS: Final = 20.0  # for one answer
MAX_BULK_BYTES: Final = 4 * 1024 * 1024
_TEMPLATE: Final = Path(__file__).parent / "index_template.json"
_UNAVAILABLE: Final = frozenset({401, 403, 404, 408, 429, 502, 503, 504})


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """Document of a row at a version."""

    kind: str
    id: str
    version: int
    source: bytes

    @property
    def key(self) -> str:
        return f"{self.kind}:{self.id}"


@dataclass(frozen=True, slots=True)
class Aliases:
    """Existing indices, those that search reads, and the write aliases."""

    readable: frozenset[str]
    targets: tuple[str, ...]
    indices: tuple[str, ...]


class Index:
    """Index of one installation. Every method raises StoreUnavailable when OpenSearch is down."""

    def __init__(self, client: opensearchpy.OpenSearch, alias: str) -> None:
        self._client = client
        self.alias = alias
        self._name = re.compile(rf"{re.escape(alias)}-([0-9]+)")

    async def aliases(self) -> Aliases:
        """Returns the current indices, oldest first."""
        found = await self._call(
            lambda client: client.indices.get_alias(
                index=f"{self.alias}-*", params={"expand_wildcards": "open"}
            )
        )
        names = sorted((name for name in found if self._name.fullmatch(name)), key=self._number)
        written = [name for name in names if _target(name) in found[name]["aliases"]]
        return Aliases(
            frozenset(name for name in written if self.alias in found[name]["aliases"]),
            tuple(map(_target, written)),
            tuple(names),
        )

    async def create(self) -> str:
        """Creates an empty index with a write alias. Returns its name."""
        template = orjson.loads(_TEMPLATE.read_bytes())
        template["index_patterns"] = [f"{self.alias}-*"]
        name = f"{self.alias}-{time.time_ns() // 1000}"
        body: dict[str, Any] = {"aliases": {_target(name): {}}}
        await self._call(
            lambda client: client.indices.put_index_template(name=self.alias, body=template)
        )
        await self._call(lambda client: client.indices.create(index=name, body=body))
        return name

    async def publish(self, name: str) -> None:
        """Makes search read this index, and deletes older ones. A newer one stays."""
        await self._call(lambda client: client.indices.refresh(index=name))
        readable = (await self.aliases()).readable
        actions: list[dict[str, Any]] = [
            {"remove": {"index": other, "alias": self.alias}} for other in readable - {name}
        ]
        actions.append({"add": {"index": name, "alias": self.alias}})
        await self._call(lambda client: client.indices.update_aliases(body={"actions": actions}))
        for other in (await self.aliases()).indices:
            if self._number(other) < self._number(name):
                await self.delete(other)

    async def put(self, targets: Sequence[str], documents: Sequence[Document]) -> dict[str, str]:
        """Writes documents to each of these indices. Returns the errors of refused ones, by key.

        An index keeps a newer version of a document, which counts as success.
        """
        refused: dict[str, str] = {}
        for body in _bodies(targets, documents):
            answer = await self._call(functools.partial(_bulk, body))
            if answer["errors"]:
                refused.update(_refusals(answer["items"]))
        return refused

    async def refresh(self) -> None:
        """Makes all writes visible to search."""
        await self._call(lambda client: client.indices.refresh(index=self.alias))

    async def scan(self, kind: str, after: str, most: int) -> list[dict[str, Any]]:
        """Returns the hits of a kind after an id, ordered by id, each with its version."""
        body = {
            "size": most,
            "query": {"term": {"kind": kind}},
            "sort": [{"id": "asc"}],
            "search_after": [after],
            "version": True,
            "track_total_hits": False,
            "_source": ["deleted"],
        }
        answer = await self._call(lambda client: client.search(index=self.alias, body=body))
        hits: list[dict[str, Any]] = answer["hits"]["hits"]
        return hits

    async def drop(self) -> None:
        """Deletes every index and the template."""
        for name in (await self.aliases()).indices:
            await self.delete(name)
        await self._call(
            lambda client: client.indices.delete_index_template(
                name=self.alias, params={"ignore": 404}
            )
        )

    async def delete(self, name: str) -> None:
        """Deletes an index, if it exists."""
        await self._call(
            lambda client: client.indices.delete(index=name, params={"ignore_unavailable": "true"})
        )

    async def _call(self, request: Callable[[opensearchpy.OpenSearch], Any]) -> Any:
        # The asynchronous client would need one more package.
        try:
            return await blocking_calls.in_thread(lambda: request(self._client))
        except opensearchpy.exceptions.ConnectionError as error:
            raise outages.StoreUnavailable(STORE) from error
        except opensearchpy.exceptions.TransportError as error:
            if error.status_code in _UNAVAILABLE:
                raise outages.StoreUnavailable(STORE) from error
            raise

    def _number(self, name: str) -> int:
        match = self._name.fullmatch(name)
        assert match is not None
        return int(match[1])


def connect(url: str, alias: str) -> Index:
    """Returns the index of an alias. OpenSearch may be down."""
    return Index(opensearch_client.connect(url, TIMEOUT_SECONDS), alias)


def _bulk(body: bytes, client: opensearchpy.OpenSearch) -> Any:
    return client.bulk(body=body, params={"require_alias": "true"})


def _target(name: str) -> str:
    return f"{name}-write"


def _bodies(targets: Sequence[str], documents: Iterable[Document]) -> Iterator[bytes]:
    """Yields bulk requests of at most MAX_BULK_BYTES, with each document for each target."""
    lines: list[bytes] = []
    size = 0
    for document in documents:
        for target in targets:
            action = {
                "_index": target,
                "_id": document.key,
                "version": document.version,
                "version_type": "external_gte",
            }
            line = orjson.dumps({"index": action}) + b"\n" + document.source + b"\n"
            if lines and size + len(line) > MAX_BULK_BYTES:
                yield b"".join(lines)
                lines, size = [], 0
            lines.append(line)
            size += len(line)
    if lines:
        yield b"".join(lines)


def _refusals(items: Iterable[dict[str, Any]]) -> Iterator[tuple[str, str]]:
    """Yields key and error of each document refused for its content.

    Raises StoreUnavailable when the store refuses a document for another reason.
    """
    for item in items:
        (result,) = item.values()
        status, error = result["status"], result.get("error")
        if error is None or status == 409:
            continue
        if status in _UNAVAILABLE or error["type"] == "cluster_block_exception":
            raise outages.StoreUnavailable(STORE)
        reason = f"{error['type']}: {error['reason']}"
        if cause := error.get("caused_by"):
            reason += f" ({cause['type']}: {cause['reason']})"
        yield result["_id"], reason
