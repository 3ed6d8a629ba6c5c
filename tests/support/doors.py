"""Doors to the rulebook: HTTP and SQL, which take the same calls and give the same answers."""

import base64
import json
import ssl
import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol
from uuid import UUID

import httpx
import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb

from tests.support import servers
from tests.support.operations import OPERATIONS, Operation

DEFAULT_LIMIT = 20
TLS = ssl.create_default_context()  # unused, but each client would take long to create its own


@dataclass(frozen=True)
class Answer:
    """Answer of a door: a status, with a body or with an error's code and invalid fields."""

    status: int
    body: Any = None
    code: str | None = None
    fields: tuple[str, ...] = ()


class Door(Protocol):
    """Interface to the rulebook. An actor of None is anonymous."""

    def call(self, actor: UUID | None, operation: Operation, args: Mapping[str, Any]) -> Answer:
        """Carries out one operation."""


class HttpDoor:
    """HTTP requests with the contract's paths and bodies."""

    def __init__(self, service: servers.Service) -> None:
        self._service = service
        self._client = httpx.Client(base_url=service.base, timeout=30, verify=TLS)
        self._tokens: dict[UUID, str] = {}

    def close(self) -> None:
        self._client.close()

    def call(self, actor: UUID | None, operation: Operation, args: Mapping[str, Any]) -> Answer:
        return read_answer(self.send(actor, operation, args))

    def send(
        self,
        actor: UUID | None,
        operation: Operation,
        args: Mapping[str, Any],
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        path = operation.path.format(
            **{name: urllib.parse.quote(str(args[name]), safe="") for name in operation.in_path}
        )
        others = {name: value for name, value in args.items() if name not in operation.in_path}
        given = dict(headers or {})
        if actor is not None:
            given["Authorization"] = f"Bearer {self._token(actor)}"
        if operation.method == "GET":
            return self._client.get(path, params=others, headers=given)
        if operation.has_body:
            body = others.get("patch", others) if operation.is_patch else others
            return self._client.request(operation.method, path, json=body, headers=given)
        return self._client.request(operation.method, path, headers=given)

    def _token(self, actor: UUID) -> str:
        if actor not in self._tokens:
            self._tokens[actor] = self._service.token(actor)
        return self._tokens[actor]


def read_answer(response: httpx.Response) -> Answer:
    """Returns the answer in a response, and asserts the form of a problem."""
    if response.is_success:
        return Answer(response.status_code, response.json() if response.content else None)
    assert response.headers["content-type"] == "application/problem+json", response.text
    problem = response.json()
    assert problem["status"] == response.status_code
    assert problem["request_id"] == response.headers["x-request-id"]
    fields = tuple(sorted(error["field"] for error in problem.get("errors", [])))
    return Answer(response.status_code, code=problem["code"], fields=fields)


class SqlDoor:
    """Function calls of a trusted job, with the rights of communities_job."""

    def __init__(self, connection: psycopg.Connection) -> None:
        self._connection = connection

    def call(self, actor: UUID | None, operation: Operation, args: Mapping[str, Any]) -> Answer:
        try:
            if operation.page:
                return Answer(200, self._page(actor, operation, args))
            rows = self._rows(operation.function, actor, arguments(operation, args))
        except psycopg.Error as error:
            return read_error(error)
        body: Any = rows[0] if rows else None
        if operation.function in {"join_group", "put_member"}:
            return Answer(body["status"], body["body"])
        return Answer(operation.status, None if operation.status == 204 else body)

    def _page(self, actor: UUID | None, operation: Operation, args: Mapping[str, Any]) -> Any:
        named = arguments(operation, args)
        limit = named.get("limit", DEFAULT_LIMIT)
        rows = self._rows(operation.function, actor, {**named, "lookahead": True})
        backward = "after" in named if operation.page == "newest" else "before" in named
        items = rows[-limit:] if backward else rows[:limit]
        last = items[0 if backward else -1] if len(rows) > limit else None
        page = {"items": items, "next_cursor": last and cursor(last)}
        if operation.function == "list_reactions":
            subject = {name: named[name] for name in ("subject_type", "subject_id")}
            page["summary"] = self._rows("summarise_reactions", actor, subject)[0]
        return page

    def _rows(self, function: str, actor: UUID | None, named: Mapping[str, Any]) -> list[Any]:
        call = sql.SQL("select to_json(t) from api.{}({}) as t").format(
            sql.Identifier(function),
            sql.SQL(", ").join(
                sql.SQL("{} => {}").format(sql.Identifier(f"p_{name}"), sql.Placeholder(name))
                for name in ["actor", *named]
            ),
        )
        rows = self._connection.execute(call, {"actor": actor, **named}).fetchall()
        return [row[0] for row in rows]


def arguments(operation: Operation, args: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the arguments of the function, without p_. The body of a PATCH is its patch."""
    if not operation.is_patch:
        return {**args, **operation.fixed}
    named = {name: args[name] for name in operation.in_path}
    body = {name: value for name, value in args.items() if name not in operation.in_path}
    return {**named, "patch": Jsonb(body.get("patch", body))}


def read_error(error: psycopg.Error) -> Answer:
    """Returns the answer for an error of the rulebook. Raises any other error."""
    if error.sqlstate is None or not error.sqlstate.startswith("PT"):
        raise error
    detail = json.loads(error.diag.message_detail or "{}")
    fields = tuple(sorted(entry["field"] for entry in detail["errors"]))
    return Answer(int(error.sqlstate[2:]), code=error.diag.message_hint, fields=fields)


def cursor(row: Mapping[str, Any]) -> str:
    """Returns the cursor of a row as the contract describes it."""
    moment = row["created_at"].removesuffix("+00:00").removesuffix("Z")
    whole, _, fraction = moment.partition(".")
    text = f"{whole}.{fraction:0<6}Z|{row['id']}"
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def operation_of(method: str, path: str) -> tuple[Operation, dict[str, str]]:
    """Returns the operation that a path belongs to, and the path's arguments by name."""
    segments = path.split("/")
    for operation in OPERATIONS.values():
        names = operation.path.split("/")
        if operation.method != method or len(names) != len(segments):
            continue
        pairs = list(zip(names, segments, strict=True))
        if all(name.startswith("{") or name == segment for name, segment in pairs):
            return operation, {name[1:-1]: part for name, part in pairs if name[0:1] == "{"}
    raise LookupError(f"{method} {path}")
