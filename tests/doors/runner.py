"""Runner of stories through a door, which records effects without ids, times and secrets."""

import base64
import binascii
import re
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import psycopg

from tests.support.doors import Answer, Door
from tests.support.operations import OPERATIONS

UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
TIME = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?(?:\+00(?::00)?|Z)")

# The events of a successful operation.
EVENTS = {
    "create_group": "group.created",
    "update_group": "group.updated",
    "delete_group": "group.deleted",
    "restore_group": "group.restored",
    "join_group": "member.joined",
    "leave_group": "member.left",
    "put_member": "member.joined",
    "remove_member": "member.left",
    "ban": "member.banned",
    "unban": "member.unbanned",
    "mute": "member.muted",
    "unmute": "member.unmuted",
    "approve": "join_request.approved member.joined",
    "deny": "join_request.denied",
    "create_invite": "invite.created",
    "revoke_invite": "invite.revoked",
    "accept_invite": "member.joined",
    "create_post": "post.created",
    "update_post": "post.updated",
    "delete_post": "post.deleted",
    "restore_post": "post.restored",
    "pin": "post.pinned",
    "unpin": "post.unpinned",
    "create_comment": "comment.created",
    "update_comment": "comment.updated",
    "delete_comment": "comment.deleted",
    "restore_comment": "comment.restored",
    "react": "reaction.added",
    "unreact": "reaction.removed",
    "react_to_comment": "reaction.added",
    "unreact_to_comment": "reaction.removed",
    "create_tag": "tag.created",
}
# New content has no audit entry (rule 05.8).
UNAUDITED = {"post.created", "comment.created", "reaction.added", "reaction.removed"}

TABLES = {
    "group_entity": "created_at, id",
    "group_member": "created_at, id",
    "group_invite": "created_at, id",
    "join_request": "created_at, id",
    "topic_tag": "tag",
    "post": "created_at, id",
    "comment": "created_at, id",
    "reaction": "created_at, id",
    "reaction_count": "subject_type, emoji",
    "media_attachment": "created_at, id",
    "outbox_event": "id",
    "audit_log": "created_at, action, id",
}
BOOKKEEPING = {"outbox_event": {"id", "processed_at"}, "audit_log": {"id"}}


@dataclass(frozen=True)
class Step:
    """Call with its expected effects.

    `$name.field` stands for a field of an earlier answer, and `@name` for the id of a user.
    """

    actor: str | None
    operation: str
    expect: int | str
    args: Mapping[str, Any]
    keep: str | None = None
    has: Mapping[str, Any] = field(default_factory=dict)
    fields: tuple[str, ...] = ()
    emits: str | None = None

    @property
    def outcome(self) -> tuple[int, str | None]:
        status, _, code = str(self.expect).partition(" ")
        return int(status), code or None

    @property
    def events(self) -> list[str]:
        if self.emits is not None:
            return self.emits.split()
        changes = self.outcome[1] is None and OPERATIONS[self.operation].has_effects
        return EVENTS[self.operation].split() if changes else []


@dataclass(frozen=True)
class Story:
    """Steps that prove a rule."""

    name: str
    steps: tuple[Step, ...]


@dataclass(frozen=True)
class Record:
    """Effects of a story: answers, rows, events and audit entries."""

    answers: list[Any]
    tables: dict[str, list[Any]]


class StoryRunner:
    """Runner of stories through one door. Each story begins with empty tables."""

    def __init__(self, door: Door, connection: psycopg.Connection) -> None:
        self._door = door
        self._connection = connection
        self._last_event = 0

    def run(self, story: Story) -> Record:
        self._empty_tables()
        kept: dict[str, Any] = {}
        answers = []
        for number, step in enumerate(story.steps, 1):
            where = f"step {number}: {step.actor} {step.operation} {dict(step.args)}"
            answer = self._call(step, kept)
            assert (answer.status, answer.code) == step.outcome, (where, answer)
            assert answer.fields == step.fields, (where, answer)
            for path, expected in step.has.items():
                assert value_at(answer.body, path) == resolve(expected, kept), (where, path, answer)
            self._check_traces(step, answer, where)
            if step.keep:
                kept[step.keep] = answer.body
            answers.append(answer)
        drifts = self._connection.execute("select * from api.verify_counters()").fetchall()
        assert drifts == []
        return self._record(answers)

    def _call(self, step: Step, kept: Mapping[str, Any]) -> Answer:
        actor = user_id(step.actor) if step.actor else None
        return self._door.call(actor, OPERATIONS[step.operation], resolve(step.args, kept))

    def _check_traces(self, step: Step, answer: Answer, where: str) -> None:
        """Asserts that the step left its events and their audit entries, and no other event."""
        rows = self._connection.execute(
            "select id, event_type, payload from outbox_event where id > %s order by id",
            [self._last_event],
        ).fetchall()
        self._last_event = rows[-1][0] if rows else self._last_event
        events = [(event_type, payload) for _, event_type, payload in rows]
        types = [event_type for event_type, _ in events]
        assert types == step.events, where
        audited = self._connection.execute(
            """
            select action from audit_log
            where created_at = (select max(created_at) from audit_log)
            """
        ).fetchall()
        expected = sorted(set(types) - UNAUDITED)
        assert not expected or sorted(action for (action,) in audited) == expected, where
        for event_type, payload in events:
            check_payload(step, event_type, payload, answer)

    def _empty_tables(self) -> None:
        self._last_event = 0
        names = ", ".join(f"public.{name}" for name in TABLES)
        with self._connection.transaction():
            self._connection.execute("set local session_replication_role = replica")
            self._connection.execute(f"truncate {names} restart identity cascade")

    def _record(self, answers: list[Answer]) -> Record:
        normaliser = Normaliser()
        rows: dict[str, list[Any]] = {}
        for table, order in TABLES.items():
            found = self._connection.execute(
                f"select to_jsonb(t) from public.{table} as t order by {order}"
            ).fetchall()
            hidden = BOOKKEEPING.get(table, set())
            rows[table] = [
                normaliser.normalise(
                    {key: value for key, value in row.items() if key not in hidden}
                )
                for (row,) in found
            ]
        rows["reaction_count"].sort(key=repr)
        return Record([normaliser.normalise(answer.body) for answer in answers], rows)


