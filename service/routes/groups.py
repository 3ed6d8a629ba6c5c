"""Groups, and their audit log."""

from starlette.routing import Route

from gen.http import groups
from service.http import answers, bodies, errors, parameters, request
from service.http.endpoints import reads, route, writes
from service.media import uploads
from service.reference import shapes


async def create_group(call: request.Call, body: bodies.NewGroup) -> answers.Answer:
    """Creates a group, whose owner is the caller.

    Without `slug`, the slug is made from the name; a secret group's slug ends in random characters.
    """
    querier = groups.AsyncQuerier(await call.connect())
    row = answers.found(
        await querier.group_create(
            actor=call.actor,
            name=body.name,
            visibility=body.visibility,
            slug=body.slug,
            description=body.description or "",
            campus_id=body.campus_id,
            tags=body.tags,
            avatar_key=body.avatar_key,
            cover_key=body.cover_key,
        )
    )
    return answers.created("group", row.body, f"/groups/{row.id}")


async def list_groups(call: request.Call) -> answers.Answer:
    """Lists groups, newest first. Secret groups are listed for their members only."""
    page = call.page()
    campus_id, mine = call.filter_id("campus_id"), call.flag("mine")
    tag, visibility = call.text("tag"), call.text("visibility")
    querier = groups.AsyncQuerier(await call.connect())
    return answers.ok(
        await querier.group_list(
            actor=call.actor,
            campus_id=campus_id,
            tag=tag,
            visibility=visibility,
            mine=mine or False,
            **page,
        )
    )


async def get_group(call: request.Call) -> answers.Answer:
    """Returns a group. A secret group is visible to its members only."""
    group_id = call.id("group_id")
    querier = groups.AsyncQuerier(await call.connect())
    return answers.ok(await querier.group_get(actor=call.actor, group_id=group_id))


async def get_group_by_slug(call: request.Call) -> answers.Answer:
    """Returns the group that has this slug."""
    slug = call.name("slug")
    querier = groups.AsyncQuerier(await call.connect())
    return answers.ok(await querier.group_get_by_slug(actor=call.actor, slug=slug))


async def update_group(call: request.Call, body: bodies.GroupPatch) -> answers.Answer:
    """Updates the given fields of a group. The caller must be an admin."""
    group_id = call.id("group_id")
    querier = groups.AsyncQuerier(await call.connect())
    return answers.ok(
        await querier.group_update(actor=call.actor, group_id=group_id, patch=body.patch())
    )


async def delete_group(call: request.Call) -> answers.Answer:
    """Soft-deletes a group and hides everything in it. The caller must be an owner."""
    group_id = call.id("group_id")
    querier = groups.AsyncQuerier(await call.connect())
    await querier.group_delete(actor=call.actor, group_id=group_id)
    return answers.NO_CONTENT


async def restore_group(call: request.Call) -> answers.Answer:
    """Restores a deleted group. The caller must be an owner."""
    group_id = call.id("group_id")
    querier = groups.AsyncQuerier(await call.connect())
    return answers.ok(await querier.group_restore(actor=call.actor, group_id=group_id))


async def list_audit_log(call: request.Call) -> answers.Answer:
    """Lists the audit log of a group, newest first. The caller must be an admin."""
    group_id, page = call.id("group_id"), call.page()
    querier = groups.AsyncQuerier(await call.connect())
    return answers.ok(await querier.audit_log_list(actor=call.actor, group_id=group_id, **page))


def routes() -> list[Route]:
    """Returns the routes of groups."""
    return [
        route(
            "/groups",
            GET=reads(
                list_groups,
                shapes.page(shapes.Group),
                errors=errors.PAGE,
                query=(*parameters.PAGE, *parameters.GROUP_FILTERS),
            ),
            POST=writes(
                create_group,
                shapes.Group,
                status=201,
                body=bodies.NewGroup,
                errors={"attachment_mismatch", "slug_taken"},
                preparation=uploads.preparation,
            ),
        ),
        route(
            "/groups/by-slug/{slug}",
            GET=reads(get_group_by_slug, shapes.Group, errors={"not_found"}),
        ),
        route(
            "/groups/{group_id}",
            GET=reads(get_group, shapes.Group),
            PATCH=writes(
                update_group,
                shapes.Group,
                body=bodies.GroupPatch,
                errors=errors.RANK | {"attachment_mismatch", "slug_taken"},
                preparation=uploads.preparation,
            ),
            DELETE=writes(delete_group, errors=errors.RANK),
        ),
        route(
            "/groups/{group_id}/restore",
            POST=writes(restore_group, shapes.Group, errors=errors.RANK | {"slug_taken"}),
        ),
        route(
            "/groups/{group_id}/audit-log",
            GET=reads(
                list_audit_log,
                shapes.page(shapes.AuditEntry),
                errors=errors.PAGE | {"forbidden"},
                query=parameters.PAGE,
                requires_token=True,
            ),
        ),
    ]
