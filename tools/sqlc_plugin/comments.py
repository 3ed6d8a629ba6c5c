"""Comments on functions, as docstrings of the queries that call them."""

import re
from pathlib import Path

_COMMENT = re.compile(
    r"^comment on function (api\.\w+)\([^)]*\) is\s*((?:'(?:[^']|'')*'\s*)+);", re.MULTILINE
)
_CALL = re.compile(r"(?:from|select|lateral)\s+(api\.\w+)\s*\(")
# Helpers of a statement, which are not what it is about.
_HELPERS = frozenset({"api.page"})


def read(folder: str) -> dict[str, str]:
    """Returns the comment of each function in the SQL files of a folder."""
    if not folder:
        return {}
    return {
        name: "".join(re.findall(r"'((?:[^']|'')*)'", literals)).replace("''", "'")
        for path in sorted(Path(folder).glob("*.sql"))
        for name, literals in _COMMENT.findall(path.read_text())
    }


def of_statement(comments: dict[str, str], sql: str) -> str:
    """Returns the comment of the function that a statement calls, empty without one.

    Arguments are named as in Python: `p_limit` becomes `limit`, in backquotes.
    """
    for name in _CALL.findall(sql):
        if name in comments and name not in _HELPERS:
            return re.sub(r"\bp_(\w+)", r"`\1`", comments[name])
    return ""
