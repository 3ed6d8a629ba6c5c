"""Clients of OpenSearch, without retries: callers handle failures."""

import opensearchpy


def connect(url: str, timeout_seconds: float) -> opensearchpy.OpenSearch:
    """Returns a client with this timeout for each answer."""
    return opensearchpy.OpenSearch(url, timeout=timeout_seconds, max_retries=0)
