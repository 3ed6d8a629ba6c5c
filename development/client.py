"""Generator of the typed Python client from the OpenAPI document."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from service import routes
from service.reference import openapi
from tools.failure import Failure
from tools.paths import ROOT

SOURCES: Final = ROOT / "clients" / "python"
PACKAGE: Final = "communities_client"


def make(folder: Path) -> Path:
    """Generates the package in a folder that holds the files of SOURCES. Returns its wheel."""
    package = folder / PACKAGE
    shutil.rmtree(package, ignore_errors=True)
    shutil.rmtree(folder / "dist", ignore_errors=True)
    with tempfile.NamedTemporaryFile(suffix=".json") as document:
        document.write(openapi.document(routes.table()))
        document.flush()
        options = ["--meta", "none", "--fail-on-warning", "--output-path", str(package)]
        sources = ["--path", document.name, "--config", str(folder / "config.yaml")]
        _run(folder, "openapi-python-client", "generate", *sources, *options)
    # Marks the package as typed.
    (package / "py.typed").touch()
    _run(folder, "uv", "build", "--quiet", "--wheel", "--no-config")
    [wheel] = (folder / "dist").glob("*.whl")
    return wheel


def _run(folder: Path, program: str, *arguments: str) -> None:
    # The generator looks for ruff in PATH.
    programs = Path(sys.executable).parent
    environment = {**os.environ, "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}"}
    command: list[str | Path] = [programs / program, *arguments]
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise Failure(f"{program} failed:\n{done.stdout}{done.stderr}")


if __name__ == "__main__":
    print(make(SOURCES).relative_to(ROOT))
