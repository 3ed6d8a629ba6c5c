"""Requests to join private groups, and invitations."""

from starlette.routing import Route

from gen.http import invitations
from service.http import answers, bodies, errors, parameters, request
from service.http.endpoints import reads, route, writes
from service.reference import shapes
from service.routes import members


async def list_join_requests(call: request.Call) -> answers.Answer:
    """Lists the pending requests to join, oldest first. The caller must be an admin."""
    group_id, page = call.id("group_id"), call.page()
    querier = invitations.AsyncQuerier(await call.connect())
    return answers.ok(await querier.join_request_list(actor=call.actor, group_id=group_id, **page))


async def approve_join_request(call: request.Call) -> answers.Answer:
    """Approves a pending request: its user becomes a member. The caller must be an admin."""
    group_id, user_id = call.id("group_id"), call.id("user_id")
    querier = invitations.AsyncQuerier(await call.connect())
    row = answers.found(
        await querier.join_request_approve(actor=call.actor, group_id=group_id, user_id=user_id)
    )
    return answers.created("member", row.body, members.path(row.group_id, row.user_id))


async def deny_join_request(call: request.Call) -> answers.Answer:
    """Denies a pending request to join. The caller must be an admin."""
    group_id, user_id = call.id("group_id"), call.id("user_id")
    querier = invitations.AsyncQuerier(await call.connect())
    await querier.join_request_deny(actor=call.actor, group_id=group_id, user_id=user_id)
    return answers.NO_CONTENT


async def create_invite(call: request.Call, body: bodies.NewInvite) -> answers.Answer:
    """Creates an invitation for one user, or for anyone who has its code.

    Its role ranks below the caller's. The caller must be an admin.
    """
    group_id = call.id("group_id")
    querier = invitations.AsyncQuerier(await call.connect())
    invite = await querier.invite_create(
        actor=call.actor,
        group_id=group_id,
        user_id=body.user_id,
        role=body.role,
        max_uses=body.max_uses,
        expires_at=body.expires_at,
    )
    return answers.created("invite", invite)


async def list_invites(call: request.Call) -> answers.Answer:
    """Lists the invitations whose role the caller may grant, oldest first.

    The caller must be an admin.
    """
    group_id, page = call.id("group_id"), call.page()
    querier = invitations.AsyncQuerier(await call.connect())
    return answers.ok(await querier.invite_list(actor=call.actor, group_id=group_id, **page))


async def revoke_invite(call: request.Call) -> answers.Answer:
    """Revokes an invitation. The caller must be an admin."""
    group_id, invite_id = call.id("group_id"), call.id("invite_id")
    querier = invitations.AsyncQuerier(await call.connect())
    await querier.invite_revoke(actor=call.actor, group_id=group_id, invite_id=invite_id)
    return answers.NO_CONTENT


async def accept_invite(call: request.Call) -> answers.Answer:
    """Joins the group of an invitation with its role.

    An unknown, spent or expired code is not found.
    """
    code = call.name("code")
    querier = invitations.AsyncQuerier(await call.connect())
    row = answers.found(await querier.invite_accept(actor=call.actor, code=code))
    return answers.created("member", row.body, members.path(row.group_id, row.user_id))


def routes() -> list[Route]:
    """Returns the routes of join requests and invitations."""
    join_request = "/groups/{group_id}/join-requests/{user_id}"
    return [
        route(
            "/groups/{group_id}/join-requests",
            GET=reads(
                list_join_requests,
                shapes.page(shapes.JoinRequest),
                errors=errors.PAGE | errors.RANK,
                query=parameters.PAGE,
                requires_token=True,
            ),
        ),
        route(
            f"{join_request}/approve",
            POST=writes(approve_join_request, shapes.Member, status=201, errors=errors.RANK),
        ),
        route(f"{join_request}/deny", POST=writes(deny_join_request, errors=errors.RANK)),
        route(
            "/groups/{group_id}/invites",
            GET=reads(
                list_invites,
                shapes.page(shapes.Invite),
                errors=errors.PAGE | errors.RANK,
                query=parameters.PAGE,
                requires_token=True,
            ),
            POST=writes(
                create_invite,
                shapes.Invite,
                status=201,
                body=bodies.NewInvite,
                body_optional=True,
                errors=errors.RANK,
            ),
        ),
        route(
            "/groups/{group_id}/invites/{invite_id}",
            DELETE=writes(revoke_invite, errors=errors.RANK),
        ),
        route(
            "/invites/{code}/accept",
            POST=writes(
                accept_invite,
                shapes.Member,
                status=201,
                errors={"already_member", "banned", "not_found"},
            ),
        ),
    ]
