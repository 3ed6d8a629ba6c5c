"""Comments on functions, as docstrings of the queries that call them."""

import re
from collections.abc import Mapping
from pathlib import Path

_COMMENT = re.compile(
    r"^comment on function (api\.\w+)\([^)]*\) is\s*((?:'(?:[^']|'')*'\s*)+);", re.MULTILINE
)
_CALLS = (re.compile(r"\bfrom\s+(api\.\w+)\s*\("), re.compile(r"\bselect\s+(api\.\w+)\s*\("))
_ARGUMENT = re.compile(r"\bp_(\w+)")


def read(folder: str) -> dict[str, str]:
    """Returns the comment of each function in the SQL files of a folder."""
    if not folder:
        return {}
    return {
        name: "".join(re.findall(r"'((?:[^']|'')*)'", literals)).replace("''", "'")
        for path in sorted(Path(folder).glob("*.sql"))
        for name, literals in _COMMENT.findall(path.read_text())
    }


def called(sql: str) -> str:
    """Returns the name of the function that a statement is about, empty without one.

    It is the one that the statement reads from, else the one that it selects.
    """
    calls = (pattern.search(sql) for pattern in _CALLS)
    return next((call[1] for call in calls if call), "")


def of_statement(comments: Mapping[str, str], sql: str, arguments: Mapping[str, str]) -> str:
    """Returns the comment of the function that a statement is about, empty without one.

    `arguments` maps the statement's parameters to their Python names: `p_limit` becomes `limit`,
    in backquotes. A sentence about another argument is left out, unless it is the first.
    """
    first, *more = re.split(r"(?<=\.) ", comments.get(called(sql), ""))
    more = [text for text in more if arguments.keys() >= set(_ARGUMENT.findall(text))]
    return _ARGUMENT.sub(
        lambda found: f"`{arguments.get(found[1], found[1])}`", " ".join([first, *more])
    )
