"""Error answers: application/problem+json (RFC 9457), without internals.

An error of the rulebook keeps its status, code and message. This module maps all others.
Implements rules 00.6, 00.8 and 01.5.
"""

import http
from collections.abc import Mapping, Sequence
from typing import Final, TypedDict

import orjson
import psycopg
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from common import outages
from gen import registries
from service.http import request_log

RETRY_AFTER_SECONDS: Final = 1
_INTERNAL: Final = registries.ErrorCode(500, "Internal error. Report it with the request_id.")


class FieldError(TypedDict):
    field: str
    message: str


class Problem(Exception):  # noqa: N818
    """Error answer. `status` and `detail` are by default those of the code in the registry.

    `errors` name the fields of an invalid request.
    """

    def __init__(
        self,
        code: str,
        detail: str | None = None,
        *,
        status: int | None = None,
        errors: Sequence[FieldError] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        registered = registries.ERROR_CODES.get(code, _INTERNAL)
        self.status = status or registered.status
        self.code = code
        self.detail = detail or registered.title
        self.errors = errors
        self.headers = {**_default_headers(self.status), **(headers or {})}
        super().__init__(self.detail)


def invalid(field: str, message: str) -> Problem:
    return invalid_fields([{"field": field, "message": message}])


def invalid_fields(errors: Sequence[FieldError]) -> Problem:
    return Problem("validation_failed", errors=errors)


def not_found() -> Problem:
    return Problem("not_found")


def unauthenticated(detail: str | None = None) -> Problem:
    return Problem("unauthenticated", detail)


def method_not_allowed(allowed: str) -> Problem:
    detail = f"Allowed methods: {allowed}."
    return Problem("method_not_allowed", detail, headers={"allow": allowed})


def unavailable() -> Problem:
    return Problem("unavailable")


def of_database(error: psycopg.Error) -> Problem | None:
    """Returns the problem of an error of PostgreSQL, or None for a fault of the service."""
    state = error.sqlstate or ""
    if state.startswith("PT"):
        detail = orjson.loads(error.diag.message_detail or '{"errors": []}')
        return Problem(
            error.diag.message_hint or "",
            error.diag.message_primary,
            # A newer `api` may have codes that this registry lacks.
            status=int(state[2:]),
            errors=detail["errors"],
            headers=retry_after(detail.get("retry_after_seconds")),
        )
    # A NUL character, or a number or time outside the range of its type.
    if isinstance(error, psycopg.DataError):
        return invalid_fields([])
    # A lost or missing connection, a timeout, a deadlock, a shutdown, or a standby.
    if isinstance(error, psycopg.OperationalError | psycopg.InterfaceError) or state[:2] == "25":
        return unavailable()
    return None


def response(problem: Problem, request_id: str) -> Response:
    content: dict[str, object] = {
        "type": "about:blank",
        "title": http.HTTPStatus(problem.status).phrase,
        "status": problem.status,
        "code": problem.code,
        "detail": problem.detail,
        "request_id": request_id,
    }
    if problem.code == "validation_failed":
        content["errors"] = list(problem.errors)
    return Response(
        orjson.dumps(content),
        problem.status,
        problem.headers,
        media_type="application/problem+json",
    )


async def handle_problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)
    return response(error, request_log.of(request.scope).request_id)


async def handle_database_error(request: Request, error: Exception) -> Response:
    """Returns the problem of a database error. Raises the error again if the service caused it."""
    assert isinstance(error, psycopg.Error)
    problem = of_database(error)
    if problem is None:
        raise error
    record = request_log.of(request.scope)
    if problem.status == http.HTTPStatus.SERVICE_UNAVAILABLE:
        record.error = f"{type(error).__name__}: {error}"
    return response(problem, record.request_id)


async def handle_store_unavailable(request: Request, error: Exception) -> Response:
    """Returns a 503. The log line names the store."""
    assert isinstance(error, outages.StoreUnavailable)
    record = request_log.of(request.scope)
    record.error = f"{type(error).__name__}: {error.store}"
    return response(unavailable(), record.request_id)


async def handle_http_exception(request: Request, error: Exception) -> Response:
    """Returns a 404 for an unknown path, or a 405 for an unknown method of a path."""
    assert isinstance(error, HTTPException)
    allowed = (error.headers or {}).get("Allow")
    problem = not_found() if allowed is None else method_not_allowed(allowed)
    return response(problem, request_log.of(request.scope).request_id)


def retry_after(seconds: int | None) -> dict[str, str]:
    """Returns the header Retry-After, if a wait is known."""
    return {} if seconds is None else {"retry-after": str(seconds)}


def _default_headers(status: int) -> dict[str, str]:
    if status == http.HTTPStatus.UNAUTHORIZED:
        return {"www-authenticate": "Bearer"}
    if status == http.HTTPStatus.SERVICE_UNAVAILABLE:
        return retry_after(RETRY_AFTER_SECONDS)
    return {}
