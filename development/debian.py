"""Programs from Debian packages, unpacked into a folder without installation."""

import os
import re
import shutil
import subprocess
from pathlib import Path

from tools.failure import Failure


def unpack(purpose: str, folder: Path, *packages: str) -> None:
    """Unpacks packages, given by patterns of their names, into a new folder."""
    for program in ("apt-get", "apt-cache", "dpkg-deb"):
        if shutil.which(program) is None:
            raise Failure(f"{purpose} needs Debian packages. Install {program}.")
    draft = folder.with_name(f"{folder.name}.draft")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    is_root = os.geteuid() == 0
    if not _download(draft, packages) and not (
        is_root and _succeeds("apt-get", "update") and _download(draft, packages)
    ):
        hint = "Check the network." if is_root else "Run apt-get update as root."
        raise Failure(f"{purpose} needs {' '.join(packages)}. apt-get cannot download them. {hint}")
    for package in draft.glob("*.deb"):
        if not _succeeds("dpkg-deb", "-x", str(package), str(draft)):
            raise Failure(f"dpkg-deb cannot unpack {package.name}.")
    draft.rename(folder)


def _download(folder: Path, packages: tuple[str, ...]) -> bool:
    known = _run("apt-cache", "pkgnames").stdout.split()
    found = [[name for name in known if re.fullmatch(package, name)] for package in packages]
    newest = [max(names) for names in found if names]
    return len(newest) == len(packages) and _succeeds("apt-get", "download", *newest, folder=folder)


def _succeeds(*command: str, folder: Path | None = None) -> bool:
    return _run(*command, folder=folder).returncode == 0


def _run(*command: str, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
