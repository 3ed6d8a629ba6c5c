"""The OpenAPI document, made from the routes, their bodies, and the statements of gen/.

`python -m service.reference` prints it.
"""

import collections
import http
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

import orjson
import pydantic
from starlette.routing import BaseRoute, Route

from service.http import answers, bodies, endpoints, request
from service.reference import examples, learning, shapes

Json = dict[str, Any]

_INTRODUCTION: Final = """\
- **Pages** hold `items` and `next_cursor`: give it as `before` where the newest come first, else
  as `after`, until it is null.
- **Errors** are `application/problem+json`; `code` is a stable word, and one of those below.
- **`Idempotency-Key`** makes any POST safe to send again, for 24 hours.
- **PATCH** is a merge patch: what is absent stays, what is null is cleared.
- **Live updates** come by Socket.IO: [the AsyncAPI document](/asyncapi.json) describes them.

## Errors

| code | status | meaning |
|---|---|---|
"""
# Codes whose answers say when to retry.
_RETRYABLE: Final = frozenset(
    {"rate_limited", "too_many_uploads", "unavailable", "idempotency_in_progress"}
)
_PARAMETERS: Final[Json] = {
    "IdempotencyKey": {
        "name": "Idempotency-Key",
        "in": "header",
        "description": "The same request again under the same key gets the same answer.",
        "schema": {"type": "string", "pattern": "^[!-~]{1,255}$"},
    },
    "RequestId": {
        "name": "X-Request-ID",
        "in": "header",
        "description": "What to call this request in the answer and the logs.",
        "schema": {"type": "string", "pattern": "^[!-~]{1,128}$"},
    },
}
_IN_PATHS: Final = {
    "code": "The code of an invitation.",
    "emoji": "An emoji, percent-encoded.",
    "slug": "The group's slug.",
}
_PAGE: Final = {
    "limit": "How many items at most.",
    "before": "A cursor: only what is strictly older.",
    "after": "A cursor: only what is strictly newer.",
    "cursor": "The next_cursor of the page before.",
}
_FILTERS: Final = {
    "author_id": "Only what this user wrote.",
    "campus_id": "Only groups of this campus.",
    "deleted": "Only what is deleted, which moderators may see.",
    "emoji": "Only reactions with this emoji.",
    "group_id": "Only what is in this group.",
    "mine": "Only the caller's own groups.",
    "parent_id": "Only direct replies to this comment.",
    "pinned": "Only what is pinned, or with false only what isn't.",
    "q": "What to look for.",
    "role": "Only members of this role.",
    "tag": "Only what has this tag.",
    "type": "Only things of this type.",
    "visibility": "Only groups of this visibility.",
}
_HEADERS: Final = {
    "X-Request-ID": "The id of this request.",
    "Idempotency-Replayed": "true: this answer was given before, and nothing was done again.",
    "Location": "Where the new thing is.",
    "Retry-After": "Seconds to wait before trying again.",
    "WWW-Authenticate": "Bearer",
}


def document(routes: Sequence[BaseRoute]) -> bytes:
    """The document of these routes, as JSON."""
    every = [route for route in routes if isinstance(route, Route) and route.include_in_schema]
    operations = [*learning.learn(every)]
    schemas = _schemas(operations)
    paths: dict[str, Json] = collections.defaultdict(dict)
    for operation in operations:
        paths[operation.path][operation.method.lower()] = _operation(operation, operations)
    others = [route for route in every if not isinstance(route.endpoint, endpoints.Endpoint)]
    for route in others:
        paths[route.path] = _path_of_operators(route)
    return orjson.dumps(
        {
            "openapi": "3.1.0",
            "info": {
                "title": "Communities",
                "version": answers.BASE.rpartition("/")[2],
                "summary": "Groups, posts, comments and reactions.",
                "description": _introduction(),
                "contact": {"name": "The Communities authors"},
                "license": {"name": "MIT", "identifier": "MIT"},
            },
            "servers": [{"url": answers.BASE, "description": "This service."}],
            "tags": _tags(operations, others),
            "paths": paths,
            "components": {
                "securitySchemes": {
                    "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
                },
                "parameters": _PARAMETERS,
                "headers": {
                    name: {"description": words, "schema": {"type": "string"}}
                    for name, words in _HEADERS.items()
                },
                "schemas": schemas,
                "examples": {
                    **{name: {"value": schemas[name]["examples"][0]} for name in _sent(operations)},
                    **{code: {"value": _problem(code)} for code in learning.registry()},
                },
            },
        }
    )


