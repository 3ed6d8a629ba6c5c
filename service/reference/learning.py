"""What can be learnt of an operation from its handler, and from the one statement that this makes.

The comment of a statement in db/queries is its only description: `Writes a post; for … . Raises
unauthenticated, … (§2).` It is the docstring of the statement's method in gen/, and its words for
success are `(201, Member)` where the function chooses the status.
"""

import functools
import inspect
import re
import types
import typing
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pydantic
from starlette.routing import Route

from service.http import answers, endpoints
from service.reference import shapes

_REGISTRY: Final = Path(__file__).parents[2] / "db" / "functions" / "01_errors.sql"
_ROW: Final = re.compile(r"select '(\w+)'(?: as code)?, (\d+)(?: as status)?, '(.*)'")

Registry = dict[str, tuple[int, str]]


@functools.cache
def registry() -> Registry:
    """The status and title of every error code that the rulebook knows."""
    rows = _ROW.findall(_REGISTRY.read_text())
    return {code: (int(status), title.replace("''", "'")) for code, status, title in rows}


@dataclass(frozen=True, kw_only=True)
class Statement:
    """A statement of gen/: as it is run, and as the one that it gives the JSON of."""

    query: Callable[..., Any]
    rule: Callable[..., Any]
    # The function of the schema api.
    function: str

    @property
    def is_page(self) -> bool:
        return self.rule.__name__.endswith("_list")

    @property
    def has_summary(self) -> bool:
        """Whether its page has a summary beside the items."""
        return self.is_page and "summary" in (self.query.__doc__ or "")

    def shape(self) -> type[pydantic.BaseModel] | None:
        """What it gives a row of."""
        given = typing.get_args(inspect.signature(self.rule).return_annotation)
        models = [each for each in given if each is not types.NoneType]
        return shapes.refined(models[0]) if models else None


@dataclass(frozen=True, kw_only=True)
class Learnt:
    """A method of a path, relative to the base, and what is known of it."""

    path: str
    method: str
    operation: endpoints.Operation
    module: types.ModuleType
    statement: Statement
    # What the handler's code names.
    names: frozenset[str]

    @property
    def text(self) -> str:
        """The comment: the handler's own if it has one, else the statement's."""
        return one_line(self.operation.handler.__doc__ or self.statement.rule.__doc__)

    @property
    def parameters(self) -> list[str]:
        """The names in the path."""
        return re.findall(r"{(\w+)}", self.path)

    @property
    def needs_token(self) -> bool:
        """Whether nobody does this without one, as rules say that ask for it before all else."""
        return self.operation.body is not None or " Raises unauthenticated," in self.text

    def answers(self) -> dict[int, str | None]:
        """The status of each success, and the name of its body's shape."""
        shape = self.statement.shape()
        name = shape.__name__ if shape else None
        if "NO_CONTENT" in self.names:
            return {204: None}
        if "decided" in self.names:
            return {int(status): name for status, name in re.findall(r"\((\d+), (\w+)", self.text)}
        if self.statement.is_page:
            return {200: f"{name}Page"}
        return {201 if "created" in self.names else 200: name}

    def codes(self) -> set[str]:
        """The codes of all refusals: by the rule, and by what stands before the handler."""
        codes = {*re.findall(r"\w+", self.text.partition(" Raises ")[2])} & registry().keys()
        codes |= {"unauthenticated", "rate_limited", "unavailable"}
        if any(name.endswith("_id") for name in self.parameters):
            codes.add("not_found")
        if self.operation.body is not None:
            codes |= {"invalid_json", "validation_failed"}
            codes |= {"body_too_large", "unsupported_media_type"}
        if self.method == "POST":
            codes |= {"idempotency_key_reused", "idempotency_in_progress"}
        return codes

    def queried(self) -> Iterator[inspect.Parameter]:
        """What the statement takes besides the caller and what the path says."""
        said = {"self", "actor", "subject_type", "subject_id", *self.parameters}
        for name, parameter in inspect.signature(self.statement.query).parameters.items():
            if name not in said and self.method == "GET":
                yield parameter


def learn(routes: Iterable[Route]) -> Iterator[Learnt]:
    """All operations of the API."""
    for route in routes:
        if isinstance(route.endpoint, endpoints.Endpoint):
            path = route.path.removeprefix(answers.BASE)
            for method, operation in route.endpoint.operations.items():
                yield _learnt(path, method, operation)


def one_line(text: str | None) -> str:
    return " ".join((text or "").split())


def _learnt(path: str, method: str, operation: endpoints.Operation) -> Learnt:
    module = inspect.getmodule(operation.handler)
    assert module is not None
    names = frozenset(_names(operation.handler))
    # Its module's only source of statements, and the only one of those that it makes.
    [source] = [each for each in vars(module).values() if hasattr(each, "AsyncQuerier")]
    [query] = names & vars(source.AsyncQuerier).keys()
    return Learnt(
        path=path,
        method=method,
        operation=operation,
        module=module,
        statement=_statement(source, query),
        names=names,
    )


def _statement(source: types.ModuleType, query: str) -> Statement:
    rule = re.sub("_page$", "_list", query.removesuffix("_json"))
    function = re.search(r"(?:from|select) api\.(\w+)\(", getattr(source, rule.upper()))
    assert function is not None
    return Statement(
        query=getattr(source.AsyncQuerier, query),
        rule=getattr(source.AsyncQuerier, rule),
        function=function[1],
    )


def _names(handler: Callable[..., Any]) -> Iterator[str]:
    """The names in a function's code, and in that of the private functions that it uses."""
    function: Any = getattr(handler, "__func__", handler)
    for name in function.__code__.co_names:
        yield name
        if name.startswith("_") and name in function.__globals__:
            yield from _names(function.__globals__[name])
