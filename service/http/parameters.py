"""Query parameters, for the route tables and the API document."""

from dataclasses import dataclass, field
from typing import Any, Final

DEFAULT_LIMIT: Final = 20
MAX_LIMIT: Final = 100
_PAGE_CURSOR: Final = {
    "type": "string",
    "minLength": 86,
    "maxLength": 92,
    "pattern": "^[A-Za-z0-9_-]+$",
    "format": "base64url",
}
_SEARCH_CURSOR: Final = {**_PAGE_CURSOR, "minLength": 4, "maxLength": 60}


@dataclass(frozen=True, slots=True)
class Parameter:
    """Query parameter. `schema` is JSON Schema; `description` is a sentence."""

    name: str
    description: str
    schema: dict[str, Any] = field(default_factory=lambda: {"type": "string"})
    required: bool = False


def _id(name: str, description: str) -> Parameter:
    return Parameter(name, description, {"type": "string", "format": "uuid"})


def _flag(name: str, description: str) -> Parameter:
    return Parameter(name, description, {"type": "boolean"})


def _choice(name: str, description: str, *values: str) -> Parameter:
    return Parameter(name, description, {"type": "string", "enum": list(values)})


LIMIT: Final = Parameter(
    "limit",
    "Maximum number of items.",
    {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT},
)
PAGE: Final = (
    LIMIT,
    # One object of at most one property, since a page lies before a cursor or after one.
    Parameter(
        "position",
        "Position of the page: `before` a cursor returns strictly older items, `after` a cursor "
        "strictly newer ones.",
        {
            "type": "object",
            "properties": {"before": _PAGE_CURSOR, "after": _PAGE_CURSOR},
            "maxProperties": 1,
            "additionalProperties": False,
            "examples": [{}],
        },
    ),
)
TAG: Final = Parameter("tag", "Returns only items that have this tag.")
DELETED: Final = _flag("deleted", "Returns only deleted items, which moderators may see.")
PARENT_ID: Final = _id("parent_id", "Returns only direct replies to this comment.")
EMOJI: Final = Parameter("emoji", "Returns only reactions with this emoji.")
ROLE: Final = _choice(
    "role", "Returns only members with this role.", "owner", "admin", "moderator", "member"
)
TAG_PREFIX: Final = Parameter("q", "Prefix of the tags to return, in any case.")
POST_FILTERS: Final = (
    TAG,
    _id("author_id", "Returns only posts of this author."),
    _flag("pinned", "Returns only pinned posts; with `false`, only posts that are not pinned."),
    DELETED,
)
GROUP_FILTERS: Final = (
    _id("campus_id", "Returns only groups of this campus."),
    TAG,
    _choice(
        "visibility",
        "Returns only groups with this visibility.",
        "public",
        "private",
        "secret",
    ),
    _flag("mine", "Returns only the caller's own groups."),
)
SEARCH: Final = (
    Parameter(
        "q",
        "Words to search for.",
        {"type": "string", "minLength": 1, "maxLength": 200, "pattern": r"\S"},
        required=True,
    ),
    _choice("type", "Returns only items of this type.", "post", "comment", "group"),
    _id("group_id", "Returns only items in this group."),
    TAG,
    LIMIT,
    Parameter("cursor", "The `next_cursor` of the previous page.", _SEARCH_CURSOR),
)
