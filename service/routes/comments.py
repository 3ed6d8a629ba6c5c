"""Comments."""

from gen import comments
from service.http import answers, bodies, request


async def create(call: request.Call, body: bodies.NewComment) -> answers.Answer:
    post_id = call.id("post_id")
    querier = comments.AsyncQuerier(await call.connect())
    row = answers.found(
        await querier.comment_create_json(
            actor=call.actor, post_id=post_id, body=body.body, parent_id=body.parent_id
        )
    )
    return answers.created("comment", row.body, f"/comments/{row.id}")


async def page(call: request.Call) -> answers.Answer:
    post_id, asked = call.id("post_id"), call.page()
    parent_id, deleted = call.filter_id("parent_id"), call.flag("deleted")
    querier = comments.AsyncQuerier(await call.connect())
    return answers.ok(
        await querier.comment_page_json(
            actor=call.actor,
            post_id=post_id,
            parent_id=parent_id,
            deleted=deleted or False,
            **asked,
        )
    )


async def show(call: request.Call) -> answers.Answer:
    comment_id = call.id("comment_id")
    querier = comments.AsyncQuerier(await call.connect())
    return answers.ok(await querier.comment_get_json(actor=call.actor, comment_id=comment_id))


async def update(call: request.Call, body: bodies.CommentPatch) -> answers.Answer:
    comment_id = call.id("comment_id")
    querier = comments.AsyncQuerier(await call.connect())
    return answers.ok(
        await querier.comment_update_json(
            actor=call.actor, comment_id=comment_id, patch=body.patch()
        )
    )


async def delete(call: request.Call) -> answers.Answer:
    comment_id = call.id("comment_id")
    querier = comments.AsyncQuerier(await call.connect())
    await querier.comment_delete(actor=call.actor, comment_id=comment_id)
    return answers.NO_CONTENT


async def restore(call: request.Call) -> answers.Answer:
    comment_id = call.id("comment_id")
    querier = comments.AsyncQuerier(await call.connect())
    return answers.ok(await querier.comment_restore_json(actor=call.actor, comment_id=comment_id))
