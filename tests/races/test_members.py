"""Races of members: owners, invitations, bans and joins.

Proves rules 07.6, 10.3, 20.4, 20.7, 21.5 and 21.8.
"""

import itertools
import random
import uuid
from collections.abc import Callable

import psycopg
import pytest

from tests.races import outbox
from tests.races.crowd import Call, Crowd, call, new_users, tally

ROUNDS = 6
Move = Callable[[str, uuid.UUID, uuid.UUID], Call]
FAR_AHEAD = "2100-01-01T00:00:00Z"


def leave(group: str, one: uuid.UUID, _other: uuid.UUID) -> Call:
    return call(one, "leave_group", group_id=group)


def step_down(group: str, one: uuid.UUID, _other: uuid.UUID) -> Call:
    return call(one, "put_member", group_id=group, user_id=str(one), role="member")


def demote(group: str, one: uuid.UUID, other: uuid.UUID) -> Call:
    return call(one, "put_member", group_id=group, user_id=str(other), role="admin")


def remove(group: str, one: uuid.UUID, other: uuid.UUID) -> Call:
    return call(one, "remove_member", group_id=group, user_id=str(other))


def ban(group: str, one: uuid.UUID, other: uuid.UUID) -> Call:
    return call(one, "ban", group_id=group, user_id=str(other))


OWN_EXITS = [leave, step_down]
REMOVALS = [demote, remove, ban]


def group_of(crowd: Crowd, owners: list[uuid.UUID], visibility: str = "public") -> str:
    group = crowd.do(owners[0], "create_group", name="A race", visibility=visibility)["id"]
    for owner in owners[1:]:
        crowd.do(owners[0], "put_member", group_id=group, user_id=str(owner), role="owner")
    return str(group)


def owners_of(connection: psycopg.Connection, group: str) -> int:
    query = "select from group_member where group_id = %s and role = 'owner' and left_at is null"
    return connection.execute(query, [group]).rowcount


@pytest.mark.parametrize(
    ("first", "second"),
    [
        *itertools.combinations_with_replacement(OWN_EXITS, 2),
        *itertools.combinations_with_replacement(REMOVALS, 2),
    ],
    ids=lambda move: move.__name__,
)
def test_concurrent_exits_of_two_owners_leave_one(
    first: Move, second: Move, crowd: Crowd, connection: psycopg.Connection
) -> None:
    for _ in range(ROUNDS):
        one, other = new_users(2)
        group = group_of(crowd, [one, other])
        answers = crowd.at_once([first(group, one, other), second(group, other, one)])
        assert [answer.code for answer in answers].count(None) == 1, answers
        assert owners_of(connection, group) == 1
        outbox.check(connection, group)


@pytest.mark.parametrize("own", OWN_EXITS, ids=lambda move: move.__name__)
@pytest.mark.parametrize("others", REMOVALS, ids=lambda move: move.__name__)
def test_owner_that_leaves_while_being_removed_leaves_the_other_owner(
    own: Move, others: Move, crowd: Crowd, connection: psycopg.Connection
) -> None:
    for _ in range(ROUNDS):
        one, other = new_users(2)
        group = group_of(crowd, [one, other])
        crowd.at_once([own(group, one, other), others(group, other, one)])
        assert owners_of(connection, group) == 1
        outbox.check(connection, group)


def test_concurrent_exits_of_many_owners_leave_one(
    crowd: Crowd, connection: psycopg.Connection
) -> None:
    owners = new_users(16)
    group = group_of(crowd, owners)
    answers = crowd.at_once([call(owner, "leave_group", group_id=group) for owner in owners])
    assert tally(answers) == {204: 15, "last_owner": 1}
    assert owners_of(connection, group) == 1


def test_invitation_is_accepted_at_most_max_uses_times(
    crowd: Crowd, connection: psycopg.Connection
) -> None:
    (owner,) = new_users(1)
    group = group_of(crowd, [owner], "secret")
    invite = crowd.do(owner, "create_invite", group_id=group, max_uses=5)
    answers = crowd.at_once(
        [call(user, "accept_invite", code=invite["code"]) for user in new_users(20)]
    )
    assert tally(answers) == {201: 5, "not_found": 15}
    (invite,) = crowd.do(owner, "list_invites", group_id=group)["items"]
    assert invite["uses"] == 5
    assert outbox.count(connection, group)["member.joined"] == 5
    assert crowd.do(owner, "get_group", group_id=group)["members_count"] == 6


