"""Posts."""

from gen import posts
from service.http import answers, bodies, request


async def create(call: request.Call, body: bodies.NewPost) -> answers.Answer:
    group_id = call.id("group_id")
    querier = posts.AsyncQuerier(await call.connect())
    row = answers.found(
        await querier.post_create_json(
            actor=call.actor,
            group_id=group_id,
            body=body.body,
            title=body.title,
            topic_tags=body.topic_tags,
        )
    )
    return answers.created("post", row.body, f"/posts/{row.id}")


async def page(call: request.Call) -> answers.Answer:
    group_id, asked, tag = call.id("group_id"), call.page(), call.text("tag")
    author_id = call.filter_id("author_id")
    pinned, deleted = call.flag("pinned"), call.flag("deleted")
    querier = posts.AsyncQuerier(await call.connect())
    return answers.ok(
        await querier.post_page_json(
            actor=call.actor,
            group_id=group_id,
            tag=tag,
            author_id=author_id,
            pinned=pinned,
            deleted=deleted or False,
            **asked,
        )
    )


async def show(call: request.Call) -> answers.Answer:
    post_id = call.id("post_id")
    querier = posts.AsyncQuerier(await call.connect())
    return answers.ok(await querier.post_get_json(actor=call.actor, post_id=post_id))


async def update(call: request.Call, body: bodies.PostPatch) -> answers.Answer:
    post_id = call.id("post_id")
    querier = posts.AsyncQuerier(await call.connect())
    return answers.ok(
        await querier.post_update_json(actor=call.actor, post_id=post_id, patch=body.patch())
    )


async def delete(call: request.Call) -> answers.Answer:
    post_id = call.id("post_id")
    querier = posts.AsyncQuerier(await call.connect())
    await querier.post_delete(actor=call.actor, post_id=post_id)
    return answers.NO_CONTENT


async def restore(call: request.Call) -> answers.Answer:
    post_id = call.id("post_id")
    querier = posts.AsyncQuerier(await call.connect())
    return answers.ok(await querier.post_restore_json(actor=call.actor, post_id=post_id))


async def pin(call: request.Call) -> answers.Answer:
    return await _set_pinned(call, pinned=True)


async def unpin(call: request.Call) -> answers.Answer:
    return await _set_pinned(call, pinned=False)


async def _set_pinned(call: request.Call, *, pinned: bool) -> answers.Answer:
    post_id = call.id("post_id")
    querier = posts.AsyncQuerier(await call.connect())
    return answers.ok(
        await querier.post_set_pinned_json(actor=call.actor, post_id=post_id, pinned=pinned)
    )
