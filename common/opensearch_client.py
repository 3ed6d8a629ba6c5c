"""Clients of OpenSearch, without retries: callers decide what a failure means."""

import opensearchpy


def connect(url: str, timeout_seconds: float) -> opensearchpy.OpenSearch:
    """Returns a client that gives the server this long for each answer."""
    return opensearchpy.OpenSearch(url, timeout=timeout_seconds, max_retries=0)
