"""Topic tags."""

from gen import tags
from service import bodies, calls


async def create(call: calls.Call, body: bodies.NewTag) -> calls.Answer:
    querier = tags.AsyncQuerier(await call.connect())
    return calls.created("tag", await querier.tag_create_json(actor=call.actor, tag=body.tag))


async def page(call: calls.Call) -> calls.Answer:
    asked, q = call.page(), call.text("q")
    querier = tags.AsyncQuerier(await call.connect())
    return calls.ok(await querier.tag_page_json(actor=call.actor, q=q, **asked))
