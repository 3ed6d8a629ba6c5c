"""Packages of npm, which only tests and examples need; the rest of the project has none."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from tools.failure import Failure


def install(locked: Path, into: Path, complete: Callable[[], None] = lambda: None) -> None:
    """Installs what a folder's lock file names, and completes it, unless that was done before."""
    lock = (locked / "package-lock.json").read_bytes()
    stamp = into / "installed"
    if stamp.exists() and stamp.read_bytes() == lock:
        return
    if shutil.which("npm") is None:
        raise Failure(
            f"what {locked.name}/package.json names comes from npm, which is not installed"
        )
    shutil.rmtree(into, ignore_errors=True)
    into.mkdir(parents=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copy(locked / name, into)
    command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    done = subprocess.run(command, cwd=into, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Failure(f"npm can't install {locked.name}/package.json: {done.stderr.strip()}")
    complete()
    stamp.write_bytes(lock)
