"""Successful answers of handlers, with the JSON from PostgreSQL."""

import http
import re
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from service.http import problems, request

_GROUP_ID: Final = re.compile(rb'"group_id":"([0-9a-f-]{36})"')

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Successful answer. A 201 has the `kind` of the created resource and its `location`."""

    status: int
    body: bytes = b""
    location: str | None = None
    kind: str | None = None

    def group_id(self) -> str | None:
        """Returns the group of the resource in the body, if its first fields contain it."""
        match = _GROUP_ID.search(self.body, 0, 160)
        return match[1].decode() if match else None


NO_CONTENT = Answer(status=204)


def found(row: T | None) -> T:
    """Returns the row of a query. Raises Problem 404 without one."""
    if row is None:
        raise problems.not_found()
    return row


def ok(body: Any) -> Answer:
    """Returns a 200 with the JSON from PostgreSQL."""
    return Answer(status=200, body=found(body))


def created(kind: str, body: Any, path: str | None = None) -> Answer:
    """Returns a 201. Its Location is `path`, relative to the base (rule 00.15)."""
    location = None if path is None else request.BASE + path
    return Answer(status=201, body=found(body), location=location, kind=kind)


def with_status(status: int | None, body: Any, kind: str, path: str) -> Answer:
    """Returns an answer with the status from the rulebook. Only a 201 creates a resource."""
    if status == http.HTTPStatus.CREATED:
        return created(kind, body, path)
    return Answer(status=found(status), body=found(body))
