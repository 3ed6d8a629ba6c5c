"""Packages of npm, which only tests and examples need."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from tools.failure import Failure


def install(locked: Path, into: Path, complete: Callable[[], None] = lambda: None) -> None:
    """Installs the packages of a lock file once, then calls `complete`."""
    lock = (locked / "package-lock.json").read_bytes()
    stamp = into / "installed"
    if stamp.exists() and stamp.read_bytes() == lock:
        return
    source = f"{locked.name}/package.json"
    if shutil.which("npm") is None:
        raise Failure(f"npm is not installed. Install it: {source} needs it.")
    shutil.rmtree(into, ignore_errors=True)
    into.mkdir(parents=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copy(locked / name, into)
    command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    done = subprocess.run(command, cwd=into, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Failure(f"npm cannot install {source}: {done.stderr.strip()}")
    complete()
    stamp.write_bytes(lock)
