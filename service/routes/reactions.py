"""Reactions to posts and comments."""

from starlette.routing import Route

from gen.http import reactions
from service.http import answers, bodies, errors, parameters, request
from service.http.endpoints import reads, route, writes
from service.reference import shapes


class Reactions:
    """Handlers for one type of subject, whose id is in the path as `<type>_id`."""

    def __init__(self, subject_type: str) -> None:
        self._subject_type = subject_type
        self._parameter = f"{subject_type}_id"

    async def add(self, call: request.Call, body: bodies.NewReaction) -> answers.Answer:
        """Adds a reaction of the caller. The caller must be a member; a muted one may react."""
        subject_id = call.id(self._parameter)
        querier = reactions.AsyncQuerier(await call.connect())
        reaction = await querier.reaction_add(
            actor=call.actor,
            subject_type=self._subject_type,
            subject_id=subject_id,
            emoji=body.emoji,
        )
        return answers.created("reaction", reaction)

    async def remove(self, call: request.Call) -> answers.Answer:
        """Removes a reaction of the caller."""
        subject_id, emoji = call.id(self._parameter), call.emoji()
        querier = reactions.AsyncQuerier(await call.connect())
        await querier.reaction_remove(
            actor=call.actor,
            subject_type=self._subject_type,
            subject_id=subject_id,
            emoji=emoji,
        )
        return answers.NO_CONTENT

    async def list(self, call: request.Call) -> answers.Answer:
        """Lists the reactions to a post or comment, oldest first, and counts them by emoji."""
        subject_id, page, emoji = call.id(self._parameter), call.page(), call.text("emoji")
        querier = reactions.AsyncQuerier(await call.connect())
        return answers.ok(
            await querier.reaction_list(
                actor=call.actor,
                subject_type=self._subject_type,
                subject_id=subject_id,
                emoji=emoji,
                **page,
            )
        )


def routes(subject: str) -> list[Route]:
    """Returns the routes of the reactions to posts or to comments."""
    path = f"/{subject}s/{{{subject}_id}}/reactions"
    handlers = Reactions(subject)
    return [
        route(
            path,
            GET=reads(
                handlers.list,
                shapes.page(shapes.Reaction, summary=shapes.ReactionCount),
                name=f"list_{subject}_reactions",
                errors=errors.PAGE,
                query=(*parameters.PAGE, parameters.EMOJI),
            ),
            POST=writes(
                handlers.add,
                shapes.Reaction,
                name=f"add_{subject}_reaction",
                status=201,
                body=bodies.NewReaction,
                errors=errors.RANK | {"duplicate_reaction", "too_many_emoji"},
            ),
        ),
        route(
            f"{path}/{{emoji}}",
            DELETE=writes(
                handlers.remove,
                name=f"remove_{subject}_reaction",
                errors={"forbidden", "validation_failed"},
            ),
        ),
    ]
