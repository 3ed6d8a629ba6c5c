"""Groups, and their audit log."""

from gen import groups
from service.http import answers, bodies, request


async def create(call: request.Call, body: bodies.NewGroup) -> answers.Answer:
    querier = groups.AsyncQuerier(await call.connect())
    row = answers.found(
        await querier.group_create_json(
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


async def page(call: request.Call) -> answers.Answer:
    asked = call.page()
    campus_id, mine = call.filter_id("campus_id"), call.flag("mine")
    tag, visibility = call.text("tag"), call.text("visibility")
    querier = groups.AsyncQuerier(await call.connect())
    return answers.ok(
        await querier.group_page_json(
            actor=call.actor,
            campus_id=campus_id,
            tag=tag,
            visibility=visibility,
            mine=mine or False,
            **asked,
        )
    )


async def show(call: request.Call) -> answers.Answer:
    group_id = call.id("group_id")
    querier = groups.AsyncQuerier(await call.connect())
    return answers.ok(await querier.group_get_json(actor=call.actor, group_id=group_id))


async def show_by_slug(call: request.Call) -> answers.Answer:
    slug = call.name("slug")
    querier = groups.AsyncQuerier(await call.connect())
    return answers.ok(await querier.group_get_by_slug_json(actor=call.actor, slug=slug))


async def update(call: request.Call, body: bodies.GroupPatch) -> answers.Answer:
    group_id = call.id("group_id")
    querier = groups.AsyncQuerier(await call.connect())
    return answers.ok(
        await querier.group_update_json(actor=call.actor, group_id=group_id, patch=body.patch())
    )


async def delete(call: request.Call) -> answers.Answer:
    group_id = call.id("group_id")
    querier = groups.AsyncQuerier(await call.connect())
    await querier.group_delete(actor=call.actor, group_id=group_id)
    return answers.NO_CONTENT


async def restore(call: request.Call) -> answers.Answer:
    group_id = call.id("group_id")
    querier = groups.AsyncQuerier(await call.connect())
    return answers.ok(await querier.group_restore_json(actor=call.actor, group_id=group_id))


async def audit_log(call: request.Call) -> answers.Answer:
    group_id, asked = call.id("group_id"), call.page()
    querier = groups.AsyncQuerier(await call.connect())
    return answers.ok(
        await querier.audit_log_page_json(actor=call.actor, group_id=group_id, **asked)
    )
