"""Reactions to a post or a comment: the same handlers, made for each."""

from gen import reactions
from service.http import answers, bodies, request


class Reactions:
    """The handlers for one type of subject, whose id is in the path as `<type>_id`."""

    def __init__(self, subject_type: str) -> None:
        self._subject_type = subject_type
        self._parameter = f"{subject_type}_id"

    async def add(self, call: request.Call, body: bodies.NewReaction) -> answers.Answer:
        subject_id = call.id(self._parameter)
        querier = reactions.AsyncQuerier(await call.connect())
        reaction = await querier.reaction_add_json(
            actor=call.actor,
            subject_type=self._subject_type,
            subject_id=subject_id,
            emoji=body.emoji,
        )
        return answers.created("reaction", reaction)

    async def remove(self, call: request.Call) -> answers.Answer:
        subject_id, emoji = call.id(self._parameter), call.emoji()
        querier = reactions.AsyncQuerier(await call.connect())
        await querier.reaction_remove(
            actor=call.actor,
            subject_type=self._subject_type,
            subject_id=subject_id,
            emoji=emoji,
        )
        return answers.NO_CONTENT

    async def page(self, call: request.Call) -> answers.Answer:
        subject_id, asked, emoji = call.id(self._parameter), call.page(), call.text("emoji")
        querier = reactions.AsyncQuerier(await call.connect())
        return answers.ok(
            await querier.reaction_page_json(
                actor=call.actor,
                subject_type=self._subject_type,
                subject_id=subject_id,
                emoji=emoji,
                **asked,
            )
        )
