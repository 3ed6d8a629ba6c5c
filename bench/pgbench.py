"""pgbench: the statements of gen/ as its scripts, run with as many clients as HTTP has."""

import os
import re
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

from tools.failure import Failure
from tools.instance import parts

# Request number k is the same one as over HTTP.
_COUNT = r"""\set n :n + 1
\set k :client_id + :clients * :n
"""


def script(sql: str, values: Mapping[str, str], variables: Mapping[str, str] | None = None) -> str:
    """Returns a statement of gen/ with an expression in the place of each parameter.

    `variables` are pgbench's, computed from :k before each run of the statement.
    """
    sets = "".join(f"\\set {name} {text}\n" for name, text in (variables or {}).items())
    statement = re.sub(r"%\((\w+)\)s", lambda match: values[match[1]], sql).strip()
    return f"{_COUNT}{sets}{statement};\n"


def literal(text: str) -> str:
    escaped = text.replace("'", "''")
    return f"'{escaped}'"


def run(
    database_url: str,
    text: str,
    *,
    clients: int,
    seconds: float,
    role: str = "communities_service",
) -> float:
    """Returns the rate in transactions a second."""
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as file:
        file.write(text)
        file.flush()
        command: list[str | Path] = [parts.postgres_programs() / "pgbench"]
        command += ["--no-vacuum", "--protocol=prepared", f"--client={clients}", "--jobs=2"]
        command += [f"--time={max(1, round(seconds))}", f"--file={file.name}"]
        command += ["--define=n=-1", f"--define=clients={clients}"]
        environment = {
            **os.environ,
            **parts.libpq(database_url),
            "PGOPTIONS": f"-c role={role} -c timezone=UTC",
        }
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    found = re.search(r"^tps = ([\d.]+)", done.stdout, re.MULTILINE)
    if done.returncode != 0:
        raise Failure(f"pgbench failed: {done.stderr.strip()[:2000]}")
    if found is None:
        raise Failure("pgbench finished no transaction in its time; give it more by --seconds")
    return float(found[1])
