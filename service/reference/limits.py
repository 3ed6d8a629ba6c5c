"""Limits of request fields, for the API document.

The rulebook enforces the limits; a test proves that both agree at each boundary. Lengths count code
points after the rulebook has trimmed and normalised a text.
"""

from typing import Any, Final

Json = dict[str, Any]

_NUL: Final = r"\u0000"
_BIDI: Final = r"\u202a-\u202e\u2066-\u2069"
_CONTROL: Final = r"\u0000-\u001f\u007f-\u009f"
# Invisible characters of the Basic Multilingual Plane.
_INVISIBLE: Final = (
    _CONTROL
    + r"\u0020\u00a0\u00ad\u034f\u061c\u115f\u1160\u1680\u17b4\u17b5\u180b-\u180f\u2000-\u200f"
    + r"\u2028-\u202f\u205f-\u206f\u2800\u3000\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb"
)


def _text(minimum: int, maximum: int, refused: str = _NUL) -> Json:
    """Returns the limits of a text without the refused characters.

    A text with a minimum length has at least one visible character.
    """
    if not minimum:
        return {"maxLength": maximum, "pattern": f"^[^{refused}]*$"}
    return {
        "minLength": minimum,
        "maxLength": maximum,
        "pattern": f"^[^{refused}]*[^{_INVISIBLE}][^{refused}]*$",
    }


_TAG: Final = _text(1, 50, _NUL + _BIDI)
_TAGS: Final = {"maxItems": 10, "items": _TAG}
# By field, or by body and field.
_FIELDS: Final[dict[str, Json]] = {
    "name": _text(3, 80, _NUL + _BIDI),
    "slug": {"pattern": "^[a-z0-9-]{3,80}$"},
    "description": _text(0, 2000),
    "tags": _TAGS,
    "title": _text(0, 140, _NUL + _BIDI),
    "topic_tags": _TAGS,
    "NewPost.body": _text(1, 40_000),
    "PostPatch.body": _text(1, 40_000),
    "NewComment.body": _text(1, 10_000),
    "CommentPatch.body": _text(1, 10_000),
    "reason": _text(0, 1000),
    "max_uses": {"minimum": 1},
    "emoji": _text(1, 16, _CONTROL + _BIDI + r"\s\u2028\u2029"),
    "filename": _text(0, 255),
    "size_bytes": {"minimum": 1, "maximum": 104_857_600},
    "width": {"minimum": 1},
    "height": {"minimum": 1},
    "tag": _TAG,
}
# Fields that a merge patch may not clear.
_NOT_NULL: Final = frozenset(
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
        if key in _NOT_NULL:
            _remove_null(described)
        limits = _FIELDS.get(key) or _FIELDS.get(field)
        if limits is not None:
            value = described["anyOf"][0] if "anyOf" in described else described
            for name, limit in limits.items():
                value[name] = {**value[name], **limit} if name == "items" else limit


def _remove_null(described: Json) -> None:
    [value] = [each for each in described.pop("anyOf") if each != {"type": "null"}]
    described |= value
