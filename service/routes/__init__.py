"""Routes of the service. Each module holds the handlers and the route table of one aggregate."""

from starlette.routing import BaseRoute, Route

from service.reference import asyncapi, docs_page
from service.routes import (
    attachments,
    comments,
    groups,
    invitations,
    members,
    monitoring,
    posts,
    reactions,
    searches,
    tags,
    web_page,
)


def table() -> list[BaseRoute]:
    """Returns every route. The router takes the first match, so the busiest come first."""
    documented = [
        *posts.routes(),
        *reactions.routes("post"),
        *comments.routes(),
        *reactions.routes("comment"),
        *groups.routes(),
        *members.routes(),
        *invitations.routes(),
        *tags.routes(),
        *attachments.routes(),
        *searches.routes(),
        *monitoring.routes(),
    ]
    return [
        *documented,
        Route("/asyncapi.json", asyncapi.answer_document, include_in_schema=False),
        *docs_page.routes(documented),
        *web_page.routes(),
    ]
