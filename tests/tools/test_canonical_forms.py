"""Tests of the migration of stored texts, tags and emoji to their canonical forms.

Proves rules 02.1, 02.6 and 02.8.
"""

import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from development import databases
from tools.instance import migrate

MIGRATION = "20261126000041_canonical_forms.sql"
USER = uuid.UUID(int=1)
OTHER = uuid.UUID(int=2)


@pytest.fixture(params=[True, False], ids=["with the api", "without the api"])
def earlier(
    request: pytest.FixtureRequest, empty_database: databases.Database, tmp_path: Path
) -> Iterator[psycopg.Connection]:
    """Returns a database without the migration, with the schema api or without it."""
    ours = migrate.Sources()
    shutil.copytree(ours.schema, tmp_path / "schema")
    (tmp_path / "schema" / MIGRATION).unlink()
    migrate.migrate(
        empty_database.url,
        migrate.Sources(tmp_path / "schema", ours.functions),
        say=lambda _line: None,
    )
    with empty_database.connect() as connection:
        if not request.param:
            # A restore of the tables alone brings no functions.
            connection.execute("drop schema api cascade")
        yield connection


@pytest.fixture
def database(empty_database: databases.Database) -> databases.Database:
    return empty_database


def insert(connection: psycopg.Connection, table: str, **values: Any) -> uuid.UUID:
    columns, places = ", ".join(values), ", ".join(f"%({name})s" for name in values)
    row = connection.execute(
        f"insert into public.{table} ({columns}) values ({places}) returning id".encode(), values
    ).fetchone()
    assert row is not None
    return uuid.UUID(str(row[0]))


def group(connection: psycopg.Connection, name: str = "Club", **values: Any) -> uuid.UUID:
    slug = f"club-{uuid.uuid4()}"
    return insert(
        connection,
        "group_entity",
        **{"name": name, "slug": slug, "visibility": "public", "created_by": USER} | values,
    )


def post(connection: psycopg.Connection, group_id: uuid.UUID, **values: Any) -> uuid.UUID:
    return insert(
        connection,
        "post",
        **{"group_id": group_id, "author_id": USER, "body": "A post"} | values,
    )


def comment(connection: psycopg.Connection, post_id: uuid.UUID, **values: Any) -> uuid.UUID:
    return insert(
        connection,
        "comment",
        **{"group_id": uuid.UUID(int=0), "post_id": post_id, "author_id": USER, "body": "Yes"}
        | values,
    )


def react(
    connection: psycopg.Connection, subject: str, subject_id: uuid.UUID, user: uuid.UUID, emoji: str
) -> uuid.UUID:
    return insert(
        connection,
        "reaction",
        group_id=uuid.UUID(int=0),
        post_id=uuid.UUID(int=0),
        subject_type=subject,
        subject_id=subject_id,
        user_id=user,
        emoji=emoji,
    )


def count(connection: psycopg.Connection) -> None:
    """Counts what triggers would have counted, if the functions are missing."""
    for statement in (
        "update group_entity as g set members_count ="
        " (select count(*) from group_member where group_id = g.id and left_at is null)",
        "update post as p set reactions_count ="
        " (select count(*) from reaction where subject_id = p.id), comments_count ="
        " (select count(*) from comment where post_id = p.id and deleted_at is null)",
        "update comment as c set reactions_count ="
        " (select count(*) from reaction where subject_id = c.id)",
        "insert into reaction_count (subject_type, subject_id, emoji, count)"
        " select subject_type, subject_id, emoji, count(*) from reaction group by 1, 2, 3"
        " on conflict (subject_type, subject_id, emoji) do nothing",
        "insert into topic_tag (tag, posts_count) select tag, count(*) from post as p"
        " join group_entity as g on g.id = p.group_id, unnest(topic_tags) as tag"
        " where p.deleted_at is null and g.deleted_at is null and visibility = 'public'"
        " group by tag on conflict (tag) do update set posts_count = excluded.posts_count",
    ):
        connection.execute(statement.encode())


def rows(connection: psycopg.Connection, query: str) -> list[Any]:
    """Returns the rows of a query, or the values of its only column."""
    found = connection.execute(query.encode()).fetchall()
    return [row[0] if len(row) == 1 else row for row in found]


def migrated(connection: psycopg.Connection, database: databases.Database) -> None:
    count(connection)
    connection.execute("update outbox_event set processed_at = now()")
    assert migrate.migrate(database.url, say=lambda _line: None).applied == [MIGRATION]
    assert rows(connection, "select * from api.verify_counters()") == []


def searched(connection: psycopg.Connection) -> set[uuid.UUID]:
    """Returns what the index receives after the migration."""
    return set(rows(connection, "select id from api.claim_search_tasks()"))


def test_reactions_of_one_emoji_are_merged(
    earlier: psycopg.Connection, database: databases.Database
) -> None:
    subject = post(earlier, group(earlier))
    about = comment(earlier, subject)
    oldest = react(earlier, "post", subject, USER, "\u2764")
    react(earlier, "post", subject, USER, "\u2764\ufe0f")
    react(earlier, "post", subject, USER, "\u2764\ufe0e")
    react(earlier, "post", subject, OTHER, "\u2764")
    react(earlier, "post", subject, OTHER, "👍\ufe0f")
    react(earlier, "comment", about, USER, "☝🏾\ufe0f")
    react(earlier, "comment", about, USER, "☝🏾")
    react(earlier, "comment", about, OTHER, "1\u20e3")
    migrated(earlier, database)
    kept = rows(earlier, "select emoji, user_id from reaction where subject_type = 'post'")
    assert sorted(kept) == sorted([("\u2764\ufe0f", USER), ("\u2764\ufe0f", OTHER), ("👍", OTHER)])
    assert oldest in rows(earlier, "select id from reaction")
    assert rows(earlier, "select reactions_count from post") == [3]
    assert rows(earlier, "select reactions_count from comment") == [2]
    assert set(rows(earlier, "select emoji, count from reaction_count")) == {
        ("\u2764\ufe0f", 2),
        ("👍", 1),
        ("☝🏾", 1),
        ("1\ufe0f\u20e3", 1),
    }
    assert searched(earlier) == set()


