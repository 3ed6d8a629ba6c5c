"""The running instance or, without one, the ports that it would use."""

import contextlib
from collections.abc import Iterator
from typing import Any, Final

import orjson
import psutil
import psycopg
import urllib3

from tools.doctor import findings, postgres
from tools.doctor.findings import Context, Finding, failure, graded, ok, skipped
from tools.instance import processes, serve, stack

# The workers, by the names of their connections. The sweeper keeps none.
WORKERS: Final = {"relay": "communities-streams", "indexer": "communities-search"}


def check(context: Context) -> Iterator[Finding]:
    """Yields the findings of the instance."""
    port = _port(context)
    origin = serve.origin(context.settings.host, port)
    with urllib3.PoolManager(timeout=findings.TIMEOUT_SECONDS, retries=False) as http:
        try:
            health = http.request("GET", f"{origin}/healthz") if port else None
        except urllib3.exceptions.HTTPError:
            health = None
        if health is None:
            yield skipped("instance", f"Nothing serves{f' at {origin}' if port else ''}.")
            yield from _ports(context)
        elif health.status != 200 or _json(health).get("status") != "ok":
            found = f"Another program answers at {origin}/healthz ({health.status})."
            yield failure("instance", found, "Stop it, or set another PORT.")
        else:
            yield ok("instance", f"Serves at {origin}.")
            yield _readiness(http, origin)
            yield from _workers(context)


def _port(context: Context) -> int:
    """Returns the port of the running instance, or the configured one."""
    path = processes.Folder(context.settings.data_dir).record("service")
    with contextlib.suppress(OSError, psutil.Error):
        process = processes.Record(**orjson.loads(path.read_bytes())).process()
        if process is not None:
            return int(process.environ().get("PORT", context.settings.port))
    return context.settings.port


def _readiness(http: urllib3.PoolManager, origin: str) -> Finding:
    try:
        answer = http.request("GET", f"{origin}/readyz")
    except urllib3.exceptions.HTTPError:
        return failure("instance.ready", "It does not answer /readyz.", "Read its log.")
    states = {name: state for name, state in _json(answer).items() if name != "status"}
    bad = ", ".join(sorted(name for name, state in states.items() if state != "ok"))
    is_ready = answer.status == 200
    found = "Its stores work." if is_ready else f"It cannot use {bad or 'its stores'}."
    todo = "See the findings above about them."
    return graded("instance.ready", found, todo, fails=not is_ready)


def _json(answer: urllib3.BaseHTTPResponse) -> dict[str, Any]:
    with contextlib.suppress(orjson.JSONDecodeError):
        value = orjson.loads(answer.data)
        if isinstance(value, dict):
            return value
    return {}


def _workers(context: Context) -> Iterator[Finding]:
    """Yields whether the workers run, by their connections."""
    query = (
        "select distinct application_name from pg_stat_activity where datname = current_database()"
    )
    url = context.url(postgres.VARIABLE)
    # Another check reports a database that does not answer.
    with contextlib.suppress(psycopg.Error):
        if url is not None:
            with postgres.connect(url) as connection:
                seen = {str(name) for (name,) in connection.execute(query)}
            absent = " and ".join(worker for worker, name in WORKERS.items() if name not in seen)
            found = f"Not connected to the database: {absent}."
            todo = "`communities run` starts them. Elsewhere: python -m workers.<name>."
            if not absent:
                found = f"Connected to the database: {' and '.join(WORKERS)}."
            yield graded("instance.workers", found, todo, warns=bool(absent))


def _ports(context: Context) -> Iterator[Finding]:
    settings = context.settings
    if settings.port:
        is_free = stack.is_free(settings.port, settings.host)
        found = f"{settings.host}:{settings.port} is {'free' if is_free else 'in use or not ours'}."
        todo = "Stop the other process, or set PORT or HOST."
        yield graded("ports.PORT", found, todo, fails=not is_free)
    for name, variable in stack.VARIABLES.items():
        port: int = getattr(settings, f"{name}_port")
        if port and variable not in context.urls and not stack.is_free(port):
            todo = "Set another port, or 0 for any."
            yield failure(f"ports.{name.upper()}_PORT", f"Port {port} is in use.", todo)
