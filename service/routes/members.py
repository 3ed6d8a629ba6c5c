"""Members, bans and mutes."""

import uuid

from gen import members
from service.http import answers, bodies, request


async def join(call: request.Call) -> answers.Answer:
    group_id = call.id("group_id")
    querier = members.AsyncQuerier(await call.connect())
    row = answers.found(await querier.group_join(actor=call.actor, group_id=group_id))
    return answers.decided(row.status, row.body, "member", path(group_id, call.user))


async def leave(call: request.Call) -> answers.Answer:
    group_id = call.id("group_id")
    querier = members.AsyncQuerier(await call.connect())
    await querier.group_leave(actor=call.actor, group_id=group_id)
    return answers.NO_CONTENT


async def page(call: request.Call) -> answers.Answer:
    group_id, asked, role = call.id("group_id"), call.page(), call.text("role")
    querier = members.AsyncQuerier(await call.connect())
    return answers.ok(
        await querier.member_page_json(actor=call.actor, group_id=group_id, role=role, **asked)
    )


async def show(call: request.Call) -> answers.Answer:
    group_id, user_id = call.id("group_id"), call.id("user_id")
    querier = members.AsyncQuerier(await call.connect())
    return answers.ok(
        await querier.member_get_json(actor=call.actor, group_id=group_id, user_id=user_id)
    )


async def put(call: request.Call, body: bodies.NewRole) -> answers.Answer:
    group_id, user_id = call.id("group_id"), call.id("user_id")
    querier = members.AsyncQuerier(await call.connect())
    row = answers.found(
        await querier.member_put(
            actor=call.actor, group_id=group_id, user_id=user_id, role=body.role
        )
    )
    return answers.decided(row.status, row.body, "member", path(group_id, user_id))


async def remove(call: request.Call) -> answers.Answer:
    group_id, user_id = call.id("group_id"), call.id("user_id")
    querier = members.AsyncQuerier(await call.connect())
    await querier.member_remove(actor=call.actor, group_id=group_id, user_id=user_id)
    return answers.NO_CONTENT


async def ban(call: request.Call, body: bodies.Ban) -> answers.Answer:
    group_id, user_id = call.id("group_id"), call.id("user_id")
    querier = members.AsyncQuerier(await call.connect())
    return answers.ok(
        await querier.member_ban_json(
            actor=call.actor,
            group_id=group_id,
            user_id=user_id,
            reason=body.reason,
            until=body.until,
        )
    )


async def unban(call: request.Call) -> answers.Answer:
    group_id, user_id = call.id("group_id"), call.id("user_id")
    querier = members.AsyncQuerier(await call.connect())
    return answers.ok(
        await querier.member_unban_json(actor=call.actor, group_id=group_id, user_id=user_id)
    )


async def bans(call: request.Call) -> answers.Answer:
    group_id, asked = call.id("group_id"), call.page()
    querier = members.AsyncQuerier(await call.connect())
    return answers.ok(await querier.ban_page_json(actor=call.actor, group_id=group_id, **asked))


async def mute(call: request.Call, body: bodies.Mute) -> answers.Answer:
    group_id, user_id = call.id("group_id"), call.id("user_id")
    querier = members.AsyncQuerier(await call.connect())
    return answers.ok(
        await querier.member_mute_json(
            actor=call.actor, group_id=group_id, user_id=user_id, until=body.until
        )
    )


async def unmute(call: request.Call) -> answers.Answer:
    group_id, user_id = call.id("group_id"), call.id("user_id")
    querier = members.AsyncQuerier(await call.connect())
    return answers.ok(
        await querier.member_unmute_json(actor=call.actor, group_id=group_id, user_id=user_id)
    )


def path(group_id: uuid.UUID, user_id: uuid.UUID) -> str:
    """Where a member is, relative to the base of the API."""
    return f"/groups/{group_id}/members/{user_id}"
