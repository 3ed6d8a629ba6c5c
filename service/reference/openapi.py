"""OpenAPI document of the API, made from the route tables. Implements rule 00.19.

`python -m service.routes` prints it.
"""

import collections
import http
import re
import sys
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any, Final

import orjson
import pydantic
from starlette.routing import BaseRoute, Route

from gen import registries
from service.http import bodies, endpoints, errors, request
from service.reference import examples, limits, shapes

Json = dict[str, Any]

_INTRODUCTION: Final = """\
- **Pages** hold `items` and `next_cursor`. To get the next page, send the cursor as `before` if the
  newest items come first, else as `after`. The last page has a null cursor.
- **Errors** are `application/problem+json`; `code` is stable and listed below.
- **`Idempotency-Key`** makes every POST safe to retry for 24 hours.
- **PATCH** is a merge patch: absent fields stay, null clears a nullable field.
- **Live updates** arrive by Socket.IO; see [the AsyncAPI document](/asyncapi.json).

## Errors

| code | status | meaning |
|---|---|---|
"""
# Codes whose answers have Retry-After.
_RETRYABLE: Final = frozenset(
    {"rate_limited", "too_many_uploads", "unavailable", "idempotency_in_progress"}
)
_PARAMETERS: Final[Json] = {
    "IdempotencyKey": {
        "name": "Idempotency-Key",
        "in": "header",
        "description": "A repeated request with the same key returns the stored answer.",
        "schema": {"type": "string", "pattern": "^[!-~]{1,255}$"},
    },
    "RequestId": {
        "name": "X-Request-ID",
        "in": "header",
        "description": (
            "Identifier of this request in the answer and the logs: 1 to 128 visible ASCII "
            "characters. The service replaces any other value."
        ),
        "schema": {"type": "string"},
    },
}
_PATH_PARAMETERS: Final = {
    "code": "Code of an invitation.",
    "emoji": "Emoji, percent-encoded.",
    "slug": "Slug of the group.",
}
_HEADERS: Final = {
    "X-Request-ID": "Identifier of this request.",
    "Idempotency-Replayed": "`true` when a stored answer is repeated without a second effect.",
    "Location": "Path of the created resource.",
    "Retry-After": "Seconds to wait before the next attempt.",
    "WWW-Authenticate": "`Bearer`, the authentication scheme.",
}
# Shapes with a path of their own, which is the Location of a 201.
_WITH_LOCATION: Final = (shapes.Group, shapes.Post, shapes.Comment, shapes.Member)


class Entry:
    """Operation with its path and method."""

    def __init__(self, path: str, method: str, operation: endpoints.Operation) -> None:
        self.path = path
        self.method = method
        self.operation = operation
        self.body = None if operation.body is bodies.NoBody else operation.body
        self.tag = operation.handler.__module__.rpartition(".")[2]
        self.parameters: list[str] = re.findall(r"{(\w+)}", path)

    def codes(self) -> set[str]:
        """Returns every error code: the declared ones and those of the HTTP layer."""
        codes = {*self.operation.errors, *errors.HTTP_LAYER}
        if any(name.endswith("_id") for name in self.parameters):
            codes.add("not_found")
        if self.operation.body is not None:
            codes |= errors.BODY
        if self.method == "POST":
            codes |= errors.IDEMPOTENCY
        return codes


