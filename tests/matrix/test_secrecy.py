"""Secrecy: a refusal about hidden content equals the refusal about missing content byte for byte.

Proves rules 00.5, 00.11, 04.4 and 04.13.
"""

import json
import uuid
from typing import Any

import httpx
import psycopg
import pytest

from tests.matrix.worlds import PEOPLE, Worlds
from tests.support.doors import Answer, HttpDoor, SqlDoor
from tests.support.operations import OPERATIONS, Operation

STATES = ("normal", "group deleted")
IN_A_GROUP = [operation for operation in OPERATIONS.values() if operation.in_path]
BODIES: dict[str, dict[str, Any]] = {
    "update_group": {"name": "Another name"},
    "put_member": {"role": "member"},
    "mute": {"until": "2100-01-01T00:00:00Z"},
    "create_post": {"body": "Hello"},
    "update_post": {"body": "Hello"},
    "create_comment": {"body": "Hello"},
    "update_comment": {"body": "Hello"},
    "react": {"emoji": "👍"},
    "react_to_comment": {"emoji": "👍"},
}
OUTSIDERS = ("anonymous", "stranger", "banned", "left", "banned author", "left author")
VOLATILE_HEADERS = {"x-request-id", "date", "content-length"}


def hidden(operation: Operation, world: dict[str, str]) -> dict[str, Any]:
    """Returns the arguments of a call about content of this world's group."""
    names = {
        "group_id": world["group"],
        "user_id": world["other_member"],
        "invite_id": world["invite"],
        "post_id": world["post"],
        "comment_id": world["comment"],
        "subject_id": world["comment" if "comment" in operation.name else "post"],
        "emoji": "👍",
        "slug": world["slug"],
        "code": world["code"] + "x",
    }
    in_path = {name: names[name] for name in operation.in_path}
    return {**in_path, **BODIES.get(operation.name, {})}


def missing(operation: Operation, args: dict[str, Any]) -> dict[str, Any]:
    """Returns the arguments of the same call about content that never existed."""
    never = {"slug": "never-was-abcdefghijkl", "code": "never", "emoji": "👍"}
    return {
        **args,
        **{name: never.get(name, str(uuid.uuid4())) for name in operation.in_path},
    }


def make_pair(
    operation: Operation, worlds: Worlds, state: str, outsider: str
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Returns the arguments of two calls: about hidden and about missing content."""
    author = outsider if outsider.endswith("author") else "author"
    args = hidden(operation, worlds.make("secret", state, author))
    return args, missing(operation, args)


def visible_parts(response: httpx.Response) -> tuple[Any, ...]:
    """Returns the parts of a response that an outsider could compare."""
    body = response.json()
    return (
        response.status_code,
        {**body, "request_id": None},
        {name: text for name, text in response.headers.items() if name not in VOLATILE_HEADERS},
        len(response.content) - len(json.dumps(body["request_id"])),
    )


def call_sql(
    sql: psycopg.Connection, outsider: str, operation: Operation, args: dict[str, Any]
) -> Answer:
    with sql.transaction(force_rollback=True):
        sql.execute("set local role communities_job")
        return SqlDoor(sql).call(PEOPLE.get(outsider), operation, args)


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("operation", IN_A_GROUP, ids=lambda operation: operation.name)
def test_secret_group_is_indistinguishable_from_a_missing_one_in_sql(
    operation: Operation, state: str, sql: psycopg.Connection, sql_worlds: Worlds
) -> None:
    for outsider in OUTSIDERS:
        one, other = [
            call_sql(sql, outsider, operation, args)
            for args in make_pair(operation, sql_worlds, state, outsider)
        ]
        assert one == other
        assert one.status in {401, 404}


@pytest.mark.parametrize("operation", IN_A_GROUP, ids=lambda operation: operation.name)
def test_secret_group_is_indistinguishable_from_a_missing_one_over_http(
    operation: Operation, http: HttpDoor, http_worlds: Worlds
) -> None:
    for number, outsider in enumerate(OUTSIDERS):
        state = STATES[number % len(STATES)]
        one, other = [
            http.send(PEOPLE.get(outsider), operation, args)
            for args in make_pair(operation, http_worlds, state, outsider)
        ]
        assert other.status_code in {401, 404}
        assert visible_parts(one) == visible_parts(other)


@pytest.mark.parametrize("operation", IN_A_GROUP, ids=lambda operation: operation.name)
def test_malformed_id_is_not_found(operation: Operation, http: HttpDoor) -> None:
    valid = dict.fromkeys(operation.in_path, "no") | BODIES.get(operation.name, {})
    ids = [name for name in operation.in_path if name.endswith("_id")]
    for text in ("1", "not-a-uuid", "{" + str(uuid.uuid4()) + "}", uuid.uuid4().hex, "\x00", "é"):
        answer = http.call(PEOPLE["stranger"], operation, {**valid, **dict.fromkeys(ids, text)})
        assert (answer.status, answer.code) == (404, "not_found"), text


@pytest.mark.parametrize(
    "operation",
    [operation for operation in OPERATIONS.values() if operation.has_effects],
    ids=lambda operation: operation.name,
)
def test_write_without_a_token_is_refused_before_any_lookup(
    operation: Operation, http: HttpDoor, http_worlds: Worlds
) -> None:
    args = hidden(operation, http_worlds.make())
    for given in (args, missing(operation, args), dict.fromkeys(operation.in_path, "odd")):
        answer = http.call(None, operation, given)
        assert (answer.status, answer.code) == (401, "unauthenticated")
