"""Error answers of the service: application/problem+json (RFC 9457), without internals.

A refusal of the rulebook keeps its status, code and message; this module decides about all others.
Implements rules 00.6, 00.8 and 01.5.
"""

import http
from collections.abc import Mapping, Sequence
from typing import TypedDict

import orjson
import psycopg
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from common import outages
from service.http import request_log

RETRY_AFTER = "1"  # seconds


class FieldError(TypedDict):
    field: str
    message: str


class Problem(Exception):  # noqa: N818
    """An answer that is an error; `errors` name the fields of an invalid request."""

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        errors: Sequence[FieldError] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.errors = errors
        self.headers = {**_customary_headers(status), **(headers or {})}


def invalid(field: str, message: str) -> Problem:
    return invalid_fields([{"field": field, "message": message}])


def invalid_fields(errors: Sequence[FieldError]) -> Problem:
    return Problem(
        400,
        "validation_failed",
        "Invalid request. Correct the fields listed in errors.",
        errors=errors,
    )


def invalid_json(detail: str = "The body is not valid JSON.") -> Problem:
    return Problem(400, "invalid_json", detail)


def unauthenticated(detail: str = "Authentication required. Send a valid bearer token.") -> Problem:
    return Problem(401, "unauthenticated", detail)


def not_found() -> Problem:
    return Problem(404, "not_found", "Not found.")


def method_not_allowed(allowed: str) -> Problem:
    detail = f"Allowed methods: {allowed}."
    return Problem(405, "method_not_allowed", detail, headers={"allow": allowed})


def key_reused() -> Problem:
    detail = "Idempotency key already used. Use a new key."
    return Problem(409, "idempotency_key_reused", detail)


def body_too_large(most: int) -> Problem:
    return Problem(413, "body_too_large", f"The body is too large. The limit is {most} bytes.")


def unsupported_media_type(detail: str = "The body must be application/json.") -> Problem:
    return Problem(415, "unsupported_media_type", detail)


def rate_limited(retry_after: int) -> Problem:
    headers = _retry_after(retry_after)
    return Problem(429, "rate_limited", "Too many requests. Retry later.", headers=headers)


def internal() -> Problem:
    return Problem(500, "internal_error", "Internal error. Report it with the request_id.")


def unavailable() -> Problem:
    return Problem(503, "unavailable", "Service unavailable. Retry later.")


def of_database(error: psycopg.Error) -> Problem | None:
    """Returns the problem of an error of PostgreSQL, or None for a fault of the service."""
    state = error.sqlstate or ""
    if state.startswith("PT"):
        detail = orjson.loads(error.diag.message_detail or '{"errors": []}')
        return Problem(
            int(state[2:]),
            error.diag.message_hint or "",
            error.diag.message_primary or "",
            errors=detail["errors"],
            headers=_retry_after(detail.get("retry_after_seconds")),
        )
    # A text with NUL, or a number or time that no column holds.
    if isinstance(error, psycopg.DataError):
        return invalid_fields([])
    # No connection, none free in time, a timeout, a deadlock, a shutdown, a standby.
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
    """Answers what the database said; raises the error again when it is nobody's but ours."""
    assert isinstance(error, psycopg.Error)
    problem = of_database(error)
    if problem is None:
        raise error
    record = request_log.of(request.scope)
    if problem.status == http.HTTPStatus.SERVICE_UNAVAILABLE:
        record.error = f"{type(error).__name__}: {error}"
    return response(problem, record.request_id)


async def handle_store_unavailable(request: Request, error: Exception) -> Response:
    """Answers 503; the log line names the store."""
    assert isinstance(error, outages.StoreUnavailable)
    record = request_log.of(request.scope)
    record.error = f"{type(error).__name__}: {error.store}"
    return response(unavailable(), record.request_id)


async def handle_http_exception(request: Request, error: Exception) -> Response:
    """Returns what the router refuses: it knows no such path, or not this method of it."""
    assert isinstance(error, HTTPException)
    allowed = (error.headers or {}).get("Allow")
    problem = not_found() if allowed is None else method_not_allowed(allowed)
    return response(problem, request_log.of(request.scope).request_id)


def _retry_after(seconds: int | None) -> dict[str, str]:
    return {} if seconds is None else {"retry-after": str(seconds)}


def _customary_headers(status: int) -> dict[str, str]:
    if status == http.HTTPStatus.UNAUTHORIZED:
        return {"www-authenticate": "Bearer"}
    if status == http.HTTPStatus.SERVICE_UNAVAILABLE:
        return {"retry-after": RETRY_AFTER}
    return {}
