"""Tables of this folder, whose Markdown holds the expectations of the tests.

A heading is a request. A name in braces stands for an id or a text of the world. After → comes the
item that the test looks for in a list.

A cell holds the status, and the error's code if the status has several. A bare 401, 403 or 404
means unauthenticated, forbidden or not_found. A cell of a list says whether the list shows the
item.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

RANKS = ("member", "moderator", "admin", "owner")
ROLES = ("anonymous", "stranger", "banned", "left", "muted", *RANKS)
AUTHORS = ("author", "muted author", "left author", "banned author", "moderator author")
COLUMNS = (*ROLES, *AUTHORS)
HEADING = re.compile(r"(?P<method>[A-Z]+) (?P<path>\S+)(?: (?P<body>{.*}))?(?: → {(?P<item>\w+)})?")
BARE = {401: "unauthenticated", 403: "forbidden", 404: "not_found"}


@dataclass(frozen=True)
class Outcome:
    """Answer that a cell expects."""

    status: int
    code: str | None = None
    shown: bool | None = None

    def __str__(self) -> str:
        if self.shown is not None:
            return "shown" if self.shown else "hidden"
        return f"{self.status} {self.code or ''}".strip()


@dataclass(frozen=True)
class Row:
    """Line of a table: the cells of all roles for one request and one state."""

    heading: str
    labels: Mapping[str, str]
    cells: Mapping[str, Outcome]

    @property
    def name(self) -> str:
        return f"{self.heading} - {' '.join(self.labels.values())}"

    def request(self) -> re.Match[str]:
        match = HEADING.fullmatch(self.heading)
        assert match, self.heading
        return match


def read(folder: Path) -> Iterator[Row]:
    """Yields the rows of all tables in a folder."""
    for page in sorted(folder.glob("*.md")):
        for section in page.read_text().split("\n## ")[1:]:
            heading, _, text = section.partition("\n")
            header, _, *lines = [_cells(line) for line in text.splitlines() if line[:1] == "|"]
            for line in lines:
                yield _row(heading.strip(), dict(zip(header, line, strict=True)))


def _row(heading: str, line: Mapping[str, str]) -> Row:
    labels = {name: cell for name, cell in line.items() if name not in COLUMNS}
    cells = {name: outcome(cell) for name, cell in line.items() if name in COLUMNS}
    return Row(heading, labels, cells)


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().strip("|").split("|")]


def outcome(cell: str) -> Outcome:
    """Parses a cell."""
    if cell in {"shown", "hidden"}:
        return Outcome(200, shown=cell == "shown")
    number, _, code = cell.partition(" ")
    status = int(number)
    if status >= 400:
        return Outcome(status, code or BARE[status])
    return Outcome(status)


def fill(text: str, world: Mapping[str, str]) -> str:
    """Returns a text in which values of a world replace the names in braces."""
    return re.sub(r"{(\w+)}", lambda match: world[match[1]], text)


def body_of(text: str | None, world: Mapping[str, str]) -> dict[str, Any]:
    """Returns the JSON body of a heading, filled for a world."""
    return dict(json.loads(fill(text, world))) if text else {}
