"""The paths of the service: http-api.md §2 as a table. Each module here handles one aggregate."""

from starlette.routing import BaseRoute, Route

from service.http import bodies
from service.http.endpoints import acts, reads, route, takes
from service.media import uploads
from service.reference import asyncapi, docs_page
from service.routes import (
    comments,
    groups,
    invitations,
    media,
    members,
    operations,
    page,
    posts,
    reactions,
    search,
    tags,
)

GROUP = "/groups/{group_id}"
MEMBER = "/groups/{group_id}/members/{user_id}"
POST = "/posts/{post_id}"
COMMENT = "/comments/{comment_id}"


def table() -> list[BaseRoute]:
    """Every route; the first that matches is taken, so the busy ones come first."""
    every = [
        *_posts(),
        *_comments(),
        *_groups(),
        *_members(),
        *_invitations(),
        *_tags(),
        *_media(),
        route("/search", GET=reads(search.page)),
        *_others(),
    ]
    described = Route("/asyncapi.json", asyncapi.answer_document, include_in_schema=False)
    return [*every, described, *docs_page.routes(every), *page.routes()]


def _posts() -> list[Route]:
    on_post = reactions.Reactions("post")
    return [
        route(
            POST,
            GET=reads(posts.show),
            PATCH=takes(bodies.PostPatch, posts.update),
            DELETE=acts(posts.delete),
        ),
        route(
            f"{GROUP}/posts",
            GET=reads(posts.page),
            POST=takes(bodies.NewPost, posts.create),
        ),
        route(
            f"{POST}/reactions",
            GET=reads(on_post.page),
            POST=takes(bodies.NewReaction, on_post.add),
        ),
        route(f"{POST}/reactions/{{emoji}}", DELETE=acts(on_post.remove)),
        route(f"{POST}/restore", POST=acts(posts.restore)),
        route(f"{POST}/pin", PUT=acts(posts.pin), DELETE=acts(posts.unpin)),
    ]


def _comments() -> list[Route]:
    on_comment = reactions.Reactions("comment")
    return [
        route(
            f"{POST}/comments",
            GET=reads(comments.page),
            POST=takes(bodies.NewComment, comments.create),
        ),
        route(
            COMMENT,
            GET=reads(comments.show),
            PATCH=takes(bodies.CommentPatch, comments.update),
            DELETE=acts(comments.delete),
        ),
        route(f"{COMMENT}/restore", POST=acts(comments.restore)),
        route(
            f"{COMMENT}/reactions",
            GET=reads(on_comment.page),
            POST=takes(bodies.NewReaction, on_comment.add),
        ),
        route(f"{COMMENT}/reactions/{{emoji}}", DELETE=acts(on_comment.remove)),
    ]


def _groups() -> list[Route]:
    return [
        route(
            "/groups",
            GET=reads(groups.page),
            POST=takes(bodies.NewGroup, groups.create, preparation=uploads.preparation),
        ),
        route("/groups/by-slug/{slug}", GET=reads(groups.show_by_slug)),
        route(
            GROUP,
            GET=reads(groups.show),
            PATCH=takes(bodies.GroupPatch, groups.update, preparation=uploads.preparation),
            DELETE=acts(groups.delete),
        ),
        route(f"{GROUP}/restore", POST=acts(groups.restore)),
        route(f"{GROUP}/audit-log", GET=reads(groups.audit_log)),
    ]


def _members() -> list[Route]:
    return [
        route(f"{GROUP}/join", POST=acts(members.join)),
        route(f"{GROUP}/leave", POST=acts(members.leave)),
        route(f"{GROUP}/members", GET=reads(members.page)),
        route(
            MEMBER,
            GET=reads(members.show),
            PUT=takes(bodies.NewRole, members.put),
            DELETE=acts(members.remove),
        ),
        route(
            f"{MEMBER}/ban",
            PUT=takes(bodies.Ban, members.ban, optional=True),
            DELETE=acts(members.unban),
        ),
        route(
            f"{MEMBER}/mute",
            PUT=takes(bodies.Mute, members.mute),
            DELETE=acts(members.unmute),
        ),
        route(f"{GROUP}/bans", GET=reads(members.bans)),
    ]


def _invitations() -> list[Route]:
    request = f"{GROUP}/join-requests/{{user_id}}"
    return [
        route(f"{GROUP}/join-requests", GET=reads(invitations.join_requests)),
        route(f"{request}/approve", POST=acts(invitations.approve)),
        route(f"{request}/deny", POST=acts(invitations.deny)),
        route(
            f"{GROUP}/invites",
            GET=reads(invitations.page),
            POST=takes(bodies.NewInvite, invitations.create, optional=True),
        ),
        route(f"{GROUP}/invites/{{invite_id}}", DELETE=acts(invitations.revoke)),
        route("/invites/{code}/accept", POST=acts(invitations.accept)),
    ]


def _tags() -> list[Route]:
    return [route("/tags", GET=reads(tags.page), POST=takes(bodies.NewTag, tags.create))]


def _media() -> list[Route]:
    return [
        route("/uploads/presign", POST=takes(bodies.NewUpload, media.presign)),
        route(
            "/attachments",
            POST=takes(bodies.NewAttachment, media.link, preparation=uploads.preparation),
        ),
        route("/attachments/{attachment_id}", DELETE=acts(media.remove)),
    ]


def _others() -> list[Route]:
    return [
        Route("/healthz", operations.live),
        Route("/readyz", operations.ready),
        Route("/metrics", operations.metrics),
    ]
