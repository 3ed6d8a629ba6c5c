"""Request bodies: their fields and JSON types.

Lengths, limits and choices of values are rules, so they are in SQL. Every field of a PATCH is
nullable here, because the rulebook decides which may be cleared.
"""

import datetime
import uuid
from collections.abc import Callable
from typing import Annotated, Any, Final, TypeVar

import orjson
import pydantic
from pydantic import BeforeValidator, Field
from pydantic_core import ErrorDetails, PydanticCustomError

from service.http import parsing, problems


def _parsed_by(parse: Callable[[str], object]) -> Callable[[object], object]:
    def read(value: object) -> object:
        if not isinstance(value, str):
            raise PydanticCustomError("string_type", "is not a string")
        try:
            return parse(value)
        except ValueError as error:
            raise PydanticCustomError("unreadable", "{reason}", {"reason": str(error)}) from None

    return read


Text = Annotated[str, BeforeValidator(_parsed_by(parsing.check_text))]
Id = Annotated[uuid.UUID, BeforeValidator(_parsed_by(parsing.parse_uuid))]
Timestamp = Annotated[datetime.datetime, BeforeValidator(_parsed_by(parsing.parse_timestamp))]
Integer = Annotated[int, Field(ge=-(2**31), le=2**31 - 1)]


class Body(pydantic.BaseModel):
    """Body of a request, which refuses unknown fields and other types (rule 00.10)."""

    model_config = pydantic.ConfigDict(strict=True, extra="forbid")

    def patch(self) -> dict[str, Any]:
        """Returns the fields that were sent, as a merge patch."""
        return self.model_dump(exclude_unset=True)


class NoBody(Body):
    """Body of an endpoint that takes none: empty, or an empty object."""


class NewGroup(Body):
    name: Text
    visibility: Text
    slug: Text | None = None
    description: Text | None = None
    campus_id: Id | None = None
    tags: list[Text] = []
    avatar_key: Text | None = None
    cover_key: Text | None = None


class GroupPatch(Body):
    name: Text | None = None
    visibility: Text | None = None
    slug: Text | None = None
    description: Text | None = None
    campus_id: Id | None = None
    tags: list[Text] | None = None
    avatar_key: Text | None = None
    cover_key: Text | None = None
    is_locked: bool | None = None


class NewRole(Body):
    role: Text


class Ban(Body):
    reason: Text | None = None
    until: Timestamp | None = None


class Mute(Body):
    until: Timestamp


class NewInvite(Body):
    user_id: Id | None = None
    role: Text = "member"
    max_uses: Integer | None = None
    expires_at: Timestamp | None = None


class NewPost(Body):
    body: Text
    title: Text | None = None
    topic_tags: list[Text] = []


class PostPatch(Body):
    title: Text | None = None
    body: Text | None = None
    topic_tags: list[Text] | None = None


class NewComment(Body):
    body: Text
    parent_id: Id | None = None


class CommentPatch(Body):
    body: Text | None = None


class NewReaction(Body):
    emoji: Text


class NewUpload(Body):
    purpose: Text
    mime: Text
    size_bytes: Integer
    filename: Text | None = None


class NewAttachment(Body):
    key: Text
    subject_type: Text
    subject_id: Id
    width: Integer | None = None
    height: Integer | None = None


class NewTag(Body):
    tag: Text


_MESSAGES: Final = {
    "missing": "is required",
    "extra_forbidden": "is not known",
    "model_type": "is not an object",
    "bool_type": "is not a boolean",
    "list_type": "is not a list",
    "int_type": "is not a whole number",
    "greater_than_equal": "is too small",
    "less_than_equal": "is too large",
}


B = TypeVar("B", bound=Body)


def parse(model: type[B], raw: bytes, *, optional: bool) -> B:
    """Returns the parsed body. Raises Problem unless it is a JSON object that fits the model."""
    if not raw and not optional:
        raise problems.Problem("invalid_json", "The body is missing.")
    try:
        return model.model_validate(orjson.loads(raw or b"{}"))
    except orjson.JSONDecodeError:
        raise problems.Problem("invalid_json") from None
    except pydantic.ValidationError as error:
        found = error.errors(include_url=False, include_context=False, include_input=False)
        raise problems.invalid_fields([_field_error(each) for each in found]) from None


def _field_error(error: ErrorDetails) -> problems.FieldError:
    """Returns an error of pydantic with a message as in the rulebook."""
    field = str(error["loc"][0]) if error["loc"] else "body"
    return {"field": field, "message": _MESSAGES.get(error["type"], error["msg"])}