def _introduction() -> str:
    rows = (
        f"| `{code}` | {status} | {title} |\n"
        for code, (status, title) in learning.registry().items()
    )
    return _INTRODUCTION + "".join(rows)


def _operation(operation: learning.Learnt, operations: Sequence[learning.Learnt]) -> Json:
    description = shapes.plain(operation.text.partition(" Raises ")[0])
    words: Json = {
        "operationId": _name(operation, operations),
        "tags": [_tag(operation.module.__name__)],
        "summary": re.split(r"[.:;]", re.sub(r" \(.*?\)", "", description))[0],
        "description": description,
        "security": [{"bearer": []}] if operation.needs_token else [{}, {"bearer": []}],
        "parameters": [*_parameters(operation)],
        "responses": {
            **{
                str(status): _success(status, name, operation, operations)
                for status, name in operation.answers().items()
            },
            **_refusals(operation.codes()),
        },
    }
    body = operation.operation.body
    if body not in (None, bodies.Nothing):
        words["requestBody"] = {
            "required": not operation.operation.body_optional,
            "content": _json_of(body.__name__),
        }
    return words


def _name(operation: learning.Learnt, operations: Sequence[learning.Learnt]) -> str:
    """The name of the SQL function; where several share one, with what sets them apart."""
    function = operation.statement.function
    if [each.statement.function for each in operations].count(function) == 1:
        return function
    subject = operation.path.split("/")[1].removesuffix("s")
    handler: str = operation.operation.handler.__name__
    named = re.sub("(?=reactions?$)", f"{subject}_", function)
    return named if named != function else f"{handler}_{subject}"


def _parameters(operation: learning.Learnt) -> Iterator[Json]:
    for name in operation.parameters:
        schema: Json = {"type": "string"}
        words = _IN_PATHS.get(name)
        if words is None:
            schema["format"] = "uuid"
            words = f"The {name.removesuffix('_id')}'s id."
        yield {
            "name": name,
            "in": "path",
            "required": True,
            "description": words,
            "schema": schema,
        }
    for parameter in sorted(operation.queried(), key=lambda each: each.name in _PAGE):
        # Where it is also a word of Python, gen/ puts a _ behind it.
        name = parameter.name.removesuffix("_")
        known = shapes.field_type("query", name, parameter.annotation)
        schema = pydantic.TypeAdapter(known).json_schema()
        # A query can't say null: it leaves the parameter out.
        schema = schema["anyOf"][0] if "anyOf" in schema else schema
        if name == "limit":
            schema |= {"minimum": 1, "maximum": 100, "default": request.DEFAULT_LIMIT}
        elif parameter.annotation is bool:
            schema |= {"default": False}
        words = (_PAGE | _FILTERS)[name]
        yield {"name": name, "in": "query", "description": words, "schema": schema}
    if operation.method == "POST":
        yield _ref("parameters", "IdempotencyKey")
    yield _ref("parameters", "RequestId")


def _success(
    status: int,
    name: str | None,
    operation: learning.Learnt,
    operations: Sequence[learning.Learnt],
) -> Json:
    headers = ["X-Request-ID"]
    if operation.method == "POST":
        headers.append("Idempotency-Replayed")
    # What can be got by itself has a place.
    placed = [each.answers().get(200) for each in operations if each.method == "GET"]
    if status == http.HTTPStatus.CREATED and name in placed:
        headers.append("Location")
    words: Json = {
        "description": http.HTTPStatus(status).phrase,
        "headers": {each: _ref("headers", each) for each in headers},
    }
    if name is not None:
        words["content"] = _json_of(name)
    return words


def _json_of(name: str) -> Json:
    """Content of a shape, with its example."""
    schema, example = _ref("schemas", name), _ref("examples", name)
    return {"application/json": {"schema": schema, "examples": {name: example}}}


def _refusals(refused: set[str]) -> Json:
    """The responses that are errors, by status, each with its codes."""
    by_status: dict[int, list[str]] = collections.defaultdict(list)
    for code, (status, _) in learning.registry().items():
        if code in refused:
            by_status[status].append(code)
    return {str(status): _refusal(status, codes) for status, codes in sorted(by_status.items())}


