"""The OpenAPI document: what the routes, their handlers, the bodies and gen/ say, put into words once.

A handler answers with one statement of gen/. From that statement come the description, the errors,
the parameters of the query and the shape of the answer, so that the comment in db/queries is the
only place that tells them.
"""

import collections
import functools
import http
import inspect
import re
import types
import typing
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import orjson
import pydantic
from pydantic.json_schema import models_json_schema
from starlette.routing import BaseRoute, Route

from service import bodies, calls, endpoints, examples, shapes

_REGISTRY: Final = Path(__file__).parent.parent / "db" / "functions" / "01_errors.sql"
_REF: Final = "#/components/{}/{}"

Json = dict[str, Any]
Model = type[pydantic.BaseModel]


def document(routes: Sequence[BaseRoute]) -> bytes:
    """The document of these routes, as JSON."""
    every = [route for route in routes if isinstance(route, Route) and route.include_in_schema]
    operations = [*_operations(every)]
    codes = registry()
    paths: Json = collections.defaultdict(dict)
    for operation in operations:
        paths[operation.path][operation.method.lower()] = operation.words(codes, operations)
    for route in every:
        if not isinstance(route.endpoint, endpoints.Endpoint):
            paths[route.path] = _plain_path(route)
    return orjson.dumps(
        {
            "openapi": "3.1.0",
            "info": {
                "title": "Communities",
                "version": calls.BASE.rpartition("/")[2],
                "description": _introduction(codes),
            },
            "servers": [{"url": calls.BASE}],
            "tags": [*_tags(operations)],
            "paths": paths,
            "components": _components(operations, codes),
        }
    )


@functools.cache
def registry() -> dict[str, tuple[int, str]]:
    """Every error code of the rulebook, with its status and title."""
    rows = re.findall(r"select '(\w+)'[^,]*, (\d+)[^,]*, '(.*)'", _REGISTRY.read_text())
    return {code: (int(status), title) for code, status, title in rows}


@dataclass(frozen=True, kw_only=True)
class Described:
    """An operation of the API, with all that can be learnt of it."""

    path: str
    method: str
    operation: endpoints.Operation
    # The handler's module, the names that its code uses, and its statement's method in gen/.
    module: types.ModuleType
    names: frozenset[str]
    query: Callable[..., Any]
    rule: Callable[..., Any]
    function: str

    @property
    def text(self) -> str:
        """The comment of the statement in db/queries, or the handler's own."""
        return " ".join((inspect.getdoc(self.operation.handler) or self.rule.__doc__ or "").split())

    @property
    def description(self) -> str:
        return _without_references(self.text.partition(" Raises ")[0])

    @property
    def shape(self) -> Model | None:
        """What the statement gives a row of."""
        given = typing.get_args(inspect.signature(self.rule).return_annotation)
        models = [each for each in given if isinstance(each, type) and each is not type(None)]
        return shapes.refined(models[0]) if models else None

    @property
    def is_list(self) -> bool:
        return self.query is not self.rule and "_page_" in self.query.__name__

    @property
    def answers(self) -> dict[int, str | None]:
        """The status of each success, and the name of what its body is."""
        name = self.shape.__name__ if self.shape else None
        if "NO_CONTENT" in self.names:
            return {204: None}
        if "decided" in self.names:
            return {int(status): name for status, name in re.findall(r"\((\d+), (\w+)", self.text)}
        if self.is_list:
            return {200: f"{name}Page"}
        return {201 if "created" in self.names else 200: name}

    @property
    def codes(self) -> set[str]:
        """The words of all errors: those of the rule, and of what stands before the handler."""
        said = {*re.findall(r"\w+", self.text.partition(" Raises ")[2])} & registry().keys()
        said |= {"unauthenticated", "rate_limited", "unavailable"}
        if "_id}" in self.path:
            said.add("not_found")
        if self.operation.body is not None:
            said |= {"invalid_json", "validation_failed", "body_too_large"}
            said.add("unsupported_media_type")
        if self.method == "POST":
            said |= {"idempotency_key_reused", "idempotency_in_progress"}
        return said

    @property
    def needs_token(self) -> bool:
        """Whether nobody gets past here without one: where a rule names that error first, and always."""
        return self.operation.body is not None or " Raises unauthenticated," in self.text

    def name(self, all_operations: Sequence["Described"]) -> str:
        """The name of its function in SQL; where several share one, that and what sets them apart."""
        if sum(each.function == self.function for each in all_operations) == 1:
            return self.function
        subject = self.path.split("/")[1].removesuffix("s")
        of_one = re.sub(r"_(?=reactions?$)", f"_{subject}_", self.function)
        handler: str = self.operation.handler.__name__
        return of_one if of_one != self.function else f"{handler}_{subject}"

    def words(self, codes: dict[str, tuple[int, str]], operations: Sequence["Described"]) -> Json:
        """The operation in the document."""
        located = {each.answers.get(200) for each in operations if each.method == "GET"}
        words: Json = {
            "operationId": self.name(operations),
            "tags": [_tag(self.module)],
            "summary": re.split(r"[.:;]", re.sub(r" \(.*?\)", "", self.description))[0],
            "description": self.description,
            "security": [{"bearer": []}] if self.needs_token else [{}, {"bearer": []}],
            "parameters": [*self._parameters()],
            "responses": {
                **{
                    str(status): self._success(status, name, name in located)
                    for status, name in self.answers.items()
                },
                **_refusals(self.codes, codes),
            },
        }
        body = self.operation.body
        if body is not None and body is not bodies.Nothing:
            words["requestBody"] = {
                "required": not self.operation.body_optional,
                "content": _content(body.__name__),
            }
        return words

    def _parameters(self) -> Iterator[Json]:
        for name in re.findall(r"{(\w+)}", self.path):
            schema = {"type": "string", **({"format": "uuid"} if name.endswith("_id") else {})}
            yield {"name": name, "in": "path", "required": True, "schema": schema}
        if self.method == "GET":
            yield from self._queried()
        if self.method == "POST":
            yield {"$ref": _REF.format("parameters", "IdempotencyKey")}
        yield {"$ref": _REF.format("parameters", "RequestId")}

    def _queried(self) -> Iterator[Json]:
        """What the statement takes besides the caller and what the path says."""
        in_path = {*re.findall(r"{(\w+)}", self.path), "actor", "subject_type", "subject_id"}
        for name, argument in inspect.signature(self.query).parameters.items():
            if name in in_path or name == "self":
                continue
            known = shapes.field_type("query", name, argument.annotation)
            schema = pydantic.TypeAdapter(known).json_schema()
            # What is absent is null: there is no other way to say that in a query.
            schema = schema["anyOf"][0] if "anyOf" in schema else schema
            if name == "limit":
                schema |= {"minimum": 1, "maximum": 100, "default": calls.DEFAULT_LIMIT}
            elif argument.annotation is bool:
                schema["default"] = False
            yield {"name": name, "in": "query", "schema": schema}

    def _success(self, status: int, name: str | None, has_place: bool) -> Json:
        headers: Json = {"X-Request-ID": {"$ref": _REF.format("headers", "RequestId")}}
        if self.method == "POST":
            headers["Idempotency-Replayed"] = {"$ref": _REF.format("headers", "Replayed")}
        if status == http.HTTPStatus.CREATED and has_place:
            headers["Location"] = {"$ref": _REF.format("headers", "Location")}
        words: Json = {"description": http.HTTPStatus(status).phrase, "headers": headers}
        if name is not None:
            words["content"] = _content(name)
        return words


