"""Generator of the typed Python client from the OpenAPI document."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from service import routes
from service.reference import openapi
from tools.failure import Failure
from tools.paths import ROOT

SOURCES = ROOT / "clients" / "python"
PACKAGE = "communities_client"


def make(folder: Path) -> Path:
    """Generates the package in a folder that has what SOURCES has; its wheel."""
    package = folder / PACKAGE
    shutil.rmtree(package, ignore_errors=True)
    shutil.rmtree(folder / "dist", ignore_errors=True)
    with tempfile.NamedTemporaryFile(suffix=".json") as document:
        document.write(openapi.document(routes.table()))
        document.flush()
        options = ["--meta", "none", "--fail-on-warning", "--output-path", str(package)]
        sources = ["--path", document.name, "--config", str(folder / "config.yaml")]
        _run(["openapi-python-client", "generate", *sources, *options], folder)
    # Marks the package as typed.
    (package / "py.typed").touch()
    _run(["uv", "build", "--quiet", "--wheel", "--no-config"], folder)
    [wheel] = (folder / "dist").glob("*.whl")
    return wheel


def _run(command: Sequence[str], folder: Path) -> None:
    # The generator looks for ruff in PATH.
    programs = Path(sys.executable).parent
    environment = {**os.environ, "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(
        [programs / command[0], *command[1:]],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise Failure(f"{command[0]} failed:\n{done.stdout}{done.stderr}")


if __name__ == "__main__":
    print(make(SOURCES).relative_to(ROOT))