def _refusal(status: int, codes: list[str]) -> Json:
    headers = ["X-Request-ID"]
    if "unauthenticated" in codes:
        headers.append("WWW-Authenticate")
    if not _RETRYABLE.isdisjoint(codes):
        headers.append("Retry-After")
    return {
        "description": f"{http.HTTPStatus(status).phrase}: " + ", ".join(map("`{}`".format, codes)),
        "headers": {each: _ref("headers", each) for each in headers},
        "content": {
            "application/problem+json": {
                "schema": _ref("schemas", "Problem"),
                "examples": {code: _ref("examples", code) for code in codes},
            }
        },
    }


def _path_of_operators(route: Route) -> Json:
    """A path outside of the base; its handler's docstring begins with method and path."""
    summary = re.sub(r"^GET \S+[:,] ", "", learning.one_line(route.endpoint.__doc__))
    statuses = [200, *map(int, re.findall(r"\b[45]\d\d\b", summary))]
    return {
        "servers": [{"url": "/", "description": "This service, outside of the API."}],
        "get": {
            "operationId": route.endpoint.__name__,
            "tags": [_tag(route.endpoint.__module__)],
            "summary": summary[:1].upper() + summary[1:].rstrip("."),
            "description": summary[:1].upper() + summary[1:],
            "security": [{}],
            "responses": {
                str(status): {
                    "description": http.HTTPStatus(status).phrase,
                    "content": _content_for_operators(route, status),
                }
                for status in statuses
            },
        },
    }


def _content_for_operators(route: Route, status: int) -> Json:
    if route.path == "/metrics":
        return {"text/plain": {"schema": {"type": "string"}, "example": "communities_sockets 3.0"}}
    word = "ok" if status == http.HTTPStatus.OK else "error"
    # The process itself stands on nothing.
    stores = {} if route.path == "/healthz" else dict.fromkeys(shapes.STORES, word)
    example = {"status": word, **stores}
    return {"application/json": {"schema": _ref("schemas", "Health"), "example": example}}


def _tags(operations: Iterable[learning.Learnt], others: Iterable[Route]) -> list[Json]:
    modules = [operation.module.__name__ for operation in operations]
    modules += [route.endpoint.__module__ for route in others]
    tags = [
        {"name": _tag(name), "description": learning.one_line(sys.modules[name].__doc__)}
        for name in dict.fromkeys(modules)
    ]
    # A reader begins with groups, whatever is asked for most.
    return sorted(tags, key=lambda tag: tag["name"] not in ("groups", "members", "invitations"))


def _tag(module: str) -> str:
    return module.rpartition(".")[2]


def _sent(operations: Iterable[learning.Learnt]) -> list[str]:
    """The names of what is a whole body."""
    names = [name for operation in operations for name in operation.answers().values() if name]
    taken = [operation.operation.body for operation in operations]
    return sorted(
        {*names, *(body.__name__ for body in taken if body not in (None, bodies.Nothing))}
    )


def _schemas(operations: Iterable[learning.Learnt]) -> Json:
    """Every shape and every body, by name."""
    answers: list[type[pydantic.BaseModel]] = [shapes.Problem, shapes.Health]
    asked: list[type[pydantic.BaseModel]] = []
    for operation in operations:
        shape = operation.statement.shape()
        if operation.statement.is_page:
            assert shape is not None
            answers.append(shapes.page(shape, has_summary=operation.statement.has_summary))
        elif "decided" not in operation.names and shape is not None:
            answers.append(shape)
        body = operation.operation.body
        if body is not None and body is not bodies.Nothing:
            asked.append(shapes.refined(body))
    schemas = shapes.schemas(answers, asked)
    schemas["Problem"]["properties"]["code"]["enum"] = [*learning.registry()]
    examples.add_to(schemas)
    return schemas


def _problem(code: str) -> Json:
    status, title = learning.registry()[code]
    problem = {
        "type": "about:blank",
        "title": http.HTTPStatus(status).phrase,
        "status": status,
        "code": code,
        "detail": title,
        "request_id": "01935f3e-7c4b-7a10-9d2e-5b8f0c1a2d3e",
    }
    if code == "validation_failed":
        problem["errors"] = [{"field": "limit", "message": "is not between 1 and 100"}]
    return problem


def _ref(kind: str, name: str) -> Json:
    return {"$ref": f"#/components/{kind}/{name}"}
