"""Language of the project: sentence length, banned words, first words of comments, and citations.

CONVENTIONS.md states the rules. `python -m tests.test_language PATH…` checks files alone.
"""

import ast
import io
import re
import subprocess
import sys
import tokenize
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

import pytest

ROOT: Final = Path(__file__).parents[1]
MAX_WORDS: Final = 25
# Generated files, and texts that quote what they check.
_EXEMPT: Final = ("gen/", "tests/test_language.py", "tests/sqlc_plugin/golden/")

_BANNED: Final = re.compile(
    r"\b(anew|mends?|mended|as all here|has had its time|had its time|what is there|so many"
    r"|is told|are told|was told|were told|of the same\b(?= (?:is|are|and nothing))"
    r"|and nothing else|no more than that|for so long|goes on|go on with|for good"
    r"|whoever|whatever|likewise|somebody|nobody is told|hears? of|heard of)\b",
    re.IGNORECASE,
)
_BAD_FIRST: Final = re.compile(
    r"(Who|What|Whoever|Whatever|Where|Of|That what|How|Whether)\b", re.IGNORECASE
)
# A test name begins with its subject.
_BAD_SUBJECT: Final = re.compile(
    r"(an?|the|it|that|there|everybody|everyone|nobody|somebody|someone)\b", re.IGNORECASE
)
_VERB: Final = re.compile(r"[A-Z][a-z-]*s\b")
_COMMENT_ON: Final = re.compile(r"comment on (\w+) [^;']*? is((?:\s*'(?:[^']|'')*')+)\s*;")
_SQL_DIRECTIVE: Final = re.compile(r"-{4}|^-- (name|migrate):")
_SENTENCE_END: Final = re.compile(
    r"(?<=[.!?:])[\"'”)*_]*\s+(?=[\"'“(*_`]*(?:[A-Z0-9`]|[a-z]+_|reacted |kind ))"
)


class Text(NamedTuple):
    """Text in a file, from its first line on.

    `kind` is prose, function, noun or name (of a test).
    """

    path: str
    line: int
    kind: str
    text: str


class Finding(NamedTuple):
    """Violation of a rule in a text."""

    path: str
    line: int
    problem: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.problem}"


def files() -> list[str]:
    """Returns the tracked files with prose: Markdown, SQL and Python."""
    listed = subprocess.run(
        ["git", "ls-files", "*.md", "*.sql", "*.py"],  # noqa: S607
        cwd=ROOT, check=True, capture_output=True, text=True,
    )  # fmt: skip
    return [path for path in listed.stdout.split() if not path.startswith(_EXEMPT)]


def texts(path: str, content: str) -> Iterator[Text]:
    """Yields the prose of a file."""
    read = {".md": _markdown, ".sql": _sql, ".py": _python}[Path(path).suffix]
    yield from read(path, content)


def findings(text: Text) -> Iterator[Finding]:
    """Yields the violations in a text."""

    def found(problem: str) -> Finding:
        return Finding(text.path, text.line, problem)

    plain = _plain(text.text)
    for sentence in _SENTENCE_END.split(plain):
        words = [word for word in sentence.split() if re.search(r"\w", word)]
        if len(words) > MAX_WORDS:
            yield found(f"{len(words)} words: {' '.join(words[:8])}…")
    for match in _BANNED.finditer(plain):
        yield found(f"banned: {match[0]}")
    if "§" in text.text:
        yield found("a citation without a target: §")
    if text.kind != "prose" and _BAD_FIRST.match(plain):
        yield found(f"first word: {plain.split()[0]}")
    elif text.kind == "name" and _BAD_SUBJECT.match(plain):
        yield found(f"subject of a test name: {plain.split()[0]}")
    elif text.kind == "function" and not _VERB.match(plain):
        yield found(f"not a verb in the third person: {' '.join(plain.split()[:3])}")


def check(paths: list[str]) -> list[Finding]:
    """Returns the violations in these files."""
    return [
        finding
        for path in paths
        for text in texts(path, (ROOT / path).read_text(encoding="utf-8"))
        for finding in findings(text)
    ]


def _plain(text: str) -> str:
    """Returns the text with code, links and markup replaced by their words."""
    text = re.sub(r" \(rules? [^)]*\)", "", text)
    text = re.sub(r"`+[^`]*`+", "Code", text)
    text = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", text)
    return re.sub(r"\s+", " ", text).strip().lstrip("*_ ")


