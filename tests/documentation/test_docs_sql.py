"""Pages of docs/sql: `make docs` generates every entry, and every example runs."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from development import databases, sql_reference
from tools.failure import Failure
from tools.instance import parts

PAGES = sql_reference.pages()
COOKBOOK = sql_reference.FOLDER / sql_reference.COOKBOOK
CITED = "04.7, 30.1 and 04.8"
CODES = ["banned", "not_found"]
RULES = {"04": "04-policy.md", "30": "30-posts.md"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Returns a copy of docs/sql."""
    return Path(shutil.copytree(sql_reference.FOLDER, tmp_path / "sql"))


def replace(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def test_entry_has_signature_comment_errors_grants_and_rules() -> None:
    door = sql_reference.Door(
        name="get_post",
        arguments="p_at timestamp with time zone DEFAULT NULL::timestamp with time zone",
        result="SETOF api.posts",
        comment=f"Returns a post as of p_at. Raises not_found, banned (rules {CITED}).",
        roles=["communities_job", "communities_service"],
    )
    assert door.entry(CODES, RULES) == (
        "```text\n"
        "get_post(p_at timestamptz default null) → setof api.posts\n"
        "```\n\n"
        "Returns a post as of `p_at`.\n\n"
        "- Raises `not_found`, `banned`.\n"
        "- Granted to `communities_job` and `communities_service`.\n"
        "- Rules: [04.7 and 04.8](../rules/04-policy.md), [30.1](../rules/30-posts.md)."
    )


def test_long_signature_has_an_argument_a_line() -> None:
    door = sql_reference.Door(
        name="create_" + 80 * "x",
        arguments="p_tags text[] DEFAULT '{}'::text[], p_most integer DEFAULT 10",
        result="integer",
        comment="",
        roles=[],
    )
    assert door.signature().splitlines()[1:] == [
        "  p_tags text[] default '{}',",
        "  p_most integer default 10",
        ") → integer",
    ]


def test_generation_restores_an_edited_entry_and_keeps_titles_and_examples(
    database: databases.Database, folder: Path
) -> None:
    replace(folder / "posts.md", "Pins or unpins a post.", "Pins a post.")
    replace(folder / "posts.md", "# Posts", "# The posts")
    replace(folder / "README.md", "| `create_post` ", "| ")
    texts = sql_reference.generate(database, folder)
    posts = (sql_reference.FOLDER / "posts.md").read_text(encoding="utf-8")
    index = (sql_reference.FOLDER / "README.md").read_text(encoding="utf-8")
    assert texts[folder / "posts.md"] == posts.replace("# Posts", "# The posts")
    assert texts[folder / "README.md"] == index


@pytest.mark.parametrize(
    ("page", "old", "new", "error"),
    [
        ("posts.md", "## get_post\n", "## get_posts\n", "no role may execute get_posts"),
        ("tags.md", "```sql\nselect", "```\nselect", "has no example"),
        ("README.md", "| [tags](tags.md) |", "| tags |", "README.md has no row for tags.md"),
    ],
)
def test_generating_refuses_a_page_that_differs_from_the_functions(
    database: databases.Database, folder: Path, page: str, old: str, new: str, error: str
) -> None:
    replace(folder / page, old, new)
    with pytest.raises(Failure, match=re.escape(error)):
        sql_reference.generate(database, folder)


def test_every_door_has_an_entry(database: databases.Database, folder: Path) -> None:
    (folder / "tags.md").unlink()
    with pytest.raises(Failure, match="No page has an entry for create_tag, list_tags"):
        sql_reference.generate(database, folder)


@pytest.mark.parametrize("page", [*PAGES, COOKBOOK], ids=lambda page: page.stem)
def test_sql_examples_run_as_a_trusted_job(page: Path, database: databases.Database) -> None:
    examples = re.findall(r"```sql\n(.*?)```", page.read_text(), flags=re.S)
    assert examples
    done = subprocess.run(
        [parts.postgres_programs() / "psql", database.url, "-Xq", "-v", "ON_ERROR_STOP=1"],
        input="set role communities_job;\n" + "\n".join(examples),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
