"""Scripts and runs of pgbench, with the statements of gen/ and as many clients as over HTTP."""

import os
import re
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from tools.failure import Failure
from tools.instance import parts

MAX_SECONDS: Final = 600
# Request number k is the same as over HTTP.
_REQUEST_NUMBER = r"""\set n :n + 1
\set k :client_id + :clients * :n
"""


def script(sql: str, values: Mapping[str, str], variables: Mapping[str, str] | None = None) -> str:
    """Returns a script that runs a statement of gen/ with an expression for each parameter.

    `variables` are variables of pgbench, which it computes from :k before each run.
    """
    sets = "".join(f"\\set {name} {text}\n" for name, text in (variables or {}).items())
    statement = re.sub(r"%\((\w+)\)s", lambda match: values[match[1]], sql).strip()
    return f"{_REQUEST_NUMBER}{sets}{statement};\n"


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
    """Returns the rate in transactions a second.

    A busy machine may complete no transaction: then the run is repeated for twice as long.
    """
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as file:
        file.write(text)
        file.flush()
        while seconds < MAX_SECONDS:
            if rate := _rate(database_url, Path(file.name), clients, seconds, role):
                return rate
            seconds *= 2
    raise Failure(f"pgbench completed no transaction in {seconds / 2:g} s. Increase --seconds.")


def _rate(database_url: str, file: Path, clients: int, seconds: float, role: str) -> float | None:
    command: list[str | Path] = [parts.postgres_programs() / "pgbench"]
    command += ["--no-vacuum", "--protocol=prepared", f"--client={clients}", "--jobs=2"]
    command += [f"--time={max(1, round(seconds))}", f"--file={file}"]
    command += ["--define=n=-1", f"--define=clients={clients}"]
    options = f"-c role={role} -c timezone=UTC"
    environment = {**os.environ, **parts.libpq(database_url), "PGOPTIONS": options}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Failure(f"pgbench failed: {done.stderr.strip()[:2000]}")
    found = re.search(r"^tps = ([\d.]+)", done.stdout, re.MULTILINE)
    return float(found[1]) if found else None
