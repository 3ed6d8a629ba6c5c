"""Comments."""

from gen import comments
from service import bodies, calls


async def create(call: calls.Call, body: bodies.NewComment) -> calls.Answer:
    post_id = call.id("post_id")
    querier = comments.AsyncQuerier(await call.connect())
    row = calls.found(
        await querier.comment_create_json(
            actor=call.actor, post_id=post_id, body=body.body, parent_id=body.parent_id
        )
    )
    return calls.created("comment", row.body, f"/comments/{row.id}")


async def page(call: calls.Call) -> calls.Answer:
    post_id, asked = call.id("post_id"), call.page()
    parent_id, deleted = call.filter_id("parent_id"), call.flag("deleted")
    querier = comments.AsyncQuerier(await call.connect())
    return calls.ok(
        await querier.comment_page_json(
            actor=call.actor,
            post_id=post_id,
            parent_id=parent_id,
            deleted=deleted or False,
            **asked,
        )
    )


async def show(call: calls.Call) -> calls.Answer:
    comment_id = call.id("comment_id")
    querier = comments.AsyncQuerier(await call.connect())
    return calls.ok(await querier.comment_get_json(actor=call.actor, comment_id=comment_id))


async def update(call: calls.Call, body: bodies.CommentPatch) -> calls.Answer:
    comment_id = call.id("comment_id")
    querier = comments.AsyncQuerier(await call.connect())
    return calls.ok(
        await querier.comment_update_json(
            actor=call.actor, comment_id=comment_id, patch=body.patch()
        )
    )


async def delete(call: calls.Call) -> calls.Answer:
    comment_id = call.id("comment_id")
    querier = comments.AsyncQuerier(await call.connect())
    await querier.comment_delete(actor=call.actor, comment_id=comment_id)
    return calls.NO_CONTENT


async def restore(call: calls.Call) -> calls.Answer:
    comment_id = call.id("comment_id")
    querier = comments.AsyncQuerier(await call.connect())
    return calls.ok(await querier.comment_restore_json(actor=call.actor, comment_id=comment_id))
