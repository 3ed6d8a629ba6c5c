"""Examples of all schemas, built from one value for each name of a field."""

import base64
from typing import Any, Final

_ID: Final = "01935f3e-7c4b-7a10-9d2e-5b8f0c1a2d3e"
_TIME: Final = "2026-11-23T09:30:00.123456+00:00"
_BY_FORMAT: Final = {"uuid": _ID, "date-time": _TIME}
_BY_TYPE: Final[dict[str, Any]] = {
    "integer": 1,
    "number": 1.0,
    "boolean": False,
    "object": {},
    "string": "text",
}
# A nullable field without a value here is null.
_BY_NAME: Final[dict[str, Any]] = {
    "action": "group.updated",
    "actor_id": _ID,
    "AuditEntry.subject_type": "group",
    "after": {"name": "Chess club"},
    "before": {"name": "Chess"},
    "body": "Who plays on Friday?",
    "Comment.author_id": _ID,
    "code": "kT4vXw9pLq2ZsB7nRm1cYdHf",
    "description": "We meet on Fridays.",
    "detail": "Invalid request. Correct the fields listed in errors.",
    "emoji": "♟️",
    "event_id": "1207-0",
    "Credentials.last_event_id": "1206-0",
    "Credentials.token": "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.…",
    "ConnectError.message": "not_found",
    "expires_at": "2030-01-01T00:00:00Z",
    "field": "name",
    "filename": "board.png",
    "GroupPatch.is_locked": False,
    "headers": {"Content-Type": "image/png"},
    "key": "post/01935f3e/board.png",
    "max_uses": 10,
    "message": "is required",
    "mime": "image/png",
    "Mute.until": "2030-01-01T00:00:00Z",
    "name": "Chess club",
    "next_cursor": base64.urlsafe_b64encode(f"{_TIME.replace('+00:00', 'Z')}|{_ID}".encode())
    .decode()
    .rstrip("="),
    "reason": "Spam",
    "request_id": _ID,
    "role": "member",
    "size_bytes": 48_213,
    "slug": "chess-club",
    "Problem.status": 400,
    "Problem.code": "validation_failed",
    "Problem.title": "Bad Request",
    "Problem.type": "about:blank",
    "tag": "chess",
    "tags": ["chess"],
    "title": "Friday",
    "topic_tags": ["chess"],
    "visibility": "public",
    "url": "https://media.example/post/01935f3e/board.png?X-Amz-Signature=…",
}


def add_to(schemas: dict[str, Any]) -> None:
    """Adds an example to each schema."""
    for name, schema in schemas.items():
        schema["examples"] = [_example(schema, schemas, name)]


def _example(schema: dict[str, Any], schemas: dict[str, Any], owner: str, name: str = "") -> Any:
    if "$ref" in schema:
        referred = schema["$ref"].rpartition("/")[2]
        return _example(schemas[referred], schemas, referred)
    if "properties" in schema:
        return {
            key: _example(value, schemas, owner, key) for key, value in schema["properties"].items()
        }
    if "const" in schema:
        return schema["const"]
    if schema.get("type") == "null":
        return None
    for key in (f"{owner}.{name}", name):
        if key in _BY_NAME:
            return _BY_NAME[key]
    if "anyOf" in schema:
        # Null if that is allowed, else the first alternative.
        if {"type": "null"} in schema["anyOf"]:
            return None
        return _example(schema["anyOf"][0], schemas, owner, name)
    if "enum" in schema:
        return schema.get("default", schema["enum"][0])
    if schema["type"] == "array":
        return [_example(schema["items"], schemas, owner, name)]
    if "format" in schema:
        return _BY_FORMAT[schema["format"]]
    return _BY_TYPE[schema["type"]]
