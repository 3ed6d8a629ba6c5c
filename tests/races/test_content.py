"""Races on posts, comments, reactions and tags.

Proves rules 07.4, 07.5, 40.10, 50.2, 50.6, 81.2 and 83.2.
"""

import collections
import random
import threading
from collections.abc import Iterator
from concurrent import futures
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import psycopg
import pytest
from psycopg.types.json import Jsonb

from tests.races import outbox
from tests.races.crowd import CLIENTS, Call, Crowd, Habit, call, new_users, tally
from tests.support import servers

ROUNDS = 8
EMOJI = ("👍", "❤", "🎉")
TAGS = ("north", "east", "south", "west")
HAS_EVENT = {
    "create_comment": "comment.created",
    "create_post": "post.created",
    "react": "reaction.added",
    "react_to_comment": "reaction.added",
    "unreact": "reaction.removed",
    "unreact_to_comment": "reaction.removed",
}


class Scene:
    """Group of many moderators, with a post on which all of them act."""

    def __init__(self, crowd: Crowd, members: int = 8) -> None:
        self.owner, *self.members = new_users(members + 1)
        self.group: str = crowd.do(self.owner, "create_group", name="A race", visibility="public")[
            "id"
        ]
        for member in self.members:
            crowd.do(
                self.owner, "put_member", group_id=self.group, user_id=str(member), role="moderator"
            )
        self.post = self.add_post(crowd)

    def add_post(self, crowd: Crowd, **given: list[str]) -> str:
        post = crowd.do(self.owner, "create_post", group_id=self.group, body="A post", **given)
        return str(post["id"])

    def add_comment(self, crowd: Crowd, **given: str) -> str:
        made = crowd.do(self.owner, "create_comment", post_id=self.post, body="A comment", **given)
        return str(made["id"])


def drifts(connection: psycopg.Connection) -> list[object]:
    return list(connection.execute("select * from api.verify_counters()"))


def test_concurrent_equal_reactions_count_once(
    crowd: Crowd, connection: psycopg.Connection
) -> None:
    scene = Scene(crowd, 1)
    comment = scene.add_comment(crowd)
    (user,) = scene.members
    for operation, subject in [("react", scene.post), ("react_to_comment", comment)]:
        answers = crowd.at_once([call(user, operation, subject_id=subject, emoji="👍")] * 32)
        assert tally(answers) == {201: 1, "duplicate_reaction": 31}
    assert crowd.do(user, "get_post", post_id=scene.post)["reactions_count"] == 1
    assert crowd.do(user, "get_comment", comment_id=comment)["reactions_count"] == 1
    assert outbox.count(connection, scene.group)["reaction.added"] == 2
    for operation, subject in [("unreact", scene.post), ("unreact_to_comment", comment)]:
        answers = crowd.at_once([call(user, operation, subject_id=subject, emoji="👍")] * 32)
        assert tally(answers) == {204: 1, "not_found": 31}
    assert outbox.count(connection, scene.group)["reaction.removed"] == 2
    assert drifts(connection) == []


def test_concurrent_reactions_with_different_emoji_stop_at_the_limit(
    crowd: Crowd, connection: psycopg.Connection
) -> None:
    scene = Scene(crowd, CLIENTS)
    comment = scene.add_comment(crowd)
    present = [f"e{number}" for number in range(24)]
    for operation, subject in [("react", scene.post), ("react_to_comment", comment)]:
        for emoji in present:
            crowd.do(scene.owner, operation, subject_id=subject, emoji=emoji)
        answers = crowd.at_once(
            [
                call(user, operation, subject_id=subject, emoji=f"new{number}")
                for number, user in enumerate(scene.members)
            ]
        )
        assert tally(answers) == {201: 8, "too_many_emoji": CLIENTS - 8}
        answers = crowd.at_once(
            [
                call(user, operation, subject_id=subject, emoji=emoji)
                for user, emoji in zip(scene.members, present * 2, strict=False)
            ]
        )
        assert tally(answers) == {201: CLIENTS}
    counted = connection.execute(
        "select subject_type, count(*) from reaction_count where subject_id = any (%s)"
        " group by subject_type",
        [[scene.post, comment]],
    )
    assert dict(counted.fetchall()) == {"post": 32, "comment": 32}
    assert outbox.count(connection, scene.group)["reaction.added"] == 2 * (32 + CLIENTS)
    assert drifts(connection) == []


