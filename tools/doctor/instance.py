"""The running instance, if there is one, and the ports that it needs if there is none."""

import contextlib
from collections.abc import Iterator
from typing import Final

import orjson
import psutil
import psycopg
import urllib3

from tools.doctor import findings
from tools.doctor.findings import Context, Finding, failure, ok, skipped, warning
from tools.instance import processes, serve, stack

# As the workers call their connections.
WORKERS: Final = {"relay": "communities-streams", "indexer": "communities-search"}


def look(context: Context) -> Iterator[Finding]:
    port = _port(context)
    origin = serve.origin(context.settings.host, port) if port else None
    with urllib3.PoolManager(timeout=findings.TIMEOUT_SECONDS, retries=False) as http:
        answer = _ask(http, f"{origin}/healthz") if origin else None
        if answer is not None:
            yield from _health(http, origin or "", answer)
    if answer is not None:
        yield from _workers(context)
        return
    yield skipped("instance", f"nothing serves{f' at {origin}' if origin else ''}")
    yield from _ports(context)


def _port(context: Context) -> int:
    """Returns the port of the running instance, or the configured one."""
    path = processes.Folder(context.settings.data_dir).record("service")
    with contextlib.suppress(OSError, psutil.Error):
        process = processes.Record(**orjson.loads(path.read_bytes())).process()
        if process is not None:
            return int(process.environ().get("PORT", context.settings.port))
    return context.settings.port


def _ask(http: urllib3.PoolManager, url: str) -> urllib3.BaseHTTPResponse | None:
    """Returns the answer, or None if no HTTP server listens."""
    try:
        return http.request("GET", url)
    except urllib3.exceptions.HTTPError:
        return None


def _health(
    http: urllib3.PoolManager, origin: str, answer: urllib3.BaseHTTPResponse
) -> Iterator[Finding]:
    if answer.status != 200 or _words(answer).get("status") != "ok":
        yield failure(
            "instance", f"something else answers at {origin}/healthz ({answer.status})",
            "stop it, or set another PORT",
        )  # fmt: skip
        return
    yield ok("instance", f"serves at {origin}")
    ready = _ask(http, f"{origin}/readyz")
    words = _words(ready) if ready is not None else {}
    ill = sorted(name for name, state in words.items() if name != "status" and state != "ok")
    if ready is None or ready.status != 200:
        yield failure(
            "instance.ready", f"it can't use {', '.join(ill) or 'its stores'}",
            "mend what is said above of them",
        )  # fmt: skip
    else:
        yield ok("instance.ready", "it can use its stores")


def _words(answer: urllib3.BaseHTTPResponse) -> dict[str, str]:
    with contextlib.suppress(orjson.JSONDecodeError):
        words = orjson.loads(answer.data)
        if isinstance(words, dict):
            return words
    return {}


def _workers(context: Context) -> Iterator[Finding]:
    """Workers are seen by their connections; the sweeper keeps none, and is a topic of its own."""
    url = context.url("DATABASE_URL")
    if url is None:
        return
    try:
        with psycopg.connect(url, connect_timeout=findings.TIMEOUT_SECONDS) as connection:
            rows = connection.execute(
                "select distinct application_name from pg_stat_activity "
                "where datname = current_database()"
            ).fetchall()
    except psycopg.Error:
        # That is a finding of another topic.
        return
    seen = {str(name) for (name,) in rows}
    if absent := [worker for worker, name in WORKERS.items() if name not in seen]:
        yield warning(
            "instance.workers", f"no {' and no '.join(absent)} is connected to the database",
            "`communities run` keeps them up; elsewhere: python -m workers.<name>",
        )  # fmt: skip
    else:
        yield ok("instance.workers", f"{' and '.join(WORKERS)} are connected to the database")


def _ports(context: Context) -> Iterator[Finding]:
    settings = context.settings
    if settings.port and not stack.is_free(settings.port, settings.host):
        yield failure(
            "ports.PORT", f"can't listen on {settings.host}:{settings.port}",
            "set another PORT (or HOST), or stop what is there",
        )  # fmt: skip
    elif settings.port:
        yield ok("ports.PORT", f"{settings.host}:{settings.port} is free")
    for name, variable in stack.VARIABLES.items():
        port: int = getattr(settings, f"{name}_port")
        if port and variable not in context.urls and not stack.is_free(port):
            yield failure(
                f"ports.{name.upper()}_PORT", f"port {port} is in use", "set another, or 0 for any"
            )