def test_reactions_that_no_request_can_name_are_removed(
    earlier: psycopg.Connection, database: databases.Database
) -> None:
    subject = post(earlier, group(earlier))
    for emoji in ("\u200b", "\u3164", "\ufe0f", "\u2764" * 16, "👍"):
        react(earlier, "post", subject, USER, emoji)
    migrated(earlier, database)
    assert rows(earlier, "select emoji from reaction") == ["👍"]
    assert rows(earlier, "select reactions_count from post") == [1]
    assert rows(earlier, "select emoji, count from reaction_count") == [("👍", 1)]


def test_tags_of_one_form_are_merged(
    earlier: psycopg.Connection, database: databases.Database
) -> None:
    oldest = insert(earlier, "topic_tag", tag="cafe\u0301", created_at="2001-01-01T00:00:00Z")
    insert(earlier, "topic_tag", tag="#unused")
    club = group(earlier, tags=["#go", "go", "a  b"])
    hidden = group(earlier, visibility="secret", tags=["fine"])
    public = post(earlier, club, topic_tags=["#café", "cafe\u0301", "ok", "café"])
    plain = post(earlier, club, topic_tags=["café", "ok"])
    secret = post(earlier, hidden, topic_tags=["#café", "#inside"])
    deleted = post(earlier, club, topic_tags=["#café"], deleted_at="2026-01-01T00:00:00Z")
    odd = post(earlier, club, topic_tags=["#", "\u3164", "ﷺﷺﷺ", "a\u202eb", "\u2764" * 25 + "xx"])
    migrated(earlier, database)
    tags = dict(rows(earlier, "select id, topic_tags from post"))
    assert tags[public] == ["café", "ok"]
    assert tags[plain] == ["café", "ok"]
    assert tags[secret] == ["café", "inside"]
    assert tags[deleted] == ["café"]
    assert tags[odd][1:] == ["ab", "\u2764\ufe0f" * 24 + "\u2764\ufe0f"]
    assert len(tags[odd][0]) == 49
    groups = dict(rows(earlier, "select id, tags from group_entity"))
    assert groups == {club: ["go", "a b"], hidden: ["fine"]}
    counts = dict(rows(earlier, "select tag, posts_count from topic_tag"))
    assert counts == {"café": 2, "ok": 2, "unused": 0} | dict.fromkeys(tags[odd], 1)
    assert rows(earlier, "select id from topic_tag where tag = 'café'") == [oldest]
    assert searched(earlier) == {club, public, secret, odd}
    assert rows(earlier, "select count(*) from outbox_event where stream_seq is not null") == [0]


def test_texts_are_composed(earlier: psycopg.Connection, database: databases.Database) -> None:
    club = group(earlier, name="Cafe\u0301", description="\u212b")
    fine = group(earlier, name="Café", description="É")
    # In NFC it has two characters, and a group's name has three.
    short = group(earlier, name="ae\u0301")
    both = post(earlier, club, title="e\u0301", body="E\u0301")
    untitled = post(earlier, club, body="e\u0301")
    # In NFC it has 80,000 characters.
    long = post(earlier, club, body="\u0958" * 40000)
    gone = post(earlier, club, body="e\u0301", deleted_at="2026-01-01T00:00:00Z")
    about = comment(earlier, both, body="e\u0301")
    comment(earlier, both, body="é")
    versions = dict(rows(earlier, "select id, version from post"))
    migrated(earlier, database)
    groups = dict(rows(earlier, "select id, name || ' ' || description from group_entity"))
    assert groups == {club: "Café \u00c5", fine: "Café É", short: "ae\u0301 "}
    posts = dict(rows(earlier, "select id, concat_ws(' ', title, body) from post"))
    assert posts == {both: "é É", untitled: "é", gone: "é", long: "\u0958" * 40000}
    assert rows(earlier, "select body from comment") == ["é", "é"]
    assert searched(earlier) == {club, both, untitled, about}
    newer = dict(rows(earlier, "select id, version from post"))
    assert {id_ for id_ in versions if newer[id_] > versions[id_]} >= {both, untitled}
    assert newer[long] == versions[long]
    assert rows(earlier, "select count(edited_at) from post") == [0]


def test_counters_follow_changes_after_the_migration(
    earlier: psycopg.Connection, database: databases.Database
) -> None:
    club = group(earlier)
    subject = post(earlier, club, topic_tags=["#go"])
    insert(earlier, "group_member", group_id=club, user_id=USER, role="owner")
    migrated(earlier, database)
    earlier.execute("select api.add_reaction(%s, 'post', %s, '👍')", [USER, subject])
    earlier.execute("select api.delete_post(%s, %s)", [USER, subject])
    assert rows(earlier, "select reactions_count from post") == [1]
    assert rows(earlier, "select tag, posts_count from topic_tag") == [("go", 0)]
