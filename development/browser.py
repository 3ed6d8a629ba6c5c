"""Browser of tests and pictures: Debian's Chromium, driven by Playwright."""

import contextlib
import fcntl
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from playwright import sync_api

from tools.failure import Failure
from tools.paths import ROOT

LOCK: Final = ROOT / ".venv" / "browser.lock"
NAMES: Final = ("chromium", "chromium-browser", "google-chrome")
# The fonts are for pictures.
PACKAGES: Final = ("chromium", "fonts-inter", "fonts-noto-color-emoji")
OPTIONS: Final = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)


def program() -> Path:
    """Returns the browser's program. Root installs a missing one with apt-get."""
    found = _find()
    if found is None and os.geteuid() == 0 and shutil.which("apt-get") is not None:
        with LOCK.open("w") as lock:
            # Concurrent test processes wait for the first one's installation.
            fcntl.flock(lock, fcntl.LOCK_EX)
            if _find() is None:
                _install()
        found = _find()
    if found is None:
        raise Failure("Chromium is not installed. As root: apt-get install chromium")
    return found


@contextlib.contextmanager
def opened() -> Iterator[sync_api.Browser]:
    """Yields a headless browser with an empty profile."""
    path = program()
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(OPTIONS))
        try:
            yield browser
        finally:
            browser.close()


def _find() -> Path | None:
    return next((Path(path) for name in NAMES if (path := shutil.which(name))), None)


def _install() -> None:
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (
        ("apt-get", "update"),
        ("apt-get", "install", "--yes", "--no-install-recommends", *PACKAGES),
    ):
        subprocess.run(command, env=environment, capture_output=True, check=False)
