"""Shapes for the OpenAPI document that PostgreSQL's catalogue does not describe.

These are the contents of JSON columns and the values of columns with a CHECK. They validate
nothing; a test compares them with the database and with real answers.
"""

import datetime
import functools
import re
import typing
import uuid
from collections.abc import Iterable
from typing import Any, Final, Literal

import orjson
import pydantic
from pydantic.json_schema import models_json_schema

from gen.jobs import models

# Citations of rules in comments of the catalogue. Readers of the documents do not have the rules.
_CITATION: Final = re.compile(
    r" \(rules? \d[^)]*\)| Implements rules? \d\d\.\d+(?:(?:, | and )\d\d\.\d+)*\."
)

Role = Literal["owner", "admin", "moderator", "member"]


class ReactionCount(pydantic.BaseModel):
    """Number of reactions with an emoji. `reacted` is true if one is the viewer's."""

    emoji: str
    count: int
    reacted: bool


class Upload(pydantic.BaseModel):
    """Presigned URL of an upload, and the headers that its PUT requires."""

    key: str
    url: str
    method: Literal["PUT"]
    headers: dict[str, str]
    expires_at: datetime.datetime


class FieldError(pydantic.BaseModel):
    """Error in one field of a request."""

    field: str
    message: str


class Problem(pydantic.BaseModel):
    """Error (RFC 9457). `code` is stable. `errors` is present if `code` is `validation_failed`."""

    type: str
    title: str
    status: int
    code: str
    detail: str
    request_id: str
    errors: list[FieldError] = []


# Names in /readyz.
STORES: Final = ("postgres", "redis", "s3", "opensearch")
READY_EXAMPLE: Final = orjson.dumps({"status": "ok", **dict.fromkeys(STORES, "ok")}).decode()


class Health(pydantic.BaseModel):
    """State of the process. /readyz adds the state of each store."""

    model_config = pydantic.ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, Literal["ok", "error"]]
    status: Literal["ok", "error", "draining"]


def refined(model: type[pydantic.BaseModel]) -> type[pydantic.BaseModel]:
    """Returns the model with its public name and all known constraints of its fields."""
    return _refined(model.__name__.removeprefix("Api"), model)


@functools.cache
def page(
    shape: type[pydantic.BaseModel], *, summary: type[pydantic.BaseModel] | None = None
) -> type[pydantic.BaseModel]:
    """Returns the model of a page of a shape. A `summary` adds a list of another shape."""
    fields: dict[str, Any] = {"items": list[shape], "next_cursor": str | None}  # type: ignore[valid-type]
    if summary is not None:
        fields["summary"] = list[summary]  # type: ignore[valid-type]
    return pydantic.create_model(f"{shape.__name__}Page", **fields)


def schemas(
    sent: Iterable[type[pydantic.BaseModel]], received: Iterable[type[pydantic.BaseModel]] = ()
) -> dict[str, Any]:
    """Returns the JSON schemas of responses, events and requests, by name."""
    _, combined = models_json_schema(
        [
            *((each, "serialization") for each in dict.fromkeys(sent)),
            *((each, "validation") for each in dict.fromkeys(received)),
        ],
        ref_template="#/components/schemas/{model}",
    )
    tidied: dict[str, Any] = _tidy(combined["$defs"])
    return tidied


def plain(text: str) -> str:
    """Returns the text without citations of rules, and with arguments as HTTP names them."""
    return re.sub(r"\bp_(\w+)", r"`\1`", _CITATION.sub("", text))


def field_type(owner: str, name: str, declared: Any) -> Any:
    """Returns the type of a field or query parameter: the known one, else the declared one."""
    if f"{owner}.{name}" in _FIELDS:
        return _FIELDS[f"{owner}.{name}"]
    if name not in _FIELDS:
        return declared
    is_nullable = type(None) in typing.get_args(declared)
    return _FIELDS[name] | None if is_nullable else _FIELDS[name]


def _tidy(schema: Any) -> Any:
    """Returns a schema without titles that repeat a name, and without null defaults."""
    if isinstance(schema, list):
        return [_tidy(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        key: plain(value) if key == "description" and isinstance(value, str) else _tidy(value)
        for key, value in schema.items()
        if not (key == "title" and isinstance(value, str))
        and not (key == "default" and value is None)
    }


@functools.cache
def _refined(name: str, model: type[pydantic.BaseModel]) -> type[pydantic.BaseModel]:
    fields: dict[str, Any] = {
        field: (field_type(name, field, info.annotation), info.default)
        for field, info in model.model_fields.items()
        if field in _FIELDS or f"{name}.{field}" in _FIELDS
    }
    return pydantic.create_model(name, __base__=model, __doc__=model.__doc__, **fields)


# By field, which keeps its nullability, or by shape and field.
_FIELDS: Final[dict[str, Any]] = {
    "role": Role,
    "visibility": Literal["public", "private", "secret"],
    "purpose": Literal["post", "comment", "avatar", "cover"],
    "JoinRequest.status": Literal["pending", "approved", "denied"],
    "Media.subject_type": Literal["post", "comment", "group"],
    "NewAttachment.subject_type": Literal["post", "comment", "group"],
    "Reaction.subject_type": Literal["post", "comment"],
    "AuditEntry.before": dict[str, Any] | None,
    "AuditEntry.after": dict[str, Any] | None,
    # Null in a tombstone.
    "Comment.author_id": uuid.UUID | None,
    "Media.url": str,
    "query.type": Literal["post", "comment", "group"],
    "reactions": list[ReactionCount],
}
Media: Final = refined(models.ApiMedia)
# Defined after the refined model of media, which it needs.
_FIELDS["media"] = list[Media]  # type: ignore[valid-type]

AuditEntry: Final = refined(models.ApiAuditEntry)
Comment: Final = refined(models.ApiComment)
Group: Final = refined(models.ApiGroup)
Invite: Final = refined(models.ApiInvite)
JoinRequest: Final = refined(models.ApiJoinRequest)
Member: Final = refined(models.ApiMember)
Post: Final = refined(models.ApiPost)
Reaction: Final = refined(models.ApiReaction)
Tag: Final = refined(models.ApiTag)


class Hit(pydantic.BaseModel):
    """Search hit. The field that `type` names contains the resource, as GET returns it."""

    type: Literal["post", "comment", "group"]
    score: float
    # By field: HTML in which <em> marks each match.
    highlights: dict[str, list[str]]
    post: Post | None = None  # type: ignore[valid-type]
    comment: Comment | None = None  # type: ignore[valid-type]
    group: Group | None = None  # type: ignore[valid-type]


class Search(pydantic.BaseModel):
    """Page of search hits, best match first."""

    items: list[Hit]
    next_cursor: str | None
