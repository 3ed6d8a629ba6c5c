"""The OpenAPI document, made from the routes, their bodies, and the statements of gen/."""

import collections
import http
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

import orjson
import pydantic
from pydantic.json_schema import models_json_schema
from starlette.routing import BaseRoute, Route

from service import bodies, calls, endpoints
from service.openapi import examples, learning, shapes

Json = dict[str, Any]

_INTRODUCTION: Final = """\
Communities: groups, posts, comments and reactions.

- **Pages** hold `items` and `next_cursor`: give it as `before` where the newest come first, else
  as `after`, until it is null.
- **Errors** are `application/problem+json`; `code` is a stable word, and one of those below.
- **`Idempotency-Key`** makes any POST safe to send again, for 24 hours.
- **PATCH** is a merge patch: what is absent stays, what is null is cleared.

| code | status | |
|---|---|---|
"""
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
_PAGE: Final = {
    "limit": "How many items at most.",
    "before": "A cursor: only what is strictly older.",
    "after": "A cursor: only what is strictly newer.",
    "cursor": "The next_cursor of the page before.",
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
    paths: dict[str, Json] = collections.defaultdict(dict)
    for operation in operations:
        paths[operation.path][operation.method.lower()] = _operation(operation, operations)
    for route in every:
        if not isinstance(route.endpoint, endpoints.Endpoint):
            paths[route.path] = _path_of_operators(route)
    return orjson.dumps(
        {
            "openapi": "3.1.0",
            "info": {
                "title": "Communities",
                "version": calls.BASE.rpartition("/")[2],
                "description": _introduction(),
            },
            "servers": [{"url": calls.BASE}],
            "tags": _tags(operations),
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
                "schemas": _schemas(operations),
                "examples": {code: {"value": _problem(code)} for code in learning.registry()},
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
    description = _plain(operation.text.partition(" Raises ")[0])
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
            "content": {"application/json": {"schema": _ref("schemas", body.__name__)}},
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
        if name.endswith("_id"):
            schema["format"] = "uuid"
        yield {"name": name, "in": "path", "required": True, "schema": schema}
    for parameter in sorted(operation.queried(), key=lambda each: each.name in _PAGE):
        # Where it is also a word of Python, gen/ puts a _ behind it.
        name = parameter.name.removesuffix("_")
        known = shapes.field_type("query", name, parameter.annotation)
        schema = pydantic.TypeAdapter(known).json_schema()
        # A query can't say null: it leaves the parameter out.
        schema = schema["anyOf"][0] if "anyOf" in schema else schema
        if name == "limit":
            schema |= {"minimum": 1, "maximum": 100, "default": calls.DEFAULT_LIMIT}
        elif parameter.annotation is bool:
            schema |= {"default": False}
        words: Json = {"name": name, "in": "query", "schema": schema}
        if name in _PAGE:
            words["description"] = _PAGE[name]
        yield words
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
        words["content"] = {"application/json": {"schema": _ref("schemas", name)}}
    return words


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
    if not {"rate_limited", "unavailable", "idempotency_in_progress"}.isdisjoint(codes):
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
        "servers": [{"url": "/"}],
        "get": {
            "operationId": route.endpoint.__name__,
            "tags": [_tag(route.endpoint.__module__)],
            "summary": summary[:1].upper() + summary[1:].rstrip("."),
            "security": [{}],
            "responses": {
                str(status): {"description": http.HTTPStatus(status).phrase} for status in statuses
            },
        },
    }


def _tags(operations: Iterable[learning.Learnt]) -> list[Json]:
    modules = {operation.module.__name__: operation.module for operation in operations}
    tags = [
        {"name": _tag(name), "description": learning.one_line(module.__doc__)}
        for name, module in modules.items()
    ]
    # A reader begins with groups, whatever is asked for most.
    return sorted(tags, key=lambda tag: tag["name"] not in ("groups", "members", "invitations"))


def _tag(module: str) -> str:
    return module.rpartition(".")[2]


def _schemas(operations: Iterable[learning.Learnt]) -> Json:
    """Every shape and every body, by name."""
    answers: list[type[pydantic.BaseModel]] = [shapes.Problem]
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
    _, together = models_json_schema(
        [
            *((each, "serialization") for each in dict.fromkeys(answers)),
            *((each, "validation") for each in dict.fromkeys(asked)),
        ],
        ref_template="#/components/schemas/{model}",
    )
    schemas: Json = _tidy(together["$defs"])
    schemas["Problem"]["properties"]["code"]["enum"] = [*learning.registry()]
    examples.add_to(schemas)
    return schemas


def _tidy(schema: Any) -> Any:
    """A schema without the titles that repeat a name, and defaults that say no more than null."""
    if isinstance(schema, list):
        return [_tidy(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        key: _plain(value) if key == "description" and isinstance(value, str) else _tidy(value)
        for key, value in schema.items()
        if not (key == "title" and isinstance(value, str))
        and not (key == "default" and value is None)
    }


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


def _plain(text: str) -> str:
    """Without references to the specification, and with arguments as HTTP names them."""
    return re.sub(r"\bp_(\w+)", r"`\1`", re.sub(r" \(§[^)]*\)", "", text))


def _ref(kind: str, name: str) -> Json:
    return {"$ref": f"#/components/{kind}/{name}"}