def _markdown(path: str, content: str) -> Iterator[Text]:
    content = re.sub(
        r"^(```|~~~).*?^\1", lambda m: "\n" * m[0].count("\n"), content, flags=re.M | re.S
    )
    block: list[str] = []
    start = 0
    for number, line in enumerate([*content.splitlines(), ""], start=1):
        begins = re.match(r"\s*([-*+]|\d+\.)\s|#|\||>|\s{4}", line)
        if block and (not line.strip() or begins):
            yield Text(path, start, "prose", " ".join(block))
            block = []
        if not line.strip() or line.startswith(("|", "    ")):
            continue
        if not block:
            start = number
        block.append(re.sub(r"^\s*([-*+]|\d+\.|#+|>)\s", "", line).strip())


def _sql(path: str, content: str) -> Iterator[Text]:
    for match in _COMMENT_ON.finditer(content):
        text = "".join(re.findall(r"'((?:[^']|'')*)'", match[2])).replace("''", "'")
        kind = "function" if match[1] == "function" else "noun"
        yield Text(path, content.count("\n", 0, match.start()) + 1, kind, text)
    lines = [
        (number, line.strip().lstrip("- "))
        for number, line in enumerate(content.splitlines(), start=1)
        if line.lstrip().startswith("--") and not _SQL_DIRECTIVE.search(line)
    ]
    yield from _blocks(path, lines)


def _python(path: str, content: str) -> Iterator[Text]:
    tree = ast.parse(content)
    for node in ast.walk(tree):
        if not isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if not isinstance(node, ast.Module) and node.name.startswith("test_"):
            yield Text(path, node.lineno, "name", node.name[5:].replace("_", " "))
        text = ast.get_docstring(node)
        if text:
            line = node.body[0].lineno
            is_function = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
            head, _, rest = text.partition("\n\n")
            yield Text(path, line, "function" if is_function else "noun", head)
            for part in re.split(r"\n\n|\n(?=\s*[-*] )", rest):
                if part.strip() and not part.startswith("    "):
                    yield Text(path, line, "prose", part.lstrip("-* "))
    lines = [
        (token.start[0], token.string.lstrip("#: "))
        for token in tokenize.generate_tokens(io.StringIO(content).readline)
        if token.type == tokenize.COMMENT and not re.match(r"#!|# (noqa|type:|fmt:)", token.string)
    ]
    yield from _blocks(path, lines)


def _blocks(path: str, lines: list[tuple[int, str]]) -> Iterator[Text]:
    """Yields comments on consecutive lines as one text."""
    block: list[str] = []
    start = last = 0
    for number, text in [*lines, (-1, "")]:
        if block and (number != last + 1 or not text):
            yield Text(path, start, "prose", " ".join(block))
            block = []
        if text:
            if not block:
                start = number
            block.append(text)
        last = number


@pytest.mark.parametrize(
    ("path", "content", "problem"),
    [
        ("a.md", f"{'word ' * 26}\n", "26 words"),
        ("a.md", "The table is made anew.\n", "banned: anew"),
        ("a.md", "See §5.\n", "§"),
        ("a.sql", "comment on function f() is\n  'Whoever calls this.';\n", "first word: Whoever"),
        ("a.sql", "comment on function f() is 'A row.';\n", "not a verb"),
        ("a.sql", "-- A lock that is mended.\n", "banned: mended"),
        ("a.py", '"""What this is."""\n', "first word: What"),
        ("a.py", 'def f() -> None:\n    """The row."""\n', "not a verb"),
        ("a.py", "# Somebody waits.\n", "banned: Somebody"),
        ("a.py", "def test_a_member_posts() -> None: ...\n", "subject of a test name: a"),
    ],
)
def test_violation_is_found(path: str, content: str, problem: str) -> None:
    found = [each.problem for text in texts(path, content) for each in findings(text)]
    assert any(problem in each for each in found), found


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("a.md", "```sh\nanew\n```\n| anew |\n"),
        ("a.md", f"- {'word ' * 20}\n- {'word ' * 20}\n"),
        ("a.sql", "comment on function f() is 'Returns a row. '\n  'Raises not_found.';\n"),
        ("a.py", '"""Rows of a table."""\n\n\ndef f() -> None:\n    """Returns a row."""\n'),
    ],
)
def test_good_text_passes(path: str, content: str) -> None:
    assert [each for text in texts(path, content) for each in findings(text)] == []


def test_every_text_follows_the_writing_rules() -> None:
    found = check(files())
    assert not found, "\n".join(map(str, found))


if __name__ == "__main__":
    for each in check(sys.argv[1:] or files()):
        print(each)
