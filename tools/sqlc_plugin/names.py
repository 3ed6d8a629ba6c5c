"""SQL names as Python names: the rules of sqlc-gen-python, and what Python would trip over."""

import builtins
import collections
import keyword
import re
from collections.abc import Iterable, Set

# What generated code itself says: types, modules, methods of pydantic's BaseModel; local variables.
WORDS = """
bool bytes dict float int isinstance list str
collections dataclasses datetime decimal enum ipaddress models psycopg pydantic typing uuid
construct copy from_orm json model_config parse_obj schema validate
"""
TAKEN = frozenset(WORDS.split())
TAKEN_BY_LOCALS = TAKEN | {"bound", "cur", "row", "scalar", "self"} | set(dir(builtins))

# English plurals, the first match wins: near enough to sqlc-gen-python for the same class names.
PLURALS = [
    (re.compile(pattern, re.IGNORECASE), replacement)
    for pattern, replacement in [
        (r"(bus|campus|status|alias|virus|news|series|species|meta|ss|(analy|ba|cri)sis)$", r"\1"),
        (r"(bus|campus|status|alias|virus|ss|x|ch|sh|o)es$", r"\1"),
        (r"(analy|ba|cri|diagno|the)ses$", r"\1sis"),
        (r"(movie|cookie|hive|move|[st]ive)s$", r"\1"),
        (r"(^|_)people$", r"\1person"),
        (r"(child)ren$", r"\1"),
        (r"(^|_|wo)men$", r"\1man"),
        (r"(vert|ind)ices$", r"\1ex"),
        (r"(matr)ices$", r"\1ix"),
        (r"(quiz)zes$", r"\1"),
        (r"([^aeiouy]|qu)ies$", r"\1y"),
        (r"([lr])ves$", r"\1f"),
        (r"([^f])ves$", r"\1fe"),
        (r"([ti])a$", r"\1um"),
        (r"s$", ""),
    ]
]


def identifier(name: str, taken: Set[str] = TAKEN) -> str:
    return identifiers([name], taken)[0]


def identifiers(names: Iterable[str], taken: Set[str] = TAKEN) -> list[str]:
    """Each name as a Python one; a repeated one is numbered, from _2."""
    seen: collections.Counter[str] = collections.Counter()
    result = []
    for name in names:
        name = re.sub(r"\W", "_", name).lstrip("_") or "unnamed"
        name = f"n{name}" if name[0].isdigit() else name
        seen[name] += 1
        name = name if seen[name] == 1 else f"{name}_{seen[name]}"
        result.append(f"{name}_" if keyword.iskeyword(name) or name in taken else name)
    return result


def enum_members(values: Iterable[str]) -> list[str]:
    """`not-ok` is NOT_OK, `1st` is VALUE_1ST."""
    members = [re.sub(r"\W", "", re.sub(r"[-:/]", "_", value)).upper() for value in values]
    return identifiers(
        (member if member[:1].isalpha() else f"VALUE_{member}" for member in members), frozenset()
    )


def snake_case(name: str) -> str:
    name = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", name).lower()


def pascal_case(name: str) -> str:
    return "".join(part[:1].upper() + part[1:] for part in re.split(r"\W|_", name))


def singular(name: str) -> str:
    for pattern, replacement in PLURALS:
        if pattern.search(name):
            return pattern.sub(replacement, name)
    return name
