"""Python, its packages, and the folder that everything is kept in."""

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

from tools.doctor.findings import Context, Finding, failure, ok, warning
from tools.instance import parts, stack
from tools.paths import ROOT

OLDEST_PYTHON: Final = (3, 11)
GIBIBYTE: Final = 1024**3
LITTLE_SPACE: Final = 2 * GIBIBYTE
NO_SPACE: Final = GIBIBYTE // 4


def look_at_python() -> Iterator[Finding]:
    found = f"Python {platform.python_version()} at {sys.executable}"
    if sys.version_info < OLDEST_PYTHON:
        yield failure("python", found, "use Python 3.11 or newer")
    else:
        yield ok("python", found)


def look_at_packages(context: Context) -> Iterator[Finding]:
    """Compares the installed packages with the project's requirements and its lock file."""
    try:
        project = importlib.metadata.distribution("communities")
    except importlib.metadata.PackageNotFoundError:
        yield failure("packages", "the project itself is not installed", "`pip install` it")
        return
    spare = _spare(context)
    wrong = [*_unmet(project.requires or [], spare)]
    if wrong:
        yield failure(
            "packages", "; ".join(wrong),
            "install the project anew, in a checkout by make, or set the URL of what is to run "
            "elsewhere",
        )  # fmt: skip
        return
    locked = ROOT / "requirements.txt"
    if locked.exists() and (other := [*_unlocked(locked, spare)]):
        yield warning(
            "packages", "; ".join(other), "`make run` or `make up` installs what is locked"
        )
        return
    against = " and as locked" if locked.exists() else ""
    yield ok("packages", f"communities {project.version}, its packages as it asks for{against}")


def _spare(context: Context) -> set[str]:
    """Returns the packages of parts whose stores run elsewhere, which servers lack."""
    return {
        parts.WHEELS[name]
        for name, variable in stack.VARIABLES.items()
        if context.is_configured(variable)
    }


def _unmet(lines: list[str], spare: set[str]) -> Iterator[str]:
    variables = {parts.WHEELS[name]: stack.VARIABLES[name] for name in stack.PARTS}
    for asked in map(requirements.Requirement, lines):
        if asked.name in spare or (asked.marker is not None and not asked.marker.evaluate()):
            continue
        installed = _installed(asked.name)
        if installed is None:
            variable = variables.get(asked.name)
            unset = f", and {variable} is unset" if variable else ""
            yield f"{asked.name} is not installed{unset}"
        elif not asked.specifier.contains(installed, prereleases=True):
            yield f"{asked.name} is {installed}, {asked.specifier} is needed"


def _unlocked(path: Path, spare: set[str]) -> Iterator[str]:
    for line in re.findall(r"^[a-z].*?==.*?(?=\s*\\?$)", path.read_text(), flags=re.MULTILINE):
        locked = requirements.Requirement(line)
        if locked.name in spare:
            continue
        if locked.marker is None or locked.marker.evaluate():
            installed = _installed(locked.name)
            if installed is None or not locked.specifier.contains(installed, prereleases=True):
                yield f"{locked.name} is {installed or 'missing'}, {locked.specifier} is locked"


def _installed(name: str) -> str | None:
    try:
        return importlib.metadata.version(utils.canonicalize_name(name))
    except importlib.metadata.PackageNotFoundError:
        return None


def look_at_data(context: Context) -> Iterator[Finding]:
    folder = context.settings.data_dir
    there = next(path for path in (folder, *folder.parents) if path.exists())
    if reason := _unwritable(there):
        yield failure(
            "data.rights", f"DATA_DIR: can't write in {there}: {reason}",
            "give the folder to the user that runs this, or set another DATA_DIR",
        )  # fmt: skip
    else:
        made = "" if there == folder else ", not made yet"
        yield ok("data.rights", f"DATA_DIR is {folder}{made}")
    if exposed := [*_readable_by_others(folder / "secrets")]:
        yield failure(
            "data.secrets", f"others can read {', '.join(map(str, exposed))}",
            f"chmod -R go= {folder / 'secrets'}",
        )  # fmt: skip
    elif (folder / "secrets").exists():
        yield ok("data.secrets", "only their owner can read them")
    yield _space(there)


def _unwritable(folder: Path) -> str | None:
    """Returns why no file can be made there: root may do everything, and yet not everywhere."""
    try:
        with tempfile.TemporaryFile(dir=folder):
            return None
    except OSError as error:
        return error.strerror


def _readable_by_others(folder: Path) -> Iterator[Path]:
    """Files of secrets that others could open. The folder's own mode keeps them out, too."""
    if not folder.is_dir() or not os.access(folder, os.R_OK | os.X_OK):
        return
    if stat.S_IMODE(folder.stat().st_mode) & 0o077 == 0:
        return
    for path in sorted(folder.iterdir()):
        if stat.S_IMODE(path.stat().st_mode) & 0o077:
            yield path


def _space(folder: Path) -> Finding:
    free = shutil.disk_usage(folder).free
    found = f"{free / GIBIBYTE:.1f} GiB are free for DATA_DIR"
    if free < NO_SPACE:
        return failure("data.space", found, "make room: a full disk stops PostgreSQL")
    if free < LITTLE_SPACE:
        return warning("data.space", found, "make room before the disk is full")
    return ok("data.space", found)
