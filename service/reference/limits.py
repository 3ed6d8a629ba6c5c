"""Limits of request fields, as the API document states them.

The rulebook enforces the limits; a test proves that both agree at each boundary. Lengths count code
points after the rulebook has trimmed and normalised a text.
"""

from typing import Any, Final

Json = dict[str, Any]

_NOT_BLANK: Final = r"\S"


def _text(minimum: int, maximum: int) -> Json:
    limits: Json = {"maxLength": maximum}
    if minimum:
        limits |= {"minLength": minimum, "pattern": _NOT_BLANK}
    return limits


_TAGS: Final = {"maxItems": 10, "items": _text(1, 50)}
# By field, or by body and field.
_FIELDS: Final[dict[str, Json]] = {
    "name": _text(3, 80),
    "slug": {"pattern": "^[a-z0-9-]{3,80}$"},
    "description": _text(0, 2000),
    "tags": _TAGS,
    "title": _text(0, 140),
    "topic_tags": _TAGS,
    "NewPost.body": _text(1, 40_000),
    "PostPatch.body": _text(1, 40_000),
    "NewComment.body": _text(1, 10_000),
    "CommentPatch.body": _text(1, 10_000),
    "reason": _text(0, 1000),
    "max_uses": {"minimum": 1},
    "emoji": {"minLength": 1, "maxLength": 16, "pattern": r"^\S+$"},
    "filename": _text(0, 255),
    "size_bytes": {"minimum": 1, "maximum": 104_857_600},
    "width": {"minimum": 1},
    "height": {"minimum": 1},
    "tag": _text(1, 50),
}
# Fields that a merge patch may not clear.
_REQUIRED: Final = frozenset(
    {
        "GroupPatch.name",
        "GroupPatch.slug",
        "GroupPatch.visibility",
        "GroupPatch.tags",
        "GroupPatch.is_locked",
        "PostPatch.body",
        "PostPatch.topic_tags",
        "CommentPatch.body",
    }
)


def add_to(schema: Json, body: str) -> None:
    """Adds the limits of its fields to the schema of a request body."""
    for field, described in schema["properties"].items():
        key = f"{body}.{field}"
        if key in _REQUIRED:
            _remove_null(described)
        limits = _FIELDS.get(key) or _FIELDS.get(field)
        if limits is not None:
            value = described["anyOf"][0] if "anyOf" in described else described
            for name, limit in limits.items():
                value[name] = {**value[name], **limit} if name == "items" else limit


def _remove_null(described: Json) -> None:
    [value] = [each for each in described.pop("anyOf") if each != {"type": "null"}]
    described |= value