def test_concurrent_reactions_with_forms_of_one_emoji_count_once(
    crowd: Crowd, connection: psycopg.Connection
) -> None:
    scene = Scene(crowd, 1)
    forms = ["\u2764", "\u2764\ufe0f", "\u2764\ufe0e", "\ufe0f\u2764"] * (CLIENTS // 4)
    (user,) = scene.members
    for operation, status, code in [
        ("react", 201, "duplicate_reaction"),
        ("unreact", 204, "not_found"),
    ]:
        answers = crowd.at_once(
            [call(user, operation, subject_id=scene.post, emoji=form) for form in forms]
        )
        assert tally(answers) == {status: 1, code: CLIENTS - 1}
    assert drifts(connection) == []


def test_concurrent_deletions_and_restorations_happen_once(
    crowd: Crowd, connection: psycopg.Connection
) -> None:
    scene = Scene(crowd)
    post, comment = {"post_id": scene.post}, {"comment_id": scene.add_comment(crowd)}
    for kind, subject in [("comment", comment), ("post", post)]:
        for verb in ("delete", "restore", "delete", "restore"):
            answers = crowd.at_once(
                [call(user, f"{verb}_{kind}", **subject) for user in scene.members * 2]
            )
            assert {answer.code for answer in answers} == {None}
        counts = outbox.count(connection, scene.group)
        assert (counts[f"{kind}.deleted"], counts[f"{kind}.restored"]) == (2, 2)
    for _ in range(ROUNDS):
        operations = ["pin", "unpin", "pin", "unpin"]
        crowd.at_once([call(scene.owner, operation, **post) for operation in operations])
    outbox.check(connection, scene.group)
    assert drifts(connection) == []


def mixed_habits(scene: Scene, comments: collections.deque[str], others: list[str]) -> list[Habit]:
    """Returns the habits of clients that write, react, moderate and tag around one post."""

    def write_comment(chance: random.Random) -> Call:
        parent = {"parent_id": chance.choice(comments)} if chance.random() < 0.7 else {}
        return call(
            chance.choice(scene.members), "create_comment", post_id=scene.post, body="b", **parent
        )

    def moderate(chance: random.Random) -> Call:
        operation = chance.choice(["delete_comment", "restore_comment", "delete_comment"])
        return call(chance.choice(scene.members), operation, comment_id=chance.choice(comments))

    def react(chance: random.Random) -> Call:
        user, emoji = chance.choice(scene.members), chance.choice(EMOJI)
        on = chance.choice(["react", "unreact"])
        if chance.random() < 0.5:
            return call(user, on, subject_id=scene.post, emoji=emoji)
        return call(user, f"{on}_to_comment", subject_id=chance.choice(comments), emoji=emoji)

    def flip_post(chance: random.Random) -> Call:
        operation = chance.choice(["delete_post", "restore_post", "restore_post", "pin", "unpin"])
        return call(scene.owner, operation, post_id=chance.choice([scene.post, *others]))

    def flip_group(chance: random.Random) -> Call:
        if chance.random() < 0.3:
            operation = chance.choice(["delete_group", *["restore_group"] * 4])
            return call(scene.owner, operation, group_id=scene.group)
        visibility = chance.choice(["public", "private", "secret"])
        return call(scene.owner, "update_group", group_id=scene.group, visibility=visibility)

    def tag(chance: random.Random) -> Call:
        tags = chance.sample(TAGS, chance.randint(0, len(TAGS)))
        if chance.random() < 0.2:
            return call(
                chance.choice(scene.members),
                "create_post",
                group_id=scene.group,
                body="b",
                topic_tags=tags,
            )
        post = chance.choice([scene.post, *others])
        return call(scene.owner, "update_post", post_id=post, topic_tags=tags)

    return [
        *[write_comment] * 8,
        *[moderate] * 6,
        *[react] * 10,
        *[flip_post] * 2,
        flip_group,
        *[tag] * 5,
    ]


def run_load(crowd: Crowd, connection: psycopg.Connection, scene: Scene, seconds: float) -> None:
    comments = collections.deque([scene.add_comment(crowd) for _ in range(10)], maxlen=40)
    others = [scene.add_post(crowd, topic_tags=list(TAGS)) for _ in range(4)]
    before = outbox.count(connection, scene.group)
    made = crowd.for_a_while(seconds, mixed_habits(scene, comments, others))
    effects = collections.Counter(
        HAS_EVENT[each.operation]
        for each, answer in made
        if each.operation in HAS_EVENT and answer.code is None
    )
    assert effects["comment.created"] > 0
    after = outbox.count(connection, scene.group)
    assert {name: after[name] - before[name] for name in effects} == effects
    crowd.do(scene.owner, "restore_group", group_id=scene.group)
    crowd.do(scene.owner, "restore_post", post_id=scene.post)
    outbox.check(connection, scene.group)


@pytest.mark.slow
def test_busy_thread_keeps_its_counters(crowd: Crowd, connection: psycopg.Connection) -> None:
    scene = Scene(crowd)
    run_load(crowd, connection, scene, 3)
    assert drifts(connection) == []


def test_concurrent_tag_changes_in_any_order_keep_the_counters(
    crowd: Crowd, connection: psycopg.Connection
) -> None:
    scenes = [Scene(crowd, 1) for _ in range(2)]
    posts = [(scene, scene.add_post(crowd)) for scene in scenes for _ in range(8)]

    def edit(chance: random.Random) -> Call:
        scene, post = chance.choice(posts)
        tags = list(TAGS) if chance.random() < 0.5 else list(reversed(TAGS))
        tags = tags[: chance.randint(0, len(TAGS))]
        return call(scene.owner, "update_post", post_id=post, topic_tags=tags)

    def flip(chance: random.Random) -> Call:
        scene = chance.choice(scenes)
        visibility = chance.choice(["public", "private"])
        return call(scene.owner, "update_group", group_id=scene.group, visibility=visibility)

    crowd.for_a_while(1.5, [edit] * 28 + [flip] * 4)
    assert drifts(connection) == []


@pytest.mark.parametrize(
    ("before", "after"), [("private", "public"), ("public", "private")], ids=lambda name: name
)
def test_post_that_is_tagged_while_its_group_changes_visibility_is_counted(
    before: str,
    after: str,
    crowd_in_sql: Crowd,
    connection: psycopg.Connection,
    shared_service: servers.Service,
) -> None:
    scene = Scene(crowd_in_sql, 1)
    post = scene.add_post(crowd_in_sql, topic_tags=["north"])
    crowd_in_sql.do(scene.owner, "update_group", group_id=scene.group, visibility=before)
    tagging = call(scene.owner, "update_post", post_id=post, topic_tags=["east"])
    with ThreadPoolExecutor(1) as thread:
        with psycopg.connect(shared_service.environment["DATABASE_URL"]) as changing:
            changing.execute(
                "select from api.update_group(%s, %s, %s)",
                [scene.owner, scene.group, Jsonb({"visibility": after})],
            )
            answers = thread.submit(crowd_in_sql.at_once, [tagging])
            futures.wait([answers], timeout=0.3)
        assert [answer.code for answer in answers.result()] == [None]
    assert drifts(connection) == []


@pytest.mark.parametrize("generations", [1, 2])
def test_reply_cannot_have_a_deleted_parent(
    generations: int, crowd: Crowd, connection: psycopg.Connection
) -> None:
    scene = Scene(crowd, 4)
    for _ in range(ROUNDS):
        line = [scene.add_comment(crowd)]
        for _ in range(generations - 1):
            line.append(scene.add_comment(crowd, parent_id=line[-1]))
        answers = crowd.at_once(
            [
                *[
                    call(user, "create_comment", post_id=scene.post, body="b", parent_id=line[-1])
                    for user in scene.members
                ],
                *[call(scene.owner, "delete_comment", comment_id=comment) for comment in line],
            ]
        )
        replies = [answer for answer in answers if answer.status == 201]
        assert set(tally(answers)) <= {201, 204, "validation_failed", "not_found"}
        page = crowd.do(scene.owner, "list_comments", post_id=scene.post, limit=100)
        listed = {comment["id"]: comment for comment in page["items"]}
        assert all(answer.body["id"] in listed for answer in replies)
        for comment in line:
            assert (comment in listed) == bool(replies)
        assert drifts(connection) == []
        for reply in replies:
            crowd.do(scene.owner, "delete_comment", comment_id=reply.body["id"])
    outbox.check(connection, scene.group)


def test_deleted_post_receives_no_content(crowd: Crowd, connection: psycopg.Connection) -> None:
    scene = Scene(crowd, 8)
    for _ in range(ROUNDS):
        post = scene.add_post(crowd)
        calls = [
            *[call(user, "create_comment", post_id=post, body="b") for user in scene.members],
            *[call(user, "react", subject_id=post, emoji="👍") for user in scene.members],
            call(scene.owner, "delete_post", post_id=post),
        ]
        random.Random(post).shuffle(calls)
        crowd.at_once(calls)
        kinds = [
            event_type
            for event_type, _, payload in outbox.events(connection, scene.group)
            if payload["post_id"] == post
        ]
        assert kinds[-1] == "post.deleted"
    assert drifts(connection) == []


def test_concurrent_edits_of_one_post_leave_one_of_them(crowd: Crowd) -> None:
    scene = Scene(crowd, 1)
    bodies = [f"Body {number}" for number in range(16)]
    answers = crowd.at_once(
        [call(scene.owner, "update_post", post_id=scene.post, body=body) for body in bodies]
    )
    assert {answer.code for answer in answers} == {None}
    assert {answer.body["body"] for answer in answers} == set(bodies)
    assert crowd.do(scene.owner, "get_post", post_id=scene.post)["body"] in bodies


DRIFTS = [
    "update post set comments_count = comments_count + 3, reactions_count = reactions_count + 2"
    " where group_id = %s",
    "update comment set reactions_count = reactions_count + 1 where group_id = %s",
    "update comment set is_listed = not is_listed where group_id = %s and deleted_at is not null",
    "update group_entity set members_count = members_count + 7 where id = %s",
    "update reaction_count as c set count = count + 1 from post as p"
    " where p.id = c.subject_id and p.group_id = %s",
    "update topic_tag set posts_count = posts_count + 5 where %s::text is not null",
]


@contextmanager
def repairing(url: str) -> Iterator[list[int]]:
    """Repairs counters until the context ends. Yields the number of repairs of each run."""
    done = threading.Event()
    repaired: list[int] = []

    def repair() -> None:
        with psycopg.connect(url, autocommit=True) as job:
            job.execute("set role communities_job")
            while not done.wait(0.05):
                (number,) = job.execute("select api.repair_counters()").fetchone() or (0,)
                repaired.append(number)

    thread = threading.Thread(target=repair)
    thread.start()
    try:
        yield repaired
    finally:
        done.set()
        thread.join()


def test_counters_are_repaired_while_they_change(
    crowd_in_sql: Crowd, connection: psycopg.Connection, shared_service: servers.Service
) -> None:
    scene = Scene(crowd_in_sql)
    run_load(crowd_in_sql, connection, scene, 0.5)
    for statement in DRIFTS:
        connection.execute(statement, [scene.group])
    assert drifts(connection) != []
    with repairing(shared_service.environment["DATABASE_URL"]) as repaired:
        run_load(crowd_in_sql, connection, scene, 2)
    assert len(repaired) > 1
    assert sum(repaired) > 0
    assert drifts(connection) == []
