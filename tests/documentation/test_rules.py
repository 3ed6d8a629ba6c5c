"""Pages of docs/rules: every citation has a rule, and every rule has its code and its test."""

import re
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[2]
PAGES: Final = sorted((ROOT / "docs" / "rules").glob("[0-9]*.md"))
RULE: Final = re.compile(r"^- \*\*(\d\d)\.(\d+)\*\* \S", re.MULTILINE)
CITATION: Final = re.compile(r"\brules? (\d\d\.\d+(?:(?:, | and )\d\d\.\d+)*)", re.IGNORECASE)
RANGE: Final = re.compile(r"\brules? \d\d\.\d+ ?(?:-|–|to\b|…)", re.IGNORECASE)
# A citation may continue in the next part of an SQL string, or on the next line of a text.
STRING_BREAK: Final = re.compile(r"'\n\s*'")
LINE_BREAK: Final = re.compile(r"\s*\n\s*(?:--|#)?\s*")


def rules() -> set[str]:
    texts = [page.read_text() for page in PAGES]
    return {f"{page}.{number}" for text in texts for page, number in RULE.findall(text)}


def in_order(numbers: Iterable[str]) -> list[str]:
    return sorted(numbers, key=lambda rule: [int(part) for part in rule.split(".")])


def joined(text: str) -> str:
    return LINE_BREAK.sub(" ", STRING_BREAK.sub("", text))


def citations(text: str) -> set[str]:
    return {
        number
        for citation in CITATION.findall(joined(text))
        for number in re.findall(r"\d\d\.\d+", citation)
    }


def tracked(*folders: str) -> list[Path]:
    """Returns the texts below these folders, except for this file and its examples."""
    listed = subprocess.check_output(
        ["git", "ls-files", *folders],  # noqa: S607
        cwd=ROOT,
        text=True,
    )
    paths = [ROOT / line for line in listed.splitlines()]
    suffixes = (".sql", ".py", ".md")
    return [path for path in paths if path.suffix in suffixes and path != Path(__file__)]


def cited(*folders: str) -> set[str]:
    return set().union(*(citations(path.read_text()) for path in tracked(*folders)))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Implements rule 20.5.", {"20.5"}),
        ("(rules 20.5, 20.6 and 21.6)", {"20.5", "20.6", "21.6"}),
        ("-- Proves rules 20.5 and\n-- 20.6.", {"20.5", "20.6"}),
        ("  'as rule '\n  '20.5 states'", {"20.5"}),
        ("'rules 20.5, '\n  '20.6'", {"20.5", "20.6"}),
        ("version 20.5", set()),
    ],
)
def test_citation_continues_on_the_next_line(text: str, expected: set[str]) -> None:
    assert citations(text) == expected


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_rule_numbers_begin_with_the_number_of_their_page_and_ascend(page: Path) -> None:
    rules_of_page = RULE.findall(page.read_text())
    assert {prefix for prefix, _ in rules_of_page} == {page.name[:2]}
    numbers = [int(number) for _, number in rules_of_page]
    assert numbers == sorted(set(numbers))


def test_every_cited_rule_exists() -> None:
    existing = rules()
    missing = {path.name: citations(path.read_text()) - existing for path in tracked()}
    assert {name: numbers for name, numbers in missing.items() if numbers} == {}


def test_citations_write_out_every_number() -> None:
    assert [path for path in tracked() if RANGE.search(joined(path.read_text()))] == []


def test_every_rule_is_cited_by_code_and_by_a_test() -> None:
    code = cited("db/functions", "service", "common", "workers", "tools")
    tests = cited("db/tests", "tests")
    assert in_order(rules() - code) == []
    assert in_order(rules() - tests) == []
