"""Comments."""

from starlette.routing import Route

from gen.http import comments
from service.http import answers, bodies, errors, parameters, request
from service.http.endpoints import reads, route, writes
from service.reference import shapes


async def create_comment(call: request.Call, body: bodies.NewComment) -> answers.Answer:
    """Creates a comment or a reply. The caller must be a member who is not muted."""
    post_id = call.id("post_id")
    querier = comments.AsyncQuerier(await call.connect())
    row = answers.found(
        await querier.comment_create(
            actor=call.actor, post_id=post_id, body=body.body, parent_id=body.parent_id
        )
    )
    return answers.created("comment", row.body, f"/comments/{row.id}")


async def list_comments(call: request.Call) -> answers.Answer:
    """Lists the comments of a post, oldest first, or the direct replies to one.

    A deleted comment that has visible replies is listed as a tombstone. `deleted=true` lists
    deleted comments only, for moderators.
    """
    post_id, page = call.id("post_id"), call.page()
    parent_id, deleted = call.filter_id("parent_id"), call.flag("deleted")
    querier = comments.AsyncQuerier(await call.connect())
    return answers.ok(
        await querier.comment_list(
            actor=call.actor,
            post_id=post_id,
            parent_id=parent_id,
            deleted=deleted or False,
            **page,
        )
    )


async def get_comment(call: request.Call) -> answers.Answer:
    """Returns a comment. Moderators also get a deleted one."""
    comment_id = call.id("comment_id")
    querier = comments.AsyncQuerier(await call.connect())
    return answers.ok(await querier.comment_get(actor=call.actor, comment_id=comment_id))


async def update_comment(call: request.Call, body: bodies.CommentPatch) -> answers.Answer:
    """Updates the body. The caller must be the author, a member and not muted."""
    comment_id = call.id("comment_id")
    querier = comments.AsyncQuerier(await call.connect())
    return answers.ok(
        await querier.comment_update(actor=call.actor, comment_id=comment_id, patch=body.patch())
    )


async def delete_comment(call: request.Call) -> answers.Answer:
    """Soft-deletes a comment. The caller must be its author or a moderator."""
    comment_id = call.id("comment_id")
    querier = comments.AsyncQuerier(await call.connect())
    await querier.comment_delete(actor=call.actor, comment_id=comment_id)
    return answers.NO_CONTENT


async def restore_comment(call: request.Call) -> answers.Answer:
    """Restores a deleted comment. The caller must be a moderator."""
    comment_id = call.id("comment_id")
    querier = comments.AsyncQuerier(await call.connect())
    return answers.ok(await querier.comment_restore(actor=call.actor, comment_id=comment_id))


def routes() -> list[Route]:
    """Returns the routes of comments."""
    return [
        route(
            "/posts/{post_id}/comments",
            GET=reads(
                list_comments,
                shapes.page(shapes.Comment),
                errors=errors.PAGE | {"forbidden"},
                query=(*parameters.PAGE, parameters.PARENT_ID, parameters.DELETED),
            ),
            POST=writes(
                create_comment,
                shapes.Comment,
                status=201,
                body=bodies.NewComment,
                errors=errors.WRITE,
            ),
        ),
        route(
            "/comments/{comment_id}",
            GET=reads(get_comment, shapes.Comment),
            PATCH=writes(
                update_comment,
                shapes.Comment,
                body=bodies.CommentPatch,
                errors=errors.WRITE,
            ),
            DELETE=writes(delete_comment, errors=errors.RANK),
        ),
        route(
            "/comments/{comment_id}/restore",
            POST=writes(restore_comment, shapes.Comment, errors=errors.RESTORE),
        ),
    ]
