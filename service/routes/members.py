"""Members, bans and mutes."""

import uuid

from starlette.routing import Route

from gen.http import members
from service.http import answers, bodies, errors, parameters, request
from service.http.endpoints import reads, route, writes
from service.reference import shapes


async def join_group(call: request.Call) -> answers.Answer:
    """Joins a public group, or requests to join a private one.

    A repeated request returns the pending one.
    """
    group_id = call.id("group_id")
    querier = members.AsyncQuerier(await call.connect())
    row = answers.found(await querier.group_join(actor=call.actor, group_id=group_id))
    return answers.with_status(row.status, row.body, "member", path(group_id, call.user))


async def leave_group(call: request.Call) -> answers.Answer:
    """Leaves a group. The last owner cannot leave."""
    group_id = call.id("group_id")
    querier = members.AsyncQuerier(await call.connect())
    await querier.group_leave(actor=call.actor, group_id=group_id)
    return answers.NO_CONTENT


async def list_members(call: request.Call) -> answers.Answer:
    """Lists the members of a group, oldest membership first."""
    group_id, page, role = call.id("group_id"), call.page(), call.text("role")
    querier = members.AsyncQuerier(await call.connect())
    return answers.ok(
        await querier.member_list(actor=call.actor, group_id=group_id, role=role, **page)
    )


async def get_member(call: request.Call) -> answers.Answer:
    """Returns a member."""
    group_id, user_id = call.id("group_id"), call.id("user_id")
    querier = members.AsyncQuerier(await call.connect())
    return answers.ok(
        await querier.member_get(actor=call.actor, group_id=group_id, user_id=user_id)
    )


async def put_member(call: request.Call, body: bodies.NewRole) -> answers.Answer:
    """Adds a user with a role, or changes a member's role.

    The caller must be an admin who outranks both.
    """
    group_id, user_id = call.id("group_id"), call.id("user_id")
    querier = members.AsyncQuerier(await call.connect())
    row = answers.found(
        await querier.member_put(
            actor=call.actor, group_id=group_id, user_id=user_id, role=body.role
        )
    )
    return answers.with_status(row.status, row.body, "member", path(group_id, user_id))


async def remove_member(call: request.Call) -> answers.Answer:
    """Removes a member whom the caller outranks, or the caller."""
    group_id, user_id = call.id("group_id"), call.id("user_id")
    querier = members.AsyncQuerier(await call.connect())
    await querier.member_remove(actor=call.actor, group_id=group_id, user_id=user_id)
    return answers.NO_CONTENT


async def ban_member(call: request.Call, body: bodies.Ban) -> answers.Answer:
    """Bans a user, member or not, permanently or until a time.

    A ban ends the membership. The caller must be an admin who outranks the user.
    """
    group_id, user_id = call.id("group_id"), call.id("user_id")
    querier = members.AsyncQuerier(await call.connect())
    return answers.ok(
        await querier.member_ban(
            actor=call.actor,
            group_id=group_id,
            user_id=user_id,
            reason=body.reason,
            until=body.until,
        )
    )


async def unban_member(call: request.Call) -> answers.Answer:
    """Lifts a ban without restoring the membership. The caller must be an admin."""
    group_id, user_id = call.id("group_id"), call.id("user_id")
    querier = members.AsyncQuerier(await call.connect())
    return answers.ok(
        await querier.member_unban(actor=call.actor, group_id=group_id, user_id=user_id)
    )


async def list_bans(call: request.Call) -> answers.Answer:
    """Lists the users whose ban is active, oldest first. The caller must be an admin."""
    group_id, page = call.id("group_id"), call.page()
    querier = members.AsyncQuerier(await call.connect())
    return answers.ok(await querier.ban_list(actor=call.actor, group_id=group_id, **page))


async def mute_member(call: request.Call, body: bodies.Mute) -> answers.Answer:
    """Mutes a member until a time: a muted member reads and reacts, but does not post or comment.

    The caller must be a moderator who outranks the member.
    """
    group_id, user_id = call.id("group_id"), call.id("user_id")
    querier = members.AsyncQuerier(await call.connect())
    return answers.ok(
        await querier.member_mute(
            actor=call.actor, group_id=group_id, user_id=user_id, until=body.until
        )
    )


async def unmute_member(call: request.Call) -> answers.Answer:
    """Lifts a mute, also of a former member. The caller must be a moderator."""
    group_id, user_id = call.id("group_id"), call.id("user_id")
    querier = members.AsyncQuerier(await call.connect())
    return answers.ok(
        await querier.member_unmute(actor=call.actor, group_id=group_id, user_id=user_id)
    )


def path(group_id: uuid.UUID, user_id: uuid.UUID) -> str:
    """Returns the path of a member, relative to the base of the API."""
    return f"/groups/{group_id}/members/{user_id}"


def routes() -> list[Route]:
    """Returns the routes of members, bans and mutes."""
    member = "/groups/{group_id}/members/{user_id}"
    return [
        route(
            "/groups/{group_id}/join",
            POST=writes(
                join_group,
                answers={201: shapes.Member, 202: shapes.JoinRequest},
                errors={"already_member", "banned"},
            ),
        ),
        route(
            "/groups/{group_id}/leave",
            POST=writes(leave_group, errors=errors.RANK | {"last_owner"}),
        ),
        route(
            "/groups/{group_id}/members",
            GET=reads(
                list_members,
                shapes.page(shapes.Member),
                errors=errors.PAGE | {"forbidden"},
                query=(*parameters.PAGE, parameters.ROLE),
            ),
        ),
        route(
            member,
            GET=reads(get_member, shapes.Member, errors={"forbidden"}),
            PUT=writes(
                put_member,
                answers={200: shapes.Member, 201: shapes.Member},
                body=bodies.NewRole,
                errors=errors.RANK | {"last_owner"},
            ),
            DELETE=writes(remove_member, errors=errors.RANK | {"last_owner"}),
        ),
        route(
            f"{member}/ban",
            PUT=writes(
                ban_member,
                shapes.Member,
                body=bodies.Ban,
                body_optional=True,
                errors=errors.RANK | {"last_owner"},
            ),
            DELETE=writes(unban_member, shapes.Member, errors=errors.RANK),
        ),
        route(
            f"{member}/mute",
            PUT=writes(mute_member, shapes.Member, body=bodies.Mute, errors=errors.RANK),
            DELETE=writes(unmute_member, shapes.Member, errors=errors.RANK),
        ),
        route(
            "/groups/{group_id}/bans",
            GET=reads(
                list_bans,
                shapes.page(shapes.Member),
                errors=errors.PAGE | errors.RANK,
                query=parameters.PAGE,
                requires_token=True,
            ),
        ),
    ]
