"""Requests to join private groups, and invitations."""

from gen import invitations
from service.http import answers, bodies, request
from service.routes import members


async def join_requests(call: request.Call) -> answers.Answer:
    group_id, asked = call.id("group_id"), call.page()
    querier = invitations.AsyncQuerier(await call.connect())
    return answers.ok(
        await querier.join_request_page_json(actor=call.actor, group_id=group_id, **asked)
    )


async def approve(call: request.Call) -> answers.Answer:
    group_id, user_id = call.id("group_id"), call.id("user_id")
    querier = invitations.AsyncQuerier(await call.connect())
    row = answers.found(
        await querier.join_request_approve_json(
            actor=call.actor, group_id=group_id, user_id=user_id
        )
    )
    return answers.created("member", row.body, members.path(row.group_id, row.user_id))


async def deny(call: request.Call) -> answers.Answer:
    group_id, user_id = call.id("group_id"), call.id("user_id")
    querier = invitations.AsyncQuerier(await call.connect())
    await querier.join_request_deny(actor=call.actor, group_id=group_id, user_id=user_id)
    return answers.NO_CONTENT


async def create(call: request.Call, body: bodies.NewInvite) -> answers.Answer:
    group_id = call.id("group_id")
    querier = invitations.AsyncQuerier(await call.connect())
    invite = await querier.invite_create_json(
        actor=call.actor,
        group_id=group_id,
        user_id=body.user_id,
        role=body.role,
        max_uses=body.max_uses,
        expires_at=body.expires_at,
    )
    return answers.created("invite", invite)


async def page(call: request.Call) -> answers.Answer:
    group_id, asked = call.id("group_id"), call.page()
    querier = invitations.AsyncQuerier(await call.connect())
    return answers.ok(await querier.invite_page_json(actor=call.actor, group_id=group_id, **asked))


async def revoke(call: request.Call) -> answers.Answer:
    group_id, invite_id = call.id("group_id"), call.id("invite_id")
    querier = invitations.AsyncQuerier(await call.connect())
    await querier.invite_revoke(actor=call.actor, group_id=group_id, invite_id=invite_id)
    return answers.NO_CONTENT


async def accept(call: request.Call) -> answers.Answer:
    code = call.name("code")
    querier = invitations.AsyncQuerier(await call.connect())
    row = answers.found(await querier.invite_accept_json(actor=call.actor, code=code))
    return answers.created("member", row.body, members.path(row.group_id, row.user_id))
