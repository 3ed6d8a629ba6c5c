"""Reference of the SQL functions in docs/sql.

Titles, the order of functions and examples are written by hand. Between the heading of a function
and its example, `make docs` writes its signature, comment, grants and rules.
"""

import re
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from development import databases, testing
from tools.failure import Failure
from tools.paths import ROOT

FOLDER: Final = ROOT / "docs" / "sql"
INDEX: Final = "README.md"
COOKBOOK: Final = "cookbook.md"
RULES: Final = ROOT / "docs" / "rules"
WIDTH: Final = 100

# The functions that a role other than their owner may execute.
DOORS: Final = """
select
  proname::text, pg_get_function_arguments(oid), pg_get_function_result(oid),
  coalesce(obj_description(oid, 'pg_proc'), ''),
  array_agg(grantee::regrole::text order by grantee::regrole::text)
from pg_proc, aclexplode(proacl)
where pronamespace = 'api'::regnamespace and grantee <> proowner
group by oid
order by proname
"""
CODES: Final = "select code from api.error_codes"

EXAMPLE: Final = "```sql\n"

_ROW: Final = re.compile(r"(?m)^\| \[[\w-]+\]\(([\w-]+\.md)\) \|.*\|$")
_CAST: Final = re.compile(r"::[a-z ]+(\[\])?(?=,|$)")
_CITED: Final = r"rules? (?:\d\d\.\d+(?:, | and )?)+"
_CITATION: Final = re.compile(rf" \((?:see )?{_CITED}\)| Implements {_CITED}\.")
_RULE: Final = re.compile(r"\b(\d\d)\.\d+\b")


@dataclass(frozen=True)
class Door:
    """Function of `api` that a role may execute."""

    name: str
    arguments: str
    result: str
    comment: str
    roles: Sequence[str]

    def signature(self) -> str:
        """Returns the signature on one line, or with an argument a line when it is too long."""
        arguments = _CAST.sub("", self.arguments.replace("timestamp with time zone", "timestamptz"))
        arguments = arguments.replace(" DEFAULT ", " default ").replace("NULL", "null")
        tail = f") → {self.result.replace('SETOF', 'setof')}"
        line = f"{self.name}({arguments}{tail}"
        if len(line) <= WIDTH:
            return line
        lines = re.sub(r", (?=p_)", ",\n  ", arguments)
        return f"{self.name}(\n  {lines}\n{tail}"

    def entry(self, codes: Sequence[str], rule_pages: Mapping[str, str]) -> str:
        """Returns signature and comment, and a list of the errors, grants and rules.

        `rule_pages` maps the number of each page of rules to its file.
        """
        sentences = re.split(r"(?<=\.) ", _CITATION.sub("", self.comment))
        raises = [text for text in sentences if text.startswith("Raises ")]
        about = " ".join(text for text in sentences if text not in raises)
        errors = re.sub(rf"\b({'|'.join(codes)})\b", r"`\1`", " ".join(raises))
        roles = _listed([f"`{role}`" for role in self.roles])
        facts = [errors, f"Granted to {roles}.", self._rules(rule_pages)]
        items = "\n".join(_wrapped(fact, "- ") for fact in facts if fact)
        return f"```text\n{self.signature()}\n```\n\n{_wrapped(about)}\n\n{items}"

    def _rules(self, rule_pages: Mapping[str, str]) -> str:
        cited: dict[str, list[str]] = {}
        for rule in _RULE.finditer(self.comment):
            cited.setdefault(rule_pages[rule[1]], []).append(rule[0])
        links = [f"[{_listed(numbers)}](../rules/{page})" for page, numbers in cited.items()]
        return f"Rules: {', '.join(links)}." if links else ""


def update(*, check: bool) -> None:
    """Writes the pages. With `check`, raises Failure when one is stale instead."""
    with testing.database() as database:
        texts = generate(database)
    stale = [path for path, text in texts.items() if path.read_text(encoding="utf-8") != text]
    if check and stale:
        names = ", ".join(str(path.relative_to(ROOT)) for path in stale)
        raise Failure(f"Stale: {names}. Run `make docs`.")
    for path in stale:
        path.write_text(texts[path], encoding="utf-8")


def generate(database: databases.Database, folder: Path = FOLDER) -> dict[Path, str]:
    """Returns the text that each page of a folder should have.

    Raises Failure for a function without an entry, an entry without a function or an example, and
    a page that the index lacks.
    """
    with database.connect() as connection:
        doors = {row[0]: Door(*row) for row in connection.execute(DOORS)}
        codes = [code for (code,) in connection.execute(CODES)]
    rule_pages = {path.name[:2]: path.name for path in RULES.glob("[0-9]*.md")}
    texts: dict[Path, str] = {}
    rows: dict[str, str] = {}
    for page in pages(folder):
        head, *sections = re.split(r"(?m)^## ", page.read_text(encoding="utf-8"))
        names = []
        for section in sections:
            name, example = _parsed(page, section)
            door = doors.pop(name, None)
            if door is None:
                raise Failure(f"{page.name}: no role may execute {name}. Remove its entry.")
            head += f"## {name}\n\n{door.entry(codes, rule_pages)}\n\n{example}"
            names.append(f"`{name}`")
        texts[page] = head
        rows[page.name] = f"| [{page.stem}]({page.name}) | {' '.join(names)} |"
    if doors:
        raise Failure(f"No page has an entry for {', '.join(doors)}. Add a heading and an example.")
    index = folder / INDEX
    texts[index] = _ROW.sub(lambda row: rows.pop(row[1], ""), index.read_text(encoding="utf-8"))
    if rows:
        raise Failure(f"{INDEX} has no row for {', '.join(rows)}. Add one to its table.")
    return texts


def pages(folder: Path = FOLDER) -> list[Path]:
    """Returns the pages that document functions."""
    return sorted(path for path in folder.glob("*.md") if path.name not in (INDEX, COOKBOOK))


def _parsed(page: Path, section: str) -> tuple[str, str]:
    """Returns the name of a section's function, and its example with what follows."""
    name, _, body = section.partition("\n")
    _, start, example = body.partition(EXAMPLE)
    if not start:
        raise Failure(f"{page.name}: {name} has no example. Add a block of sql.")
    return name, start + example


def _listed(items: Sequence[str]) -> str:
    """Returns items as English lists them: `a, b and c`."""
    *first, last = items
    return f"{', '.join(first)} and {last}" if first else last


def _wrapped(text: str, bullet: str = "") -> str:
    """Returns a text in lines, its argument names in code style and each link in one line."""
    text = re.sub(r"\bp_\w+", r"`\g<0>`", text)
    kept = re.sub(r"\[[^]]*\]\(", lambda link: link[0].replace(" ", "\0"), text)
    lines = textwrap.wrap(
        kept,
        WIDTH,
        initial_indent=bullet,
        subsequent_indent=" " * len(bullet),
        break_long_words=False,
        break_on_hyphens=False,
    )
    return "\n".join(lines).replace("\0", " ")
