"""Commands of the README, run as a user types them."""

import re
import subprocess
from pathlib import Path

import pytest

from development import databases
from tests.support import servers
from tools.instance import parts

README = (Path(__file__).parents[2] / "README.md").read_text()


def block_of(language: str, beginning: str) -> str:
    """Returns the block of the README that begins with this text."""
    found = [
        block
        for block in re.findall(rf"```{language}\n(.*?)```", README, flags=re.S)
        if block.startswith(beginning)
    ]
    assert len(found) == 1
    return str(found[0])


def test_curl_lines_of_the_readme_create_and_list_content(
    shared_service: servers.Service,
) -> None:
    script = block_of("sh", "API=").replace("http://127.0.0.1:8000", shared_service.origin)
    script = re.sub(
        r"\$\(make -s token USER=(\S+)\)",
        lambda match: shared_service.token(match[1]),
        script,
    )
    checked = re.sub(r"curl -s ", "curl -sS --fail-with-body ", script)
    command = ["/bin/bash", "-euo", "pipefail", "-c", checked]
    for _ in range(2):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count('"body":"I am."') == 2
    assert done.stdout.endswith('"next_cursor" : null}')
    assert '"body":"Who is awake?"' in done.stdout.splitlines()[-1]


def test_sql_lines_of_the_readme_create_and_list_content(database: databases.Database) -> None:
    done = subprocess.run(
        [parts.postgres_programs() / "psql", database.url, "-X", "-v", "ON_ERROR_STOP=1"],
        input=block_of("sql", "set role"),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "Good morning!" in done.stdout
    assert "(0 rows)" in done.stdout


@pytest.mark.parametrize("link", re.findall(r"\]\(([^)]+)\)", README))
def test_links_have_existing_targets(link: str) -> None:
    assert (Path(__file__).parents[2] / link).exists()
