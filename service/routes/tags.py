"""Topic tags."""

from gen import tags
from service.http import answers, bodies, request


async def create(call: request.Call, body: bodies.NewTag) -> answers.Answer:
    querier = tags.AsyncQuerier(await call.connect())
    return answers.created("tag", await querier.tag_create_json(actor=call.actor, tag=body.tag))


async def page(call: request.Call) -> answers.Answer:
    asked, q = call.page(), call.text("q")
    querier = tags.AsyncQuerier(await call.connect())
    return answers.ok(await querier.tag_page_json(actor=call.actor, q=q, **asked))