def test_user_that_joins_in_every_way_at_once_joins_once(
    crowd: Crowd, connection: psycopg.Connection
) -> None:
    for _ in range(ROUNDS):
        owner, user = new_users(2)
        group = group_of(crowd, [owner], "private")
        invite = crowd.do(owner, "create_invite", group_id=group)
        crowd.do(user, "join_group", group_id=group)
        target = {"group_id": group, "user_id": str(user)}
        answers = crowd.at_once(
            [
                *[call(user, "accept_invite", code=invite["code"])] * 4,
                *[call(owner, "approve", **target)] * 4,
                *[call(owner, "put_member", **target, role="member")] * 4,
                *[call(user, "join_group", group_id=group)] * 4,
            ]
        )
        assert tally(answers)[201] == 1
        assert outbox.count(connection, group)["member.joined"] == 1
        assert outbox.count(connection, group)["join_request.approved"] == 1
        outbox.check(connection, group)


def test_concurrent_joins_of_one_user_join_once(
    crowd: Crowd, connection: psycopg.Connection
) -> None:
    owner, user = new_users(2)
    group = group_of(crowd, [owner])
    answers = crowd.at_once([call(user, "join_group", group_id=group)] * 32)
    assert tally(answers) == {201: 1, "already_member": 31}
    assert outbox.count(connection, group)["member.joined"] == 1


def test_concurrent_join_requests_of_one_user_are_one_request(
    crowd: Crowd, connection: psycopg.Connection
) -> None:
    owner, user = new_users(2)
    group = group_of(crowd, [owner], "private")
    answers = crowd.at_once([call(user, "join_group", group_id=group)] * 32)
    assert {answer.status for answer in answers} == {202}
    assert len({answer.body["id"] for answer in answers}) == 1
    assert outbox.count(connection, group)["join_request.created"] == 1


def test_concurrent_joins_and_bans_keep_a_group_consistent(
    crowd: Crowd, connection: psycopg.Connection
) -> None:
    owner, *users = new_users(9)
    group = group_of(crowd, [owner])

    def come_and_go(chance: random.Random) -> Call:
        operation = chance.choice(["join_group", "join_group", "leave_group"])
        return call(chance.choice(users), operation, group_id=group)

    def police(chance: random.Random) -> Call:
        operation = chance.choice(["ban", "unban", "unban", "mute", "unmute", "remove_member"])
        until = {"until": FAR_AHEAD} if operation == "mute" else {}
        user = str(chance.choice(users))
        return call(owner, operation, group_id=group, user_id=user, **until)

    made = crowd.for_a_while(1, [come_and_go] * 24 + [police] * 8)
    joined = [answer for each, answer in made if each.operation == "join_group" and not answer.code]
    assert outbox.count(connection, group)["member.joined"] == len(joined)
    inside_and_banned = connection.execute(
        "select from group_member where group_id = %s and is_banned and left_at is null", [group]
    )
    assert inside_and_banned.rowcount == 0
    outbox.check(connection, group)
    assert connection.execute("select * from api.verify_counters()").fetchall() == []


def test_slug_is_given_to_one_of_many_concurrent_groups(crowd: Crowd) -> None:
    for _ in range(ROUNDS):
        wanted = {"name": "A race", "visibility": "public", "slug": f"race-{uuid.uuid4()}"}
        answers = crowd.at_once([call(user, "create_group", **wanted) for user in new_users(8)])
        assert tally(answers) == {201: 1, "slug_taken": 7}


def test_slug_is_given_to_one_of_many_concurrent_updates(crowd: Crowd) -> None:
    for _ in range(ROUNDS):
        slug = f"race-{uuid.uuid4()}"
        owners = new_users(4)
        groups = [group_of(crowd, [owner]) for owner in owners]
        renamed = [
            call(owner, "update_group", group_id=group, slug=slug)
            for owner, group in zip(owners, groups, strict=True)
        ]
        made = call(new_users(1)[0], "create_group", name="A race", visibility="public", slug=slug)
        answers = crowd.at_once([*renamed, made])
        assert [answer.code for answer in answers].count(None) == 1, answers
        assert {answer.code for answer in answers} == {None, "slug_taken"}
