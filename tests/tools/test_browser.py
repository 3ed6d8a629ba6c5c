"""Source of the browser that tests the page."""

from pathlib import Path

import pytest

from development import browser
from tools.failure import Failure


def test_missing_browser_is_reported_with_its_remedy(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    # No Chromium, and no apt-get that could install it.
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Failure, match="apt-get install chromium") as failure:
        browser.program()
    assert "\n" not in str(failure.value)


def test_browser_on_the_path_is_used(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    program = tmp_path / "chromium"
    program.touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert browser.program() == program
