"""Python names for SQL names."""

import builtins
import collections
import keyword
import re
from collections.abc import Iterable, Set

# Names that generated code uses: types, modules, and methods of pydantic's BaseModel.
WORDS = """
bool bytes dict float int isinstance list str
collections datetime models psycopg pydantic typing uuid
construct copy from_orm json model_config parse_obj schema validate
"""
TAKEN = frozenset(WORDS.split())
TAKEN_BY_LOCALS = TAKEN | {"bound", "cur", "row", "scalar", "self"} | set(dir(builtins))

# English plurals: the first match wins.
PLURALS = [
    (re.compile(pattern), replacement)
    for pattern, replacement in [
        (r"(status|series|ss)$", r"\1"),
        (r"(status|ss|x|ch|sh)es$", r"\1"),
        (r"([^aeiouy])ies$", r"\1y"),
        (r"s$", ""),
    ]
]


def identifier(name: str, taken: Set[str] = TAKEN) -> str:
    """Returns a name as a Python identifier that is not taken."""
    return identifiers([name], taken)[0]


def identifiers(names: Iterable[str], taken: Set[str] = TAKEN) -> list[str]:
    """Returns each name as a Python identifier. Appends _2, _3 and so on to repeated names."""
    seen: collections.Counter[str] = collections.Counter()
    result = []
    for name in names:
        name = re.sub(r"\W", "_", name).lstrip("_") or "unnamed"
        name = f"n{name}" if name[0].isdigit() else name
        seen[name] += 1
        name = name if seen[name] == 1 else f"{name}_{seen[name]}"
        result.append(f"{name}_" if keyword.iskeyword(name) or name in taken else name)
    return result


def snake_case(name: str) -> str:
    """Returns `PostGet` as `post_get`."""
    name = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", name).lower()


def pascal_case(name: str) -> str:
    """Returns `api_post` as `ApiPost`."""
    return "".join(part[:1].upper() + part[1:] for part in re.split(r"\W|_", name))


def singular(name: str) -> str:
    """Returns the singular of an English plural."""
    for pattern, replacement in PLURALS:
        if pattern.search(name):
            return pattern.sub(replacement, name)
    return name
