"""Members, bans and mutes."""

import uuid

from gen import members
from service import bodies, calls


async def join(call: calls.Call) -> calls.Answer:
    group_id = call.id("group_id")
    querier = members.AsyncQuerier(await call.connect())
    row = calls.found(await querier.group_join(actor=call.actor, group_id=group_id))
    return calls.decided(row.status, row.body, "member", path(group_id, call.user))


async def leave(call: calls.Call) -> calls.Answer:
    group_id = call.id("group_id")
    querier = members.AsyncQuerier(await call.connect())
    await querier.group_leave(actor=call.actor, group_id=group_id)
    return calls.NO_CONTENT


async def page(call: calls.Call) -> calls.Answer:
    group_id, asked, role = call.id("group_id"), call.page(), call.text("role")
    querier = members.AsyncQuerier(await call.connect())
    return calls.ok(
        await querier.member_page_json(actor=call.actor, group_id=group_id, role=role, **asked)
    )


async def show(call: calls.Call) -> calls.Answer:
    group_id, user_id = call.id("group_id"), call.id("user_id")
    querier = members.AsyncQuerier(await call.connect())
    return calls.ok(
        await querier.member_get_json(actor=call.actor, group_id=group_id, user_id=user_id)
    )


async def put(call: calls.Call, body: bodies.NewRole) -> calls.Answer:
    group_id, user_id = call.id("group_id"), call.id("user_id")
    querier = members.AsyncQuerier(await call.connect())
    row = calls.found(
        await querier.member_put(
            actor=call.actor, group_id=group_id, user_id=user_id, role=body.role
        )
    )
    return calls.decided(row.status, row.body, "member", path(group_id, user_id))


async def remove(call: calls.Call) -> calls.Answer:
    group_id, user_id = call.id("group_id"), call.id("user_id")
    querier = members.AsyncQuerier(await call.connect())
    await querier.member_remove(actor=call.actor, group_id=group_id, user_id=user_id)
    return calls.NO_CONTENT


async def ban(call: calls.Call, body: bodies.Ban) -> calls.Answer:
    group_id, user_id = call.id("group_id"), call.id("user_id")
    querier = members.AsyncQuerier(await call.connect())
    return calls.ok(
        await querier.member_ban_json(
            actor=call.actor,
            group_id=group_id,
            user_id=user_id,
            reason=body.reason,
            until=body.until,
        )
    )


async def unban(call: calls.Call) -> calls.Answer:
    group_id, user_id = call.id("group_id"), call.id("user_id")
    querier = members.AsyncQuerier(await call.connect())
    return calls.ok(
        await querier.member_unban_json(actor=call.actor, group_id=group_id, user_id=user_id)
    )


async def bans(call: calls.Call) -> calls.Answer:
    group_id, asked = call.id("group_id"), call.page()
    querier = members.AsyncQuerier(await call.connect())
    return calls.ok(await querier.ban_page_json(actor=call.actor, group_id=group_id, **asked))


async def mute(call: calls.Call, body: bodies.Mute) -> calls.Answer:
    group_id, user_id = call.id("group_id"), call.id("user_id")
    querier = members.AsyncQuerier(await call.connect())
    return calls.ok(
        await querier.member_mute_json(
            actor=call.actor, group_id=group_id, user_id=user_id, until=body.until
        )
    )


async def unmute(call: calls.Call) -> calls.Answer:
    group_id, user_id = call.id("group_id"), call.id("user_id")
    querier = members.AsyncQuerier(await call.connect())
    return calls.ok(
        await querier.member_unmute_json(actor=call.actor, group_id=group_id, user_id=user_id)
    )


def path(group_id: uuid.UUID, user_id: uuid.UUID) -> str:
    """Where a member is, relative to the base of the API."""
    return f"/groups/{group_id}/members/{user_id}"
