"""Packages of npm for tests, which are skipped where Node.js is missing."""

import shutil
from pathlib import Path

import pytest

from development import npm

ROOT = Path(__file__).parents[2]


def installed(folder: str) -> Path:
    """Returns the node_modules of a folder of this project."""
    if shutil.which("npm") is None or shutil.which("node") is None:
        pytest.skip("Node.js is not installed")
    into = ROOT / ".venv" / "npm" / folder.replace("/", "-")
    npm.install(ROOT / folder, into)
    return into / "node_modules"
