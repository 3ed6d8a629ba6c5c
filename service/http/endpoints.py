"""Endpoints of the API: authenticate, parse, run the handler, and send its answer.

Implements rules 00.5, 00.9, 00.12 and 00.24.
"""

import functools
import re
import uuid
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import pydantic
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from service.http import (
    answers,
    bodies,
    context,
    idempotency,
    parameters,
    problems,
    request,
    request_log,
    transaction,
)

MAX_BODY_BYTES: Final = 1024 * 1024
MAX_READ_BYTES: Final = 16 * MAX_BODY_BYTES
UTF_8: Final = ("utf-8", "utf8")

Preparation = Callable[[context.Context, uuid.UUID, bodies.Body], transaction.Prepare | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """Method of a path: its handler, and its description for the API document.

    `answers` maps each status of success to the shape of its body. `errors` are the error codes of
    the rulebook, without those of the HTTP layer.
    """

    handler: Callable[..., Awaitable[answers.Answer]]
    name: str
    answers: Mapping[int, type[pydantic.BaseModel] | None]
    errors: Collection[str]
    query: Sequence[parameters.Parameter] = ()
    requires_token: bool
    body: type[bodies.Body] | None = None
    body_optional: bool = False
    # Returns the work that a body needs before its transaction, if it needs any.
    preparation: Preparation | None = None


def reads(
    handler: Callable[[request.Call], Awaitable[answers.Answer]],
    shape: type[pydantic.BaseModel],
    *,
    name: str | None = None,
    errors: Collection[str] = (),
    query: Sequence[parameters.Parameter] = (),
    requires_token: bool = False,
) -> Operation:
    """Declares a read, which answers 200 with this shape."""
    return Operation(
        handler=handler,
        name=name or handler.__name__,
        answers={200: shape},
        errors=errors,
        query=query,
        requires_token=requires_token,
    )


def writes(
    handler: Callable[..., Awaitable[answers.Answer]],
    shape: type[pydantic.BaseModel] | None = None,
    *,
    name: str | None = None,
    status: int | None = None,
    answers: Mapping[int, type[pydantic.BaseModel] | None] | None = None,
    body: type[bodies.Body] = bodies.NoBody,
    body_optional: bool = False,
    errors: Collection[str] = (),
    preparation: Preparation | None = None,
) -> Operation:
    """Declares a write, which requires a token.

    It answers `status` (by default 200 with a shape, 204 without one), or as `answers` states.
    """
    return Operation(
        handler=handler,
        name=name or handler.__name__,
        answers=answers or {status or (200 if shape else 204): shape},
        errors=errors,
        requires_token=True,
        body=body,
        body_optional=body_optional or body is bodies.NoBody,
        preparation=preparation,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorEndpoint:
    """GET of a path outside the API, for operators and their tools.

    `answers` maps each status to the shape of its JSON body, or to None for plain text.
    """

    handler: Callable[[Request], Awaitable[Response]]
    answers: Mapping[int, type[pydantic.BaseModel] | None]
    example: str

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        response = await self.handler(Request(scope))
        await response(scope, receive, send)


def route(path: str, **operations: Operation) -> Route:
    """Returns the route of a path, relative to the base, with an operation for each method."""
    return Route(request.BASE + path, Endpoint(operations))


class Endpoint:
    """All methods of one path, as an ASGI application."""

    def __init__(self, operations: dict[str, Operation]) -> None:
        # As declared, for the API document.
        self.operations = operations
        self._operations = dict(operations)
        if "GET" in operations:
            self._operations["HEAD"] = operations["GET"]
        self._allowed = ", ".join(sorted({*self._operations, "OPTIONS"}))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        method: str = scope["method"]
        operation = self._operations.get(method)
        if operation is not None:
            await self._answer(operation, scope, receive, send)
        elif method == "OPTIONS":
            await _send(send, 204, [(b"allow", self._allowed.encode())])
        else:
            raise problems.method_not_allowed(self._allowed)

    async def _answer(
        self, operation: Operation, scope: Scope, receive: Receive, send: Send
    ) -> None:
        service = context.of(scope)
        record = request_log.of(scope)
        actor = await service.authenticator.user(_values(scope, b"authorization"))
        record.user_id = actor
        if operation.body is not None and actor is None:
            raise problems.unauthenticated()
        if service.limiter is not None:
            await service.limiter.count(str(actor) if actor else _address(scope))
        call = request.Call(
            method=scope["method"],
            path=scope["path"],
            actor=actor,
            parameters=scope["path_params"],
            query_string=scope["query_string"],
            bucket=service.bucket,
            search=service.search,
        )
        record.group_id = call.parameters.get("group_id")
        try:
            if operation.body is None:
                handler = functools.partial(operation.handler, call)
                answer = await transaction.perform(service.pool, call, handler)
            else:
                answer = await _write(service, operation, call, scope, receive)
        except transaction.Replay as replay:
            await _send_answer(send, service, replay.answer, [(b"idempotency-replayed", b"true")])
            return
        if answer.kind is not None:
            service.metrics.count_created(answer.kind)
        if record.group_id is None:
            record.group_id = answer.group_id()
        await _send_answer(send, service, answer)


async def _write(
    service: context.Context,
    operation: Operation,
    call: request.Call,
    scope: Scope,
    receive: Receive,
) -> answers.Answer:
    """Returns the answer of an operation with a body. Raises Replay for a stored answer."""
    keys = _values(scope, b"idempotency-key") if call.method == "POST" else []
    call.raw_body = await _read(scope, receive)
    body = _parse(operation, call.raw_body, scope)
    key = idempotency.key_of(keys, call)
    handler = functools.partial(operation.handler, call, *body)
    if key is not None and (stored := await service.answer_cache.get(key)) is not None:
        raise transaction.Replay(stored)
    prepare = operation.preparation and operation.preparation(service, call.user, *body)
    answer = await transaction.perform(service.pool, call, handler, key, prepare)
    if key is not None:
        await service.answer_cache.put(key, answer)
    return answer


def _parse(operation: Operation, raw: bytes, scope: Scope) -> tuple[bodies.Body, ...]:
    """Returns the handler's argument for the body, if it takes one."""
    assert operation.body is not None
    media_types, codings = _values(scope, b"content-type"), _values(scope, b"content-encoding")
    if raw or media_types:
        _check_media_type(b",".join(media_types).decode("latin-1").lower())
    if codings and codings != [b"identity"]:
        raise problems.Problem("unsupported_media_type", "The body must not be compressed.")
    body = bodies.parse(operation.body, raw, optional=operation.body_optional)
    return () if operation.body is bodies.NoBody else (body,)


def _check_media_type(media_type: str) -> None:
    kind, _, parameters = media_type.partition(";")
    charset = re.search(r"charset\s*=\s*\"?([^\";]*)", parameters)
    if kind.strip() != "application/json" or (charset and charset[1].strip() not in UTF_8):
        raise problems.Problem("unsupported_media_type")


async def _read(scope: Scope, receive: Receive) -> bytes:
    """Returns the whole body. Raises Problem when it is too large."""
    if _values(scope, b"expect") and _content_length(scope) > MAX_BODY_BYTES:
        raise _too_large()
    chunks = []
    size = 0
    more = True
    # Many clients read no answer before they have sent the whole body.
    while more and size <= MAX_READ_BYTES:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        chunk = message.get("body", b"")
        size += len(chunk)
        if size <= MAX_BODY_BYTES:
            chunks.append(chunk)
        more = message.get("more_body", False)
    if size > MAX_BODY_BYTES:
        raise _too_large()
    return b"".join(chunks)


def _too_large() -> problems.Problem:
    detail = f"The body is too large. The limit is {MAX_BODY_BYTES} bytes."
    return problems.Problem("body_too_large", detail)


def _content_length(scope: Scope) -> int:
    return max(int(length) for length in _values(scope, b"content-length") or [b"0"])


async def _send_answer(
    send: Send,
    service: context.Context,
    answer: answers.Answer,
    headers: Sequence[tuple[bytes, bytes]] = (),
) -> None:
    body = service.signer.sign(answer.body)
    all_headers = list(headers)
    if body:
        all_headers += [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(body)).encode()),
        ]
    if answer.location is not None:
        all_headers.append((b"location", answer.location.encode()))
    await _send(send, answer.status, all_headers, body)


async def _send(
    send: Send, status: int, headers: Sequence[tuple[bytes, bytes]], body: bytes = b""
) -> None:
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _values(scope: Scope, name: bytes) -> list[bytes]:
    return [value for key, value in scope["headers"] if key == name]


def _address(scope: Scope) -> str:
    client = scope.get("client")
    return str(client[0]) if client else "unknown"