def _operations(routes: Iterable[Route]) -> Iterator[Described]:
    for route in routes:
        if isinstance(route.endpoint, endpoints.Endpoint):
            path = route.path.removeprefix(calls.BASE)
            for method, operation in route.endpoint.operations.items():
                yield _described(path, method, operation)


def _described(path: str, method: str, operation: endpoints.Operation) -> Described:
    module = inspect.getmodule(operation.handler)
    assert module is not None
    names = frozenset(_names(inspect.unwrap(operation.handler)))
    [(source, name)] = (
        (value, name)
        for value in vars(module).values()
        if inspect.ismodule(value) and hasattr(value, "AsyncQuerier")
        for name in names & vars(value.AsyncQuerier).keys()
    )
    whole = name.removesuffix("_json").removesuffix("_page")
    rule = whole if whole == name.removesuffix("_json") else f"{whole}_list"
    found = re.search(r"(?:from|select) api\.(\w+)\(", getattr(source, rule.upper()))
    assert found is not None
    return Described(
        path=path,
        method=method,
        operation=operation,
        module=module,
        names=names,
        query=getattr(source.AsyncQuerier, name),
        rule=getattr(source.AsyncQuerier, rule),
        function=found[1],
    )


def _names(function: Callable[..., Any]) -> Iterator[str]:
    """The names that a function's code uses, with those of its module's functions among them."""
    plain: types.FunctionType = getattr(function, "__func__", function)
    for name in plain.__code__.co_names:
        yield name
        other = plain.__globals__.get(name)
        if inspect.isfunction(other) and other.__module__ == plain.__module__:
            yield from _names(other)


def _refusals(said: Iterable[str], codes: dict[str, tuple[int, str]]) -> Json:
    """The responses that are errors, by status."""
    by_status: dict[int, list[str]] = collections.defaultdict(list)
    for code in codes:
        if code in said:
            by_status[codes[code][0]].append(code)
    return {str(status): _refusal(status, each) for status, each in sorted(by_status.items())}


def _refusal(status: int, codes: list[str]) -> Json:
    headers = ["RequestId"]
    if status == http.HTTPStatus.UNAUTHORIZED:
        headers.append("Authenticate")
    if status in (429, 503) or "idempotency_in_progress" in codes:
        headers.append("RetryAfter")
    schema = {"properties": {"code": {"enum": codes}}, "$ref": _REF.format("schemas", "Problem")}
    examples = {code: {"$ref": _REF.format("examples", code)} for code in codes}
    return {
        "description": " · ".join(f"`{code}`" for code in codes),
        "headers": {_HEADERS[name][0]: {"$ref": _REF.format("headers", name)} for name in headers},
        "content": {"application/problem+json": {"schema": schema, "examples": examples}},
    }


def _plain_path(route: Route) -> Json:
    """A path outside of the base, which operators ask."""
    name, text = route.endpoint.__name__, inspect.getdoc(route.endpoint) or ""
    summary = text.partition(": ")[2] or text
    statuses = {"200", *re.findall(r"\b[2-5]\d\d\b", summary)}
    return {
        "servers": [{"url": "/"}],
        "get": {
            "operationId": name,
            "tags": [_tag(inspect.getmodule(route.endpoint))],
            "summary": summary,
            "security": [{}],
            "responses": {
                status: {"description": http.HTTPStatus(int(status)).phrase}
                for status in sorted(statuses)
            },
        },
    }
