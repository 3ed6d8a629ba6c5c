"""Refusals of what a caller may not know: equal, byte for byte, to those of missing things.

Proves rules 00.5, 00.11, 04.4 and 04.13.
"""

import json
import uuid
from typing import Any

import psycopg
import pytest

from tests.matrix.worlds import PEOPLE, Worlds
from tests.support.doors import Answer, HttpDoor, SqlDoor
from tests.support.operations import OPERATIONS, Operation

OF_A_GROUP = [operation for operation in OPERATIONS.values() if operation.in_path]
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
VOLATILE = {"x-request-id", "date", "content-length"}


def hidden(operation: Operation, world: dict[str, str]) -> dict[str, Any]:
    """The arguments that name something in a secret or deleted group."""
    of_comment = "comment" in operation.name
    names = {
        "group_id": world["group"],
        "user_id": world["other_member"],
        "invite_id": world["invite"],
        "post_id": world["post"],
        "comment_id": world["comment"],
        "subject_id": world["comment" if of_comment else "post"],
        "emoji": "👍",
        "slug": world["slug"],
        "code": world["code"] + "x",
    }
    places = {name: names[name] for name in operation.in_path}
    return {**places, **BODIES.get(operation.name, {})}


def missing(operation: Operation, args: dict[str, Any]) -> dict[str, Any]:
    """The same call for things that never existed."""
    never = {"slug": "never-was-abcdefghijkl", "code": "never", "emoji": "👍"}
    return {
        **args,
        **{name: never.get(name, str(uuid.uuid4())) for name in operation.in_path},
    }


def in_sql(
    job: psycopg.Connection, actor: uuid.UUID | None, operation: Operation, args: dict[str, Any]
) -> Answer:
    with job.transaction(force_rollback=True):
        return SqlDoor(job).call(actor, operation, args)


@pytest.mark.parametrize("state", ["living", "group deleted"])
@pytest.mark.parametrize("operation", OF_A_GROUP, ids=lambda operation: operation.name)
def test_a_secret_group_answers_like_none(
    operation: Operation, state: str, worlds: Worlds, http: HttpDoor, job: psycopg.Connection
) -> None:
    for who in OUTSIDERS:
        author = who if who.endswith("author") else "author"
        args = hidden(operation, worlds.make("secret", state, author))
        nothing = missing(operation, args)
        responses = [http.send(PEOPLE.get(who), operation, given) for given in (args, nothing)]
        assert responses[1].status_code in {401, 404}
        told, untold = [
            (
                response.status_code,
                {**response.json(), "request_id": None},
                {name: value for name, value in response.headers.items() if name not in VOLATILE},
                len(response.content) - len(json.dumps(response.json()["request_id"])),
            )
            for response in responses
        ]
        assert told == untold
        one, other = [in_sql(job, PEOPLE.get(who), operation, given) for given in (args, nothing)]
        assert one == other


@pytest.mark.parametrize("operation", OF_A_GROUP, ids=lambda operation: operation.name)
def test_an_id_that_is_none_is_not_found(operation: Operation, http: HttpDoor) -> None:
    places = dict.fromkeys(operation.in_path, "no") | BODIES.get(operation.name, {})
    ids = [name for name in operation.in_path if name.endswith("_id")]
    for odd in ("1", "not-a-uuid", "{" + str(uuid.uuid4()) + "}", uuid.uuid4().hex, "\x00", "é"):
        answer = http.call(PEOPLE["stranger"], operation, {**places, **dict.fromkeys(ids, odd)})
        assert (answer.status, answer.code) == (404, "not_found"), odd


@pytest.mark.parametrize(
    "operation",
    [operation for operation in OPERATIONS.values() if operation.has_effects],
    ids=lambda operation: operation.name,
)
def test_a_write_without_a_token_is_refused_before_anything_is_looked_up(
    operation: Operation, worlds: Worlds, http: HttpDoor
) -> None:
    args = hidden(operation, worlds.make())
    for given in (args, missing(operation, args), dict.fromkeys(operation.in_path, "odd")):
        answer = http.call(None, operation, given)
        assert (answer.status, answer.code) == (401, "unauthenticated")
