"""Registry of error codes, as the rulebook defines it."""

import functools
import re
from pathlib import Path
from typing import Final

_REGISTRY: Final = Path(__file__).parents[2] / "db" / "functions" / "01_errors.sql"
_ROW: Final = re.compile(r"select\s+'(\w+)'(?: as code)?, (\d+)(?: as status)?,\s+'(.*)'")


@functools.cache
def registry() -> dict[str, tuple[int, str]]:
    """Returns the HTTP status and title of every error code."""
    rows = _ROW.findall(_REGISTRY.read_text())
    return {code: (int(status), title.replace("''", "'")) for code, status, title in rows}
