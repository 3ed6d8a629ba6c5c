"""Request of a handler: caller, path, query, body, and access to the stores."""

import urllib.parse
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final, TypedDict, TypeVar

from common import database, s3
from service.http import parameters, parsing, problems
from service.search import candidates

BASE: Final = "/api/communities/v1"

T = TypeVar("T")


class Page(TypedDict):
    """Arguments of the list functions that select a page."""

    limit: int
    before: str | None
    after: str | None


@dataclass(slots=True, kw_only=True)
class Call:
    """Authenticated request. Its methods raise Problem for malformed values."""

    method: str
    path: str
    actor: uuid.UUID | None
    parameters: dict[str, str]
    query_string: bytes
    bucket: s3.Bucket
    search: candidates.Search
    raw_body: bytes = b""
    # Returns the connection for the handler's statement.
    connect: Callable[[], Awaitable[database.Connection]] = field(init=False)
    # Releases it before a call to another store. A later `connect` leases another one.
    release: Callable[[], Awaitable[None]] = field(init=False)
    _query: dict[str, list[str]] | None = field(default=None, init=False)

    @property
    def user(self) -> uuid.UUID:
        """Returns the caller of an endpoint that requires a token."""
        assert self.actor is not None
        return self.actor

    def id(self, name: str) -> uuid.UUID:
        """Returns an id of the path. Raises Problem 404 unless it is a UUID."""
        try:
            return parsing.parse_uuid(parsing.decode_segment(self.parameters[name]))
        except ValueError:
            raise problems.not_found() from None

    def name(self, name: str) -> str:
        """Returns a slug or code of the path. Raises Problem 404 unless it is text."""
        try:
            return parsing.decode_segment(self.parameters[name])
        except ValueError:
            raise problems.not_found() from None

    def emoji(self) -> str:
        """Returns the emoji of the path."""
        try:
            return parsing.decode_segment(self.parameters["emoji"])
        except ValueError:
            raise problems.invalid("emoji", "is not a text") from None

    def page(self) -> Page:
        """Returns the requested page."""
        limit = self._value("limit", parsing.parse_integer)
        return {
            "limit": parameters.DEFAULT_LIMIT if limit is None else limit,
            "before": self.text("before"),
            "after": self.text("after"),
        }

    def text(self, name: str) -> str | None:
        """Returns a text of the query."""
        return self._value(name, str)

    def filter_id(self, name: str) -> uuid.UUID | None:
        """Returns an id of the query."""
        return self._value(name, parsing.parse_uuid)

    def flag(self, name: str) -> bool | None:
        """Returns a boolean of the query."""
        return self._value(name, parsing.parse_flag)

    def _value(self, name: str, parse: Callable[[str], T]) -> T | None:
        if not self.query_string:
            return None
        values = self._queried().get(name)
        if values is None:
            return None
        if len(values) > 1:
            raise problems.invalid(name, "is given more than once")
        try:
            return parse(values[0])
        except ValueError as error:
            raise problems.invalid(name, str(error)) from None

    def _queried(self) -> dict[str, list[str]]:
        """Returns the values of each query parameter. Raises Problem (rules 00.21 and 00.22)."""
        if self._query is None:
            try:
                text = parsing.check_text(self.query_string.decode())
                self._query = urllib.parse.parse_qs(text, keep_blank_values=True, errors="strict")
                for values in self._query.values():
                    for value in values:
                        parsing.check_text(value)
            except ValueError:
                raise problems.invalid("query", "is not text in UTF-8 without NUL") from None
        return self._query
