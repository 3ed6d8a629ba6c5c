"""The machine: Python, installed packages, and DATA_DIR."""

import importlib.metadata
import os
import platform
import re
import shutil
import stat
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from packaging import requirements, utils

from tools.doctor.findings import Context, Finding, failure, graded, ok, warning
from tools.instance import parts, stack
from tools.paths import ROOT

OLDEST_PYTHON: Final = (3, 11)
GIBIBYTE: Final = 1024**3
MIN_FREE_BYTES: Final = GIBIBYTE // 4
LOW_FREE_BYTES: Final = 2 * GIBIBYTE


def check_python() -> Finding:
    """Returns whether this Python is supported."""
    found = f"Python {platform.python_version()} at {sys.executable}"
    is_old = sys.version_info < OLDEST_PYTHON
    return graded("python", found, "Use Python 3.11 or newer.", fails=is_old)


def check_packages(context: Context) -> Iterator[Finding]:
    """Yields whether the installed packages match the requirements and the lock file."""
    try:
        project = importlib.metadata.distribution("communities")
    except importlib.metadata.PackageNotFoundError:
        yield failure("packages", "The project is not installed.", "Install it with pip.")
        return
    # Servers need no embedded program for a store that has a URL.
    unneeded = {
        parts.WHEELS[name]
        for name, variable in stack.VARIABLES.items()
        if context.is_configured(variable)
    }
    lock = ROOT / "requirements.txt"
    text = lock.read_text() if lock.exists() else ""
    locked = re.findall(r"^[a-z].*?==.*?(?=\s*\\?$)", text, re.MULTILINE)
    if wrong := "; ".join(_differences(project.requires or [], unneeded)):
        todo = "Run make in a checkout, install the project again, or set the URLs of the stores."
        yield failure("packages", wrong, todo)
    elif other := "; ".join(_differences(locked, unneeded)):
        yield warning("packages", other, "`make run` or `make up` installs the locked versions.")
    else:
        source = "the lock file" if locked else "its requirements"
        yield ok("packages", f"communities {project.version}, packages as in {source}.")


def _differences(lines: list[str], unneeded: set[str]) -> Iterator[str]:
    """Yields each requirement that the installed packages do not meet."""
    variables = {parts.WHEELS[name]: variable for name, variable in stack.VARIABLES.items()}
    for wanted in map(requirements.Requirement, lines):
        if wanted.name in unneeded or (wanted.marker and not wanted.marker.evaluate()):
            continue
        try:
            installed = importlib.metadata.version(utils.canonicalize_name(wanted.name))
        except importlib.metadata.PackageNotFoundError:
            variable = variables.get(wanted.name)
            yield f"{wanted.name} is missing" + (f" and {variable} is unset" if variable else "")
            continue
        if not wanted.specifier.contains(installed, prereleases=True):
            yield f"{wanted.name} is {installed} instead of {wanted.specifier}"


def check_data(context: Context) -> Iterator[Finding]:
    """Yields whether DATA_DIR is writable, private and large enough."""
    folder = context.settings.data_dir
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    if reason := _unwritable(existing):
        todo = "Give the folder to the user that runs this, or set another DATA_DIR."
        yield failure("data.rights", f"DATA_DIR: cannot write in {existing}: {reason}.", todo)
    else:
        note = "" if existing == folder else ", which does not exist yet"
        yield ok("data.rights", f"DATA_DIR is {folder}{note}.")
    secrets = folder / "secrets"
    if exposed := ", ".join(map(str, _readable_by_others(secrets))):
        yield failure("data.secrets", f"Other users can read {exposed}.", f"chmod -R go= {secrets}")
    elif secrets.exists():
        yield ok("data.secrets", "Only their owner can read them.")
    free = shutil.disk_usage(existing).free
    yield graded(
        "data.space",
        f"{free / GIBIBYTE:.1f} GiB are free for DATA_DIR.",
        "Free space. PostgreSQL stops when the disk is full.",
        fails=free < MIN_FREE_BYTES,
        warns=free < LOW_FREE_BYTES,
    )


def _unwritable(folder: Path) -> str | None:
    """Returns why no file can be created. Modes do not tell, because root may ignore them."""
    try:
        with tempfile.TemporaryFile(dir=folder):
            return None
    except OSError as error:
        return error.strerror


def _readable_by_others(folder: Path) -> list[Path]:
    """Returns the files that other users can open, empty if the folder's own mode prevents it."""
    if not os.access(folder, os.R_OK | os.X_OK) or not _is_open(folder):
        return []
    return sorted(filter(_is_open, folder.iterdir()))


def _is_open(path: Path) -> bool:
    return bool(stat.S_IMODE(path.stat().st_mode) & 0o077)
