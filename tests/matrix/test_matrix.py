"""The matrix of role, visibility, deletion and endpoint, through HTTP and SQL.

Proves rules 04.1, 04.4, 04.5, 04.6, 04.7, 04.8, 04.9, 04.10, 04.11, 04.12 and 04.13.
"""

import urllib.parse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.matrix import tables
from tests.matrix.worlds import PEOPLE, Worlds
from tests.support.doors import Answer, HttpDoor, SqlDoor, operation_of
from tests.support.operations import OPERATIONS, Operation

ROWS = list(tables.read(Path(__file__).parent))


def world_of(row: tables.Row, role: str, worlds: Worlds) -> dict[str, str]:
    world = worlds.make(
        row.labels.get("visibility", "public"),
        row.labels.get("state", "ranks"),
        role if role.endswith("author") else "author",
    )
    target = world[f"other_{row.labels.get('target', 'member')}"]
    return {**world, "target": target, "granted": row.labels.get("granted", "")}


def request(row: tables.Row, world: Mapping[str, str]) -> tuple[Operation, dict[str, Any]]:
    """The operation of a row and its arguments in this world."""
    match = row.request()
    path, _, query = match["path"].partition("?")
    operation, places = operation_of(match["method"], path)
    args: dict[str, Any] = {name: tables.fill(place, world) for name, place in places.items()}
    args |= tables.body_of(match["body"], world)
    for name, value in urllib.parse.parse_qsl(query):
        args[name] = True if value == "true" else tables.fill(value, world)
    if operation.page:
        args["limit"] = 100
    return operation, args


def outcome(answer: Answer, item: str | None, world: Mapping[str, str]) -> tables.Outcome:
    """An answer in the words of a cell."""
    if item is None or answer.code:
        return tables.Outcome(answer.status, answer.code)
    keys = ("id", "user_id", "tag")
    names = [entry.get(key) for entry in answer.body["items"] for key in keys]
    return tables.Outcome(answer.status, shown=world[item] in names)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_who_may_do_what(
    row: tables.Row, worlds: Worlds, http: HttpDoor, job: psycopg.Connection
) -> None:
    item = row.request()["item"]
    wrong = []
    world: dict[str, str] | None = None
    for role, expected in row.cells.items():
        if world is None or role.endswith("author"):
            world = world_of(row, role, worlds)
        actor = PEOPLE.get(role)
        world["self"] = str(actor or PEOPLE["newcomer"])
        operation, args = request(row, world)
        traces = worlds.traces()
        with job.transaction(force_rollback=True):
            in_sql = outcome(SqlDoor(job).call(actor, operation, args), item, world)
        over_http = outcome(http.call(actor, operation, args), item, world)
        for door, got in (("SQL", in_sql), ("HTTP", over_http)):
            if got != expected:
                wrong.append(f"{role}, {door}: {got} where the table has {expected}")
        if expected.code or not operation.has_effects:
            assert worlds.traces() == traces, f"{role} was refused, and yet left a trace"
        else:
            world = None  # Whatever it changed, the next role finds a group as the row says.
    assert wrong == []


def test_the_matrix_has_every_endpoint() -> None:
    requests = [row.request() for row in ROWS]
    covered = {
        operation_of(match["method"], match["path"].partition("?")[0])[0].name for match in requests
    }
    assert covered == set(OPERATIONS)


def test_every_row_has_every_role() -> None:
    for row in ROWS:
        of_ranks = {"target", "granted"} & row.labels.keys()
        assert {*(tables.RANKS if of_ranks else tables.ROLES)} <= row.cells.keys(), row.name
