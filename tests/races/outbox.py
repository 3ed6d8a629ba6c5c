"""Checks of the outbox after a race: the events of each row must be in a possible order."""

import collections
from collections.abc import Iterable
from typing import Any

import psycopg

# The states in which an event may occur, and the state after it. Before its first event a row is in
# the state None. A state of None after an event stands for no change.
Moves = dict[str, tuple[set[str | None], str | None]]
CONTENT: Moves = {
    "created": ({None}, "present"),
    "updated": ({"present"}, "present"),
    "pinned": ({"present"}, "present"),
    "unpinned": ({"present"}, "present"),
    "deleted": ({"present"}, "deleted"),
    "restored": ({"deleted"}, "present"),
}
MEMBER: Moves = {
    "joined": ({None, "out"}, "in"),
    "role_changed": ({"in"}, "in"),
    "muted": ({"in"}, "in"),
    "unmuted": ({"in", "out", "banned"}, None),
    "left": ({"in"}, "out"),
    "banned": ({None, "in", "out", "banned"}, "banned"),
    "unbanned": ({"banned"}, "out"),
}
MOVES = {"post": CONTENT, "comment": CONTENT, "group": CONTENT, "member": MEMBER}


def events(connection: psycopg.Connection, group: str) -> list[tuple[str, str, Any]]:
    """Returns type, row and payload of every event of a group, in order."""
    return connection.execute(
        """
        select event_type, aggregate_id::text, payload from outbox_event
        where group_id = %s order by id
        """,
        [group],
    ).fetchall()


def count(connection: psycopg.Connection, group: str) -> collections.Counter[str]:
    """Returns the number of events of each type in a group."""
    return collections.Counter(event_type for event_type, _, _ in events(connection, group))


def check(connection: psycopg.Connection, group: str) -> None:
    """Asserts that events are complete, unique and in order, and that the last one is current."""
    # The owner is a member from the start.
    states = dict.fromkeys(_ids(connection, FOUNDERS, group), "in")
    pinned: dict[str, str] = {}
    reactions: dict[str, str] = {}
    for event_type, row, payload in events(connection, group):
        kind, _, verb = event_type.partition(".")
        if kind == "reaction":
            before = {"added": None, "removed": "added"}[verb]
            assert reactions.get(payload["data"]["id"]) == before, (event_type, payload)
            reactions[payload["data"]["id"]] = verb
        elif kind in MOVES:
            sources, target = MOVES[kind][verb]
            assert states.get(row) in sources, (event_type, row, states.get(row))
            states[row] = target or states[row]
            if verb in {"pinned", "unpinned"}:
                assert pinned.get(row, "unpinned") != verb, (event_type, row)
                pinned[row] = verb
    present = {row for row, state in states.items() if state == "present"}
    assert present == _ids(connection, PRESENT, group)
    inside = {row for row, state in states.items() if state == "in"}
    assert inside == _ids(connection, INSIDE, group)
    kept = {identity for identity, state in reactions.items() if state == "added"}
    assert kept == _ids(connection, "table reaction", group)


FOUNDERS = """
select m.id, m.group_id
from group_member as m join group_entity as g on g.id = m.group_id and g.created_by = m.user_id
"""
INSIDE = "select id, group_id from group_member where left_at is null"
PRESENT = """
select id, group_id from post where deleted_at is null
union all select id, group_id from comment where deleted_at is null
union all select id, id from group_entity where deleted_at is null
"""


def _ids(connection: psycopg.Connection, query: str, group: str) -> set[str]:
    rows: Iterable[tuple[Any]] = connection.execute(
        f"select id from ({query}) as rows where group_id = %s", [group]
    )
    return {str(identity) for (identity,) in rows}
