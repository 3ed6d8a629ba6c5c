"""Posts."""

from starlette.routing import Route

from gen.http import posts
from service.http import answers, bodies, errors, parameters, request
from service.http.endpoints import reads, route, writes
from service.reference import shapes


async def create_post(call: request.Call, body: bodies.NewPost) -> answers.Answer:
    """Creates a post.

    The caller must be a member who is not muted; in a locked group, a moderator.
    """
    group_id = call.id("group_id")
    querier = posts.AsyncQuerier(await call.connect())
    row = answers.found(
        await querier.post_create(
            actor=call.actor,
            group_id=group_id,
            body=body.body,
            title=body.title,
            topic_tags=body.topic_tags,
        )
    )
    return answers.created("post", row.body, f"/posts/{row.id}")


async def list_posts(call: request.Call) -> answers.Answer:
    """Lists the posts of a group, newest first.

    `deleted=true` lists deleted posts only, for moderators.
    """
    group_id, page, tag = call.id("group_id"), call.page(), call.text("tag")
    author_id = call.filter_id("author_id")
    pinned, deleted = call.flag("pinned"), call.flag("deleted")
    querier = posts.AsyncQuerier(await call.connect())
    return answers.ok(
        await querier.post_list(
            actor=call.actor,
            group_id=group_id,
            tag=tag,
            author_id=author_id,
            pinned=pinned,
            deleted=deleted or False,
            **page,
        )
    )


async def get_post(call: request.Call) -> answers.Answer:
    """Returns a post. Moderators also get a deleted one."""
    post_id = call.id("post_id")
    querier = posts.AsyncQuerier(await call.connect())
    return answers.ok(await querier.post_get(actor=call.actor, post_id=post_id))


async def update_post(call: request.Call, body: bodies.PostPatch) -> answers.Answer:
    """Updates title, body or topic tags. The caller must be the author, a member and not muted."""
    post_id = call.id("post_id")
    querier = posts.AsyncQuerier(await call.connect())
    return answers.ok(
        await querier.post_update(actor=call.actor, post_id=post_id, patch=body.patch())
    )


async def delete_post(call: request.Call) -> answers.Answer:
    """Soft-deletes a post and hides everything in it.

    The caller must be its author or a moderator.
    """
    post_id = call.id("post_id")
    querier = posts.AsyncQuerier(await call.connect())
    await querier.post_delete(actor=call.actor, post_id=post_id)
    return answers.NO_CONTENT


async def restore_post(call: request.Call) -> answers.Answer:
    """Restores a deleted post. The caller must be a moderator."""
    post_id = call.id("post_id")
    querier = posts.AsyncQuerier(await call.connect())
    return answers.ok(await querier.post_restore(actor=call.actor, post_id=post_id))


async def pin_post(call: request.Call) -> answers.Answer:
    """Pins a post. The caller must be a moderator."""
    return await _set_pinned(call, pinned=True)


async def unpin_post(call: request.Call) -> answers.Answer:
    """Unpins a post. The caller must be a moderator."""
    return await _set_pinned(call, pinned=False)


async def _set_pinned(call: request.Call, *, pinned: bool) -> answers.Answer:
    post_id = call.id("post_id")
    querier = posts.AsyncQuerier(await call.connect())
    return answers.ok(
        await querier.post_set_pinned(actor=call.actor, post_id=post_id, pinned=pinned)
    )


def routes() -> list[Route]:
    """Returns the routes of posts."""
    return [
        route(
            "/posts/{post_id}",
            GET=reads(get_post, shapes.Post),
            PATCH=writes(
                update_post,
                shapes.Post,
                body=bodies.PostPatch,
                errors=errors.WRITE,
            ),
            DELETE=writes(delete_post, errors=errors.RANK),
        ),
        route(
            "/groups/{group_id}/posts",
            GET=reads(
                list_posts,
                shapes.page(shapes.Post),
                errors=errors.PAGE | {"forbidden"},
                query=(*parameters.PAGE, *parameters.POST_FILTERS),
            ),
            POST=writes(
                create_post,
                shapes.Post,
                status=201,
                body=bodies.NewPost,
                errors=errors.WRITE | {"group_locked"},
            ),
        ),
        route(
            "/posts/{post_id}/restore",
            POST=writes(restore_post, shapes.Post, errors=errors.RESTORE),
        ),
        route(
            "/posts/{post_id}/pin",
            PUT=writes(pin_post, shapes.Post, errors=errors.RANK),
            DELETE=writes(unpin_post, shapes.Post, errors=errors.RANK),
        ),
    ]
