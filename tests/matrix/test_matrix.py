"""Matrix of role, visibility, state and endpoint.

All cells run in SQL. Over HTTP each role of each endpoint runs for one row, and each outcome of an
endpoint runs at least once.

Proves rules 04.1, 04.4, 04.5, 04.6, 04.7, 04.8, 04.9, 04.10, 04.11, 04.12 and 04.13.
"""

import urllib.parse
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.matrix import tables
from tests.matrix.worlds import PEOPLE, Worlds
from tests.support.doors import Answer, HttpDoor, SqlDoor, operation_of
from tests.support.operations import OPERATIONS, Operation

ROWS = list(tables.read(Path(__file__).parent))


def operation_of_row(row: tables.Row) -> tuple[Operation, dict[str, str]]:
    """Returns the operation of a row, and the arguments in its path by name."""
    match = row.request()
    return operation_of(match["method"], match["path"].partition("?")[0])


def choose_http_cells(rows: Sequence[tables.Row]) -> dict[int, list[str]]:
    """Returns the roles to try over HTTP by the number of their row.

    Each role of an endpoint gets the first row whose outcome is new for the endpoint. Each outcome
    that is still missing then gets its first cell.
    """
    seen: set[tuple[str, tables.Outcome]] = set()
    chosen: dict[int, list[str]] = {}
    cells: dict[tuple[str, str], list[int]] = {}
    for number, row in enumerate(rows):
        for role in row.cells:
            cells.setdefault((operation_of_row(row)[0].name, role), []).append(number)

    def choose(endpoint: str, role: str, number: int) -> None:
        seen.add((endpoint, rows[number].cells[role]))
        chosen.setdefault(number, []).append(role)

    def unseen(endpoint: str, role: str, numbers: Sequence[int]) -> Iterator[int]:
        return (n for n in numbers if (endpoint, rows[n].cells[role]) not in seen)

    for (endpoint, role), numbers in cells.items():
        choose(endpoint, role, next(unseen(endpoint, role, numbers), numbers[0]))
    for (endpoint, role), numbers in cells.items():
        for number in numbers:
            if (endpoint, rows[number].cells[role]) not in seen:
                choose(endpoint, role, number)
    return chosen


HTTP_CELLS = choose_http_cells(ROWS)
HTTP_ROWS = [(ROWS[number], roles) for number, roles in sorted(HTTP_CELLS.items())]


def make_world(row: tables.Row, role: str, worlds: Worlds) -> dict[str, str]:
    world = worlds.make(
        row.labels.get("visibility", "public"),
        row.labels.get("state", "ranks"),
        role if role.endswith("author") else "author",
    )
    target = world[f"other_{row.labels.get('target', 'member')}"]
    return {**world, "target": target, "granted": row.labels.get("granted", "")}


def arguments(row: tables.Row, role: str, world: Mapping[str, str]) -> dict[str, Any]:
    """Returns the arguments of a row's operation, called by a role in this world."""
    match = row.request()
    own = {**world, "self": str(PEOPLE.get(role) or PEOPLE["newcomer"])}
    operation, in_path = operation_of_row(row)
    args: dict[str, Any] = {name: tables.fill(value, own) for name, value in in_path.items()}
    args |= tables.body_of(match["body"], own)
    for name, value in urllib.parse.parse_qsl(match["path"].partition("?")[2]):
        args[name] = True if value == "true" else tables.fill(value, own)
    if operation.page:
        args["limit"] = 100
    return args


def outcome(answer: Answer, row: tables.Row, world: Mapping[str, str]) -> tables.Outcome:
    """Returns an answer in the form of a cell."""
    item = row.request()["item"]
    if item is None or answer.code:
        return tables.Outcome(answer.status, answer.code)
    keys = ("id", "user_id", "tag")
    names = [entry.get(key) for entry in answer.body["items"] for key in keys]
    return tables.Outcome(answer.status, shown=world[item] in names)


def call_sql(
    sql: psycopg.Connection, worlds: Worlds, role: str, operation: Operation, args: dict[str, Any]
) -> tuple[Answer, int]:
    """Calls a door as a trusted job and rolls back.

    Returns the answer and the number of new events and audit entries. An error leaves none, for it
    aborts the transaction.
    """
    traces = worlds.count_traces()
    with sql.transaction(force_rollback=True):
        sql.execute("set local role communities_job")
        answer = SqlDoor(sql).call(PEOPLE.get(role), operation, args)
        if answer.code:
            return answer, 0
        sql.execute("reset role")
        return answer, worlds.count_traces() - traces


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_sql_answers_of_every_role_match_the_matrix(
    row: tables.Row, sql: psycopg.Connection, sql_worlds: Worlds
) -> None:
    operation, _ = operation_of_row(row)
    mismatches = []
    world: dict[str, str] | None = None
    for role, expected in row.cells.items():
        if world is None or role.endswith("author"):
            world = make_world(row, role, sql_worlds)
        args = arguments(row, role, world)
        answer, traces = call_sql(sql, sql_worlds, role, operation, args)
        got = outcome(answer, row, world)
        if got != expected:
            mismatches.append(f"{role}: {got} instead of {expected}")
        assert operation.has_effects or traces == 0, f"{role} left a trace by reading"
    assert mismatches == []


@pytest.mark.parametrize(("row", "roles"), HTTP_ROWS, ids=lambda part: getattr(part, "name", ""))
def test_http_answers_match_the_matrix(
    row: tables.Row, roles: list[str], http: HttpDoor, http_worlds: Worlds
) -> None:
    operation, _ = operation_of_row(row)
    mismatches = []
    world: dict[str, str] | None = None
    for role in roles:
        if world is None or role.endswith("author"):
            world = make_world(row, role, http_worlds)
        traces = http_worlds.count_traces()
        answer = http.call(PEOPLE.get(role), operation, arguments(row, role, world))
        got, expected = outcome(answer, row, world), row.cells[role]
        if got != expected:
            mismatches.append(f"{role}: {got} instead of {expected}")
        if expected.code or not operation.has_effects:
            assert http_worlds.count_traces() == traces, f"{role} left a trace of a refusal or read"
        else:
            world = None  # The next role needs a group in the state of the row.
    assert mismatches == []


def test_every_role_of_every_endpoint_is_tried_over_http() -> None:
    cells = {(operation_of_row(row)[0].name, role) for row in ROWS for role in row.cells}
    tried = {(operation_of_row(row)[0].name, role) for row, roles in HTTP_ROWS for role in roles}
    assert tried == cells


def test_every_outcome_of_every_endpoint_is_tried_over_http() -> None:
    outcomes = {
        (operation_of_row(row)[0].name, cell) for row in ROWS for cell in row.cells.values()
    }
    tried = {
        (operation_of_row(row)[0].name, row.cells[role])
        for row, roles in HTTP_ROWS
        for role in roles
    }
    assert tried == outcomes


def test_matrix_has_every_endpoint() -> None:
    assert {operation_of_row(row)[0].name for row in ROWS} == set(OPERATIONS)


def test_every_row_has_every_role() -> None:
    for row in ROWS:
        compares_ranks = {"target", "granted"} & row.labels.keys()
        assert {*(tables.RANKS if compares_ranks else tables.ROLES)} <= row.cells.keys(), row.name
