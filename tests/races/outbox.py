"""The outbox after a race: for each row its events in an order that can have happened."""

import collections
from collections.abc import Iterable
from typing import Any

import psycopg

# From which states an event leads to which, None for the same; None is before the first one, too.
Moves = dict[str, tuple[set[str | None], str | None]]
CONTENT: Moves = {
    "created": ({None}, "living"),
    "updated": ({"living"}, "living"),
    "pinned": ({"living"}, "living"),
    "unpinned": ({"living"}, "living"),
    "deleted": ({"living"}, "deleted"),
    "restored": ({"deleted"}, "living"),
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
    """Returns how many events of each type a group has."""
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
    living = {row for row, state in states.items() if state == "living"}
    assert living == _ids(connection, LIVING, group)
    inside = {row for row, state in states.items() if state == "in"}
    assert inside == _ids(
        connection, "select id, group_id from group_member where left_at is null", group
    )
    kept = {identity for identity, state in reactions.items() if state == "added"}
    assert kept == _ids(connection, "table reaction", group)


FOUNDERS = """
select m.id, m.group_id
from group_member as m join group_entity as g on g.id = m.group_id and g.created_by = m.user_id
"""
INSIDE = "select id, group_id from group_member where left_at is null"
LIVING = """
select id, group_id from post where deleted_at is null
union all select id, group_id from comment where deleted_at is null
union all select id, id from group_entity where deleted_at is null
"""


def _ids(connection: psycopg.Connection, query: str, group: str) -> set[str]:
    rows: Iterable[tuple[Any]] = connection.execute(
        f"select id from ({query}) as rows where group_id = %s", [group]
    )
    return {str(identity) for (identity,) in rows}
