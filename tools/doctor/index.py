"""OpenSearch, which holds the index that search asks."""

import asyncio
from collections.abc import Iterator
from typing import Any, Final

import opensearchpy

from common import outages
from tools import output
from tools.doctor import findings
from tools.doctor.findings import Context, Finding, failure, ok, warning
from workers.index import index

OLDEST: Final = (2, 0)
VARIABLE: Final = "OPENSEARCH_URL"
_REINDEX: Final = "`communities search reindex` builds it; a running indexer does so by itself"


def look(context: Context) -> Iterator[Finding]:
    url = context.url(VARIABLE)
    if url is None:
        yield findings.not_started("opensearch", VARIABLE)
        return
    client = opensearchpy.OpenSearch(url, timeout=findings.TIMEOUT_SECONDS, max_retries=0)
    try:
        info: dict[str, Any] = client.info()
        health: dict[str, Any] = client.cluster.health()
    except opensearchpy.exceptions.TransportError as error:
        yield findings.unreachable("opensearch", VARIABLE, url, _cause(error), _hint(error))
        return
    yield _version(info, url)
    yield _health(health)
    try:
        yield from _alias(client, url, context.settings.search_index)
    except outages.StoreUnavailable as outage:
        cause = outage.__cause__ or outage
        yield findings.unreachable("opensearch.index", VARIABLE, url, cause, _REINDEX)


def _cause(error: opensearchpy.exceptions.TransportError) -> Exception:
    return ConnectionError(f"it answers {error.status_code}: {error.error}")


def _hint(error: opensearchpy.exceptions.TransportError) -> str:
    if error.status_code in (401, 403):
        return "give OPENSEARCH_URL a login that may manage the index: https://user:password@host"
    return "start OpenSearch, or correct scheme, host, port and certificate"


def _version(info: dict[str, Any], url: str) -> Finding:
    version = info["version"]
    text, maker = str(version["number"]), str(version.get("distribution", "elasticsearch"))
    found = f"{maker} {text} at {findings.place(url)}"
    if maker == "elasticsearch":
        return warning("opensearch", found, "OpenSearch is what this is tested with")
    if findings.version(text) < OLDEST:
        return failure("opensearch", found, "use OpenSearch 2 or newer")
    return ok("opensearch", found)


def _health(health: dict[str, Any]) -> Finding:
    status, nodes = health["status"], int(health.get("number_of_nodes", 1))
    found = f"the cluster is {status}, {output.counted(nodes, 'node')}"
    if status == "red":
        return failure("opensearch.health", found, "a shard is missing: see the cluster's log")
    # One node alone has nowhere to put a copy.
    if status == "yellow" and nodes > 1:
        return warning("opensearch.health", found, "copies of shards are missing: see its log")
    return ok("opensearch.health", found)


def _alias(client: opensearchpy.OpenSearch, url: str, alias: str) -> Iterator[Finding]:
    aliases = asyncio.run(index.connect(url, alias).aliases())
    if not aliases.readable:
        yield warning("opensearch.index", f"the alias {alias} leads to no index", _REINDEX)
        return
    blocked = _blocked(client, alias)
    if blocked:
        yield failure(
            "opensearch.index", f"{', '.join(blocked)} can't be written",
            "make room on its disk, then lift index.blocks.read_only_allow_delete",
        )  # fmt: skip
    elif len(aliases.readable) > 1:
        names = ", ".join(sorted(aliases.readable))
        yield warning(
            "opensearch.index", f"{alias} leads to several: {names}", "`communities search reindex`"
        )
    else:
        count = client.count(index=alias)["count"]
        yield ok(
            "opensearch.index",
            f"{alias} is {next(iter(aliases.readable))}, {output.counted(count, 'document')}",
        )


def _blocked(client: opensearchpy.OpenSearch, alias: str) -> list[str]:
    blocked = []
    for name, held in client.indices.get_settings(index=alias).items():
        blocks = held.get("settings", {}).get("index", {}).get("blocks", {})
        if any(str(value).lower() == "true" for value in blocks.values()):
            blocked.append(name)
    return blocked
