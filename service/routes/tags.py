"""Topic tags."""

from starlette.routing import Route

from gen.http import tags
from service.http import answers, bodies, errors, parameters, request
from service.http.endpoints import reads, route, writes
from service.reference import shapes


async def create_tag(call: request.Call, body: bodies.NewTag) -> answers.Answer:
    """Creates a topic tag."""
    querier = tags.AsyncQuerier(await call.connect())
    return answers.created("tag", await querier.tag_create(actor=call.actor, tag=body.tag))


async def list_tags(call: request.Call) -> answers.Answer:
    """Lists topic tags, oldest first."""
    page, q = call.page(), call.text("q")
    querier = tags.AsyncQuerier(await call.connect())
    return answers.ok(await querier.tag_list(actor=call.actor, q=q, **page))


def routes() -> list[Route]:
    """Returns the routes of topic tags."""
    return [
        route(
            "/tags",
            GET=reads(
                list_tags,
                shapes.page(shapes.Tag),
                errors=errors.PAGE,
                query=(*parameters.PAGE, parameters.TAG_PREFIX),
            ),
            POST=writes(
                create_tag, shapes.Tag, status=201, body=bodies.NewTag, errors={"duplicate_tag"}
            ),
        ),
    ]