def document(routes: Sequence[BaseRoute]) -> bytes:
    """Returns the document of these routes as JSON."""
    described = [route for route in routes if isinstance(route, Route) and route.include_in_schema]
    entries = [*_entries(described)]
    schemas = _schemas(entries)
    paths: dict[str, Json] = collections.defaultdict(dict)
    for entry in entries:
        paths[entry.path][entry.method.lower()] = _operation(entry)
    for route in described:
        if isinstance(route.endpoint, endpoints.OperatorEndpoint):
            paths[route.path] = _operator_path(route.endpoint)
    return orjson.dumps(
        {
            "openapi": "3.1.0",
            "info": {
                "title": "Communities",
                "version": request.BASE.rpartition("/")[2],
                "summary": "Groups, posts, comments and reactions.",
                "description": _introduction(),
                "contact": {"name": "The Communities authors"},
                "license": {"name": "MIT", "identifier": "MIT"},
            },
            "servers": [{"url": request.BASE, "description": "This service."}],
            "tags": _tags(entries, described),
            "paths": paths,
            "components": {
                "securitySchemes": {
                    "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
                },
                "parameters": _PARAMETERS,
                "headers": {
                    name: {"description": text, "schema": {"type": "string"}}
                    for name, text in _HEADERS.items()
                },
                "schemas": schemas,
                "examples": {
                    **{
                        name: {"value": schemas[name]["examples"][0]}
                        for name in _body_names(entries)
                    },
                    **{code: {"value": _problem(code)} for code in registries.ERROR_CODES},
                },
            },
        }
    )


def _entries(routes: Iterable[Route]) -> Iterator[Entry]:
    for route in routes:
        if isinstance(route.endpoint, endpoints.Endpoint):
            path = route.path.removeprefix(request.BASE)
            for method, operation in route.endpoint.operations.items():
                yield Entry(path, method, operation)


def _introduction() -> str:
    rows = (
        f"| `{code}` | {status} | {title} |\n"
        for code, (status, title) in registries.ERROR_CODES.items()
    )
    return _INTRODUCTION + "".join(rows)


def _operation(entry: Entry) -> Json:
    operation = entry.operation
    description = _one_line(operation.handler.__doc__)
    result: Json = {
        "operationId": operation.name,
        "tags": [entry.tag],
        "summary": re.split(r"[.:;,]", description)[0],
        "description": description,
        "security": [{"bearer": []}] if operation.requires_token else [{}, {"bearer": []}],
        "parameters": [*_parameters(entry)],
        "responses": {
            **{
                str(status): _success_response(status, shape, entry)
                for status, shape in operation.answers.items()
            },
            **_error_responses(entry.codes()),
        },
    }
    body = entry.body
    if body is not None:
        result["requestBody"] = {
            "required": not operation.body_optional,
            "content": _json_of(body.__name__),
        }
    return result


def _parameters(entry: Entry) -> Iterator[Json]:
    for name in entry.parameters:
        schema: Json = {"type": "string"}
        text = _PATH_PARAMETERS.get(name)
        if text is None:
            schema["format"] = "uuid"
            text = f"Id of the {name.removesuffix('_id').replace('_', ' ')}."
        yield {"name": name, "in": "path", "required": True, "description": text, "schema": schema}
    for parameter in entry.operation.query:
        yield {
            "name": parameter.name,
            "in": "query",
            "required": parameter.required,
            "description": parameter.description,
            "schema": parameter.schema,
        }
    if entry.method == "POST":
        yield _ref("parameters", "IdempotencyKey")
    yield _ref("parameters", "RequestId")


def _success_response(status: int, shape: type[pydantic.BaseModel] | None, entry: Entry) -> Json:
    headers = ["X-Request-ID"]
    if entry.method == "POST":
        headers.append("Idempotency-Replayed")
    if status == http.HTTPStatus.CREATED and shape in _WITH_LOCATION:
        headers.append("Location")
    result: Json = {
        "description": http.HTTPStatus(status).phrase,
        "headers": {name: _ref("headers", name) for name in headers},
    }
    if shape is not None:
        result["content"] = _json_of(shape.__name__)
    return result


def _json_of(name: str) -> Json:
    """Returns the content of a shape, with its example."""
    schema, example = _ref("schemas", name), _ref("examples", name)
    return {"application/json": {"schema": schema, "examples": {name: example}}}


