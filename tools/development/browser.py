"""The browser that the page is tested and shown with: Debian's Chromium, driven by Playwright.

Playwright would take a browser of its own from elsewhere; it is given this one instead. Where
there is none and we are root, apt-get installs it, with the fonts that pictures need.
"""

import contextlib
import fcntl
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from playwright import sync_api

from tools.failure import Failure
from tools.paths import ROOT

LOCK = ROOT / ".venv" / "browser.lock"
NAMES = ("chromium", "chromium-browser", "google-chrome")
PACKAGES = ("chromium", "fonts-inter", "fonts-noto-color-emoji")
OPTIONS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def program() -> Path:
    """Returns the browser's program, installed if it has to be and can be."""
    found = _find()
    if found is None and os.geteuid() == 0 and shutil.which("apt-get") is not None:
        with LOCK.open("w") as lock:
            # One installs it, where several test processes begin at once.
            fcntl.flock(lock, fcntl.LOCK_EX)
            if _find() is None:
                _install()
        found = _find()
    if found is None:
        raise Failure("the page needs Chromium to be tested: as root, apt-get install chromium")
    return found


@contextlib.contextmanager
def opened() -> Iterator[sync_api.Browser]:
    """Yields a browser without a screen, and with nothing in it."""
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
