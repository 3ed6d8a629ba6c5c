"""Programs out of Debian packages, unpacked into a folder without being installed."""

import os
import re
import shutil
import subprocess
from pathlib import Path

from tools.failure import Failure


def unpack(what: str, folder: Path, *packages: str) -> None:
    """Takes packages apart into a new folder, for what is wanted. Their names are patterns."""
    for program in ("apt-get", "apt-cache", "dpkg-deb"):
        if shutil.which(program) is None:
            raise Failure(f"{what} from Debian's packages, and {program} to get them")
    draft = folder.with_name(f"{folder.name}.draft")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    if not _download(draft, packages) and not (
        os.geteuid() == 0 and _update() and _download(draft, packages)
    ):
        raise Failure(
            f"{what} from Debian's packages {' '.join(packages)}, which apt-get can't download here"
            + ("" if os.geteuid() == 0 else " (root can: it may update the package lists)")
        )
    for package in draft.glob("*.deb"):
        if _run("dpkg-deb", "-x", str(package), str(draft)).returncode != 0:
            raise Failure(f"dpkg-deb can't unpack {package.name}")
    draft.rename(folder)


def _update() -> bool:
    return _run("apt-get", "update").returncode == 0


def _download(folder: Path, packages: tuple[str, ...]) -> bool:
    known = _run("apt-cache", "pkgnames").stdout.split()
    found = [[name for name in known if re.fullmatch(package, name)] for package in packages]
    # Of several versions the newest.
    newest = [max(names) for names in found if names]
    return (
        len(newest) == len(packages)
        and _run("apt-get", "download", *newest, folder=folder).returncode == 0
    )


def _run(*command: str, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