class Normaliser:
    """Normaliser that numbers ids in order of appearance, and removes times and secrets."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {str(user_id(name)): f"@{name}" for name in USERS}

    def normalise(self, value: Any, key: str = "") -> Any:
        if isinstance(value, Mapping):
            return {name: self.normalise(item, name) for name, item in value.items()}
        if isinstance(value, list):
            return [self.normalise(item, key) for item in value]
        if not isinstance(value, str):
            return value
        if key == "code":
            return f"<{len(value)} secret characters>"
        if key == "slug":
            return re.sub(r"-[a-z0-9]{12}$", "-<random>", value)
        if key == "next_cursor":
            value = decoded(value)
        return UUID.sub(lambda match: self._name(match[0]), TIME.sub("<time>", value))

    def _name(self, identity: str) -> str:
        return self._names.setdefault(identity, f"#{len(self._names)}")


def decoded(cursor: str) -> str:
    try:
        return base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
    except (binascii.Error, UnicodeDecodeError) as error:
        raise AssertionError(f"not a cursor: {cursor}") from error


USERS = ("ann", "bob", "cleo", "dan", "eve", "finn")


def user_id(name: str) -> uuid.UUID:
    assert name in USERS, name
    return uuid.uuid5(uuid.NAMESPACE_OID, f"stories {name}")


def resolve(value: Any, kept: Mapping[str, Any]) -> Any:
    """Returns a value in which the names of users and earlier answers are replaced."""
    if isinstance(value, Mapping):
        return {name: resolve(item, kept) for name, item in value.items()}
    if isinstance(value, list):
        return [resolve(item, kept) for item in value]
    if isinstance(value, str) and value[:1] == "@":
        return str(user_id(value[1:]))
    if isinstance(value, str) and value[:1] == "$":
        name, _, path = value[1:].partition(".")
        return value_at(kept[name], path)
    return value


def value_at(body: Any, path: str) -> Any:
    """Returns the value at a dotted path. `items.*.id` returns the list of all ids."""
    parts = path.split(".") if path else []
    for number, part in enumerate(parts):
        if part == "*":
            return [value_at(item, ".".join(parts[number + 1 :])) for item in body]
        body = body[int(part)] if isinstance(body, list) else body[part]
    return body


def check_payload(step: Step, event_type: str, payload: Mapping[str, Any], answer: Answer) -> None:
    """Asserts that an event has the actor, and the answer's shape without viewer fields."""
    assert payload.keys() == {"group_id", "post_id", "actor_id", "occurred_at", "data"}
    assert step.actor
    assert payload["actor_id"] == str(user_id(step.actor))
    data = payload["data"]
    if event_type.endswith(("deleted", "removed")):
        assert data.keys() == {"id", "deleted_at"}
    elif isinstance(answer.body, Mapping) and answer.body.get("id") == data["id"]:
        shape = {key: value for key, value in answer.body.items() if key in data}
        assert data == without_viewer_fields(shape)
        assert answer.body.keys() - data.keys() <= {"code"}


def without_viewer_fields(shape: Any) -> Any:
    """Returns a shape with null in the fields that depend on the viewer."""
    if isinstance(shape, list):
        return [without_viewer_fields(item) for item in shape]
    if not isinstance(shape, Mapping):
        return shape
    blank = {"reacted", "ban_reason", "banned_until"} | (
        {"role"} if "members_count" in shape else set()
    )
    return {
        name: None if name in blank else without_viewer_fields(value)
        for name, value in shape.items()
    }


def steps(*parts: Step | tuple[Step, ...]) -> Iterator[Step]:
    """Yields the steps of a story from single steps and groups of steps."""
    for part in parts:
        yield from [part] if isinstance(part, Step) else part
