"""Middleware of every request: its id, its log line, its metrics and the headers of its answer."""

import functools
import random
import re
import uuid
from typing import Final

import structlog
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from common import logs
from service.http import context, parsing, problems, request_log

_REQUEST_ID: Final = re.compile(rb"[\x21-\x7e]{1,128}")
# Answers depend on the caller and change often.
_HEADERS: Final = ((b"x-content-type-options", b"nosniff"), (b"cache-control", b"no-store"))
# Frequent requests, which are logged at level debug and not traced.
_DEBUG_PATHS: Final = frozenset({"/healthz", "/readyz", "/metrics"})
_CLIENT_DISCONNECTED: Final = 499


class Observation:
    """Outermost layer, which answers every error. Implements rules 00.7, 00.14, 00.26 and 00.30."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._logger = structlog.get_logger()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        record = request_log.Record(request_id=_request_id(scope), method=scope["method"])
        scope["state"]["record"] = record
        # Still encoded for the router, because a segment may contain a slash.
        scope["path"] = parsing.normal_path(scope["raw_path"])
        tracer = context.of(scope).tracer
        if tracer is None or scope["path"] in _DEBUG_PATHS:
            await self._observe(scope, receive, send, record)
        else:
            with tracer.request(
                record.method, scope["headers"], functools.partial(request_log.describe, record)
            ):
                await self._observe(scope, receive, send, record)

    async def _observe(
        self, scope: Scope, receive: Receive, send: Send, record: request_log.Record
    ) -> None:
        own_headers = [*_HEADERS, (b"x-request-id", record.request_id.encode())]

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                record.status = message["status"]
                message["headers"] = [*message["headers"], *own_headers]
            await send(message)

        try:
            await self._app(scope, receive, send_with_headers)
        except ClientDisconnect:
            record.status = _CLIENT_DISCONNECTED
        except Exception as error:
            report = {"request_id": record.request_id, **logs.describe(error)}
            # Not .exception(), which would write the error's own text.
            self._logger.error("request failed", **report)  # noqa: TRY400
            if record.status is None:
                answer = problems.response(problems.Problem("internal_error"), record.request_id)
                await answer(scope, receive, send_with_headers)
        finally:
            self._record(scope, record)

    def _record(self, scope: Scope, record: request_log.Record) -> None:
        route = scope.get("route")
        if route is not None:
            record.route = route.path
        seconds = record.seconds()
        context.of(scope).metrics.count_request(
            record.method, record.route, record.status or 0, seconds
        )
        (self._logger.debug if record.route in _DEBUG_PATHS else self._logger.info)(
            "request",
            request_id=record.request_id,
            user_id=record.user_id,
            group_id=record.group_id,
            method=record.method,
            route=record.route,
            status=record.status,
            duration_ms=round(seconds * 1000, 2),
            **({"error": record.error} if record.error else {}),
        )


def _request_id(scope: Scope) -> str:
    given: list[bytes] = [value for name, value in scope["headers"] if name == b"x-request-id"]
    if len(given) == 1 and _REQUEST_ID.fullmatch(given[0]):
        return given[0].decode()
    # Unique, but not secret, so that this generator suffices.
    return str(uuid.UUID(int=random.getrandbits(128), version=4))
