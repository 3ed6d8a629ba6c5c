"""OpenSearch, which holds the search index."""

import asyncio
from collections.abc import Iterator
from typing import Any, Final

import opensearchpy

from common import outages
from tools import output
from tools.doctor import findings
from tools.doctor.findings import Context, Finding, failure, graded, ok, warning
from tools.instance import probes
from workers.index import search_index

OLDEST: Final = (2, 0)
VARIABLE: Final = "OPENSEARCH_URL"
_REINDEX: Final = "Run `communities search reindex`, or start an indexer, which builds the index."


def check(context: Context) -> Iterator[Finding]:
    """Yields the findings of OpenSearch."""
    url = context.url(VARIABLE)
    if url is None:
        yield findings.not_started("opensearch", VARIABLE)
        return
    client = opensearchpy.OpenSearch(url, timeout=findings.TIMEOUT_SECONDS, max_retries=0)
    try:
        info: dict[str, Any] = client.info()
        health: dict[str, Any] = client.cluster.health()
    except opensearchpy.exceptions.TransportError as error:
        cause = ConnectionError(f"status {error.status_code}: {error.error}")
        todo = "Start OpenSearch, or correct scheme, host, port and certificate."
        if error.status_code in (401, 403):
            todo = "Give OPENSEARCH_URL a login that may manage the index."
        yield findings.unreachable("opensearch", VARIABLE, url, cause, todo)
        return
    yield _version(info["version"], url)
    yield _health(health)
    try:
        yield _alias(client, url, context.settings.search_index)
    except outages.StoreUnavailable as outage:
        reason = outage.__cause__ or outage
        yield findings.unreachable("opensearch.index", VARIABLE, url, reason, _REINDEX)


def _version(version: dict[str, Any], url: str) -> Finding:
    product, number = version.get("distribution", "elasticsearch"), str(version["number"])
    is_other = product == "elasticsearch"
    return graded(
        "opensearch",
        f"{product} {number} at {probes.address(url)}",
        "Use OpenSearch 2 or newer. Others are not tested.",
        fails=not is_other and findings.version(number) < OLDEST,
        warns=is_other,
    )


def _health(health: dict[str, Any]) -> Finding:
    status, nodes = health["status"], int(health.get("number_of_nodes", 1))
    return graded(
        "opensearch.health",
        f"The cluster is {status} and has {output.counted(nodes, 'node')}.",
        "Shards are missing. Read the log of the cluster.",
        fails=status == "red",
        # A single node cannot hold the copies.
        warns=status == "yellow" and nodes > 1,
    )


def _alias(client: opensearchpy.OpenSearch, url: str, alias: str) -> Finding:
    name = "opensearch.index"
    readable = sorted(asyncio.run(search_index.connect(url, alias).aliases()).readable)
    if not readable:
        return warning(name, f"The alias {alias} has no index.", _REINDEX)
    if blocked := ", ".join(_blocked(client, alias)):
        todo = "Free space on its disk, then lift index.blocks.read_only_allow_delete."
        return failure(name, f"Writes are blocked: {blocked}.", todo)
    if len(readable) > 1:
        found = f"The alias {alias} has several indices: {', '.join(readable)}."
        return warning(name, found, "Run `communities search reindex`.")
    count = output.counted(client.count(index=alias)["count"], "document")
    return ok(name, f"{alias} is {readable[0]} and has {count}.")


def _blocked(client: opensearchpy.OpenSearch, alias: str) -> list[str]:
    """Returns the indices of an alias that refuse writes."""
    return [
        name
        for name, held in client.indices.get_settings(index=alias).items()
        if any(
            str(value).lower() == "true"
            for value in held["settings"]["index"].get("blocks", {}).values()
        )
    ]