def _error_responses(declared: Collection[str]) -> Json:
    """Returns the error responses by status, each with its codes."""
    by_status: dict[int, list[str]] = collections.defaultdict(list)
    for code, (status, _) in registries.ERROR_CODES.items():
        if code in declared:
            by_status[status].append(code)
    return {
        str(status): _error_response(status, codes) for status, codes in sorted(by_status.items())
    }


def _error_response(status: int, codes: list[str]) -> Json:
    headers = ["X-Request-ID"]
    if "unauthenticated" in codes:
        headers.append("WWW-Authenticate")
    if not _RETRYABLE.isdisjoint(codes):
        headers.append("Retry-After")
    return {
        "description": f"{http.HTTPStatus(status).phrase}: " + ", ".join(map("`{}`".format, codes)),
        "headers": {name: _ref("headers", name) for name in headers},
        "content": {
            "application/problem+json": {
                "schema": _ref("schemas", "Problem"),
                "examples": {code: _ref("examples", code) for code in codes},
            }
        },
    }


def _operator_path(endpoint: endpoints.OperatorEndpoint) -> Json:
    description = _one_line(endpoint.handler.__doc__)
    return {
        "servers": [{"url": "/", "description": "This service, outside the API."}],
        "get": {
            "operationId": endpoint.handler.__name__,
            "tags": [endpoint.handler.__module__.rpartition(".")[2]],
            "summary": description.split(".")[0],
            "description": description,
            "security": [{}],
            "responses": {
                str(status): {
                    "description": http.HTTPStatus(status).phrase,
                    "content": _operator_content(endpoint, status, shape),
                }
                for status, shape in endpoint.answers.items()
            },
        },
    }


def _operator_content(
    endpoint: endpoints.OperatorEndpoint, status: int, shape: type[pydantic.BaseModel] | None
) -> Json:
    if shape is None:
        return {"text/plain": {"schema": {"type": "string"}, "example": endpoint.example}}
    example = endpoint.example
    if status != http.HTTPStatus.OK:
        example = example.replace('"ok"', '"error"')
    schema = _ref("schemas", shape.__name__)
    return {"application/json": {"schema": schema, "example": orjson.loads(example)}}


def _tags(entries: Iterable[Entry], routes: Iterable[Route]) -> list[Json]:
    modules = [entry.operation.handler.__module__ for entry in entries]
    modules += [
        route.endpoint.handler.__module__
        for route in routes
        if isinstance(route.endpoint, endpoints.OperatorEndpoint)
    ]
    tags = [
        {"name": name.rpartition(".")[2], "description": _one_line(sys.modules[name].__doc__)}
        for name in dict.fromkeys(modules)
    ]
    # Groups come first in the document. The order of the routes is the router's.
    return sorted(tags, key=lambda tag: tag["name"] not in ("groups", "members", "invitations"))


def _body_names(entries: Iterable[Entry]) -> list[str]:
    """Returns the names of the models that are the body of a request or response."""
    names: set[str] = set()
    for entry in entries:
        names |= {shape.__name__ for shape in entry.operation.answers.values() if shape}
        if entry.body is not None:
            names.add(entry.body.__name__)
    return sorted(names)


def _schemas(entries: Iterable[Entry]) -> Json:
    """Returns the schema of every model, by name."""
    responses: list[type[pydantic.BaseModel]] = [shapes.Problem, shapes.Health]
    requests: list[type[pydantic.BaseModel]] = []
    for entry in entries:
        responses += [shape for shape in entry.operation.answers.values() if shape]
        if entry.body is not None:
            requests.append(shapes.refined(entry.body))
    schemas = shapes.schemas(responses, requests)
    for body_model in requests:
        limits.add_to(schemas[body_model.__name__], body_model.__name__)
    schemas["Problem"]["properties"]["code"]["enum"] = [*registries.ERROR_CODES]
    examples.add_to(schemas)
    return schemas


def _problem(code: str) -> Json:
    status, title = registries.ERROR_CODES[code]
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


def _one_line(text: str | None) -> str:
    return " ".join((text or "").split())
