"""Parsers of single values, which are stricter than PostgreSQL."""

import datetime
import re
import urllib.parse
import uuid
from typing import Final

_UUID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE | re.ASCII)
_TIMESTAMP: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]+)?"
    r"(?:[Zz]|[+-][0-9]{2}:[0-9]{2})"
)
_INTEGER: Final = re.compile(r"-?[0-9]+")
# Larger than any limit that a rule allows, smaller than what an int4 holds.
_LARGE: Final = 10**9


def parse_uuid(text: str) -> uuid.UUID:
    """Parses an id in its canonical form, in either case. Raises ValueError (rule 00.11)."""
    if not _UUID.fullmatch(text):
        raise ValueError("is not a UUID")
    return uuid.UUID(text)


def parse_timestamp(text: str) -> datetime.datetime:
    """Parses a time of RFC 3339 with an offset, into UTC. Raises ValueError (rule 00.23)."""
    if not _TIMESTAMP.fullmatch(text):
        raise ValueError("is not a time of RFC 3339 with an offset")
    try:
        return datetime.datetime.fromisoformat(text.upper()).astimezone(datetime.UTC)
    except (ValueError, OverflowError):
        raise ValueError("is not a time that exists") from None


def parse_integer(text: str) -> int:
    """Parses a whole number, and clamps one beyond every limit. Raises ValueError."""
    if not _INTEGER.fullmatch(text):
        raise ValueError("is not a whole number")
    if len(text) > len(str(_LARGE)):
        return -_LARGE if text.startswith("-") else _LARGE
    return max(-_LARGE, min(int(text), _LARGE))


def parse_flag(text: str) -> bool:
    """Parses `true` or `false`. Raises ValueError."""
    if text not in ("true", "false"):
        raise ValueError("is neither true nor false")
    return text == "true"


def check_text(text: str) -> str:
    """Returns the text if PostgreSQL can store it. Raises ValueError (rule 00.22)."""
    if "\0" in text:
        raise ValueError("has a NUL character")
    return text


def decode_segment(segment: str) -> str:
    """Decodes a percent-encoded segment of a path. Raises ValueError (rule 00.18)."""
    return check_text(urllib.parse.unquote_to_bytes(segment.encode("latin-1")).decode())


def normal_path(raw: bytes) -> str:
    """Returns the path for the router, with each segment percent-encoded in one way.

    An encoded slash stays inside its segment, and %67roups becomes groups (rule 00.18).
    """
    path = raw.decode("latin-1")
    if "%" not in path:
        return path
    return "/".join(
        urllib.parse.quote_from_bytes(
            urllib.parse.unquote_to_bytes(segment.encode("latin-1"))
        ).replace("/", "%2F")
        for segment in path.split("/")
    )
