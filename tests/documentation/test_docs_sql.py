"""docs/sql: every door has an entry that is true, and every example runs."""

import re
import subprocess
from pathlib import Path

import pytest

from tools import databases, parts

FOLDER = Path(__file__).parents[2] / "docs" / "sql"
COOKBOOK = FOLDER / "cookbook.md"
PAGES = sorted(set(FOLDER.glob("*.md")) - {FOLDER / "README.md", COOKBOOK})
DOORS = """
select proname::text, pg_get_function_arguments(oid), pg_get_function_result(oid),
  obj_description(oid)
from pg_proc where pronamespace = 'api'::regnamespace and prosecdef
"""


def one_line(text: str) -> str:
    return " ".join(text.split()).replace("( ", "(").replace(" )", ")")


def signature(name: str, arguments: str, result: str) -> str:
    plain = re.sub(r"::[a-z ]+(\[\])?(?=,|$)", "", arguments)
    return f"{name}({plain}) → {result}".lower()


def test_every_door_has_an_entry_with_its_signature_and_description(
    database: databases.Database,
) -> None:
    entries: dict[str, str] = {}
    for page in PAGES:
        for section in page.read_text().split("\n## ")[1:]:
            name, _, text = section.partition("\n")
            entries[name] = one_line(text)
    with database.connect() as connection:
        doors = {row[0]: row for row in connection.execute(DOORS)}
    assert entries.keys() == doors.keys()
    for name, arguments, result, description in doors.values():
        assert f"```text {signature(name, arguments, result)} ```" in entries[name]
        assert f" {description} ```sql " in entries[name]


@pytest.mark.parametrize("page", [*PAGES, COOKBOOK], ids=lambda page: page.stem)
def test_the_examples_run_as_a_trusted_job(page: Path, database: databases.Database) -> None:
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
