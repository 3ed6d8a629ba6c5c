"""Answers of handlers: successes, whose JSON PostgreSQL made."""

import http
import re
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from service.http import problems, request

_GROUP_ID: Final = re.compile(rb'"group_id":"([0-9a-f-]{36})"')

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A success. `made` is the kind of thing that a 201 counts as, `location` where it is."""

    status: int
    body: bytes = b""
    location: str | None = None
    made: str | None = None

    def group_id(self) -> str | None:
        """Returns the group that the thing in the body is part of, if its first fields tell."""
        match = _GROUP_ID.search(self.body, 0, 160)
        return match[1].decode() if match else None


NO_CONTENT = Answer(status=204)


def found(row: T | None) -> T:
    """Returns the row of a query that the rulebook lets answer with one."""
    if row is None:
        raise problems.not_found()
    return row


def ok(body: Any) -> Answer:
    """Answers 200 with the JSON that PostgreSQL built."""
    return Answer(status=200, body=found(body))


def created(kind: str, body: Any, path: str | None = None) -> Answer:
    """Answers 201; `path`, relative to the base, becomes its Location (rule 00.15)."""
    location = None if path is None else request.BASE + path
    return Answer(status=201, body=found(body), location=location, made=kind)


def decided(status: int | None, body: Any, kind: str, path: str) -> Answer:
    """Returns the status that the rulebook chose: something new is made only by a 201."""
    if status == http.HTTPStatus.CREATED:
        return created(kind, body, path)
    return Answer(status=found(status), body=found(body))
