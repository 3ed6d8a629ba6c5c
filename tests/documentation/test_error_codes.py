"""Page docs/error_codes.md, compared with the registry of error codes.

Proves rules 01.1, 01.3 and 01.6.
"""

import re
from pathlib import Path

from development import databases

ROOT = Path(__file__).parents[2]
ROW = re.compile(r"^\| `(\w+)` \| (\d{3}) \| (.+) \| (.+) \|$", re.MULTILINE)


def documented() -> dict[str, int]:
    rows = ROW.findall((ROOT / "docs" / "error_codes.md").read_text())
    codes = {code: int(status) for code, status, _meaning, _advice in rows}
    assert len(codes) == len(rows), "a code has two rows"
    return codes


def test_error_page_equals_the_registry(database: databases.Database) -> None:
    with database.connect() as connection:
        rows = connection.execute("select code, status from api.error_codes").fetchall()
    assert documented() == dict(rows)


def test_code_of_a_constraint_is_in_the_registry(database: databases.Database) -> None:
    with database.connect() as connection:
        rows = connection.execute("select code from api.constraint_codes").fetchall()
    assert {code for (code,) in rows} <= documented().keys()


def test_error_page_has_every_code_that_a_function_raises() -> None:
    sources = "\n".join(page.read_text() for page in (ROOT / "db" / "functions").glob("*.sql"))
    raised = set(re.findall(r"\bfail\(\s*'(\w+)'", sources))
    assert raised
    assert raised <= documented().keys()


def test_error_page_has_every_code_that_the_service_returns() -> None:
    sources = "\n".join(page.read_text() for page in (ROOT / "service").rglob("*.py"))
    codes = set(re.findall(r"\bProblem\(\s*\"(\w+)\"", sources))
    assert {"not_found", "internal_error"} <= codes
    # The page explains internal_error below its table.
    assert codes - {"internal_error"} <= documented().keys()


def test_contract_errors_are_raised_only_by_the_registry_function() -> None:
    """Asserts that only the registry's function builds an SQLSTATE of PT and a status."""
    for page in (ROOT / "db" / "functions").glob("*.sql"):
        count = page.read_text().count("errcode = 'PT'")
        assert count == (page.name == "01_errors.sql"), page.name
