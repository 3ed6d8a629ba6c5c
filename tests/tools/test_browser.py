"""Source of the browser that tests the page."""

from pathlib import Path

import pytest

from development import browser
from tools.failure import Failure


def test_a_missing_browser_is_one_line_that_says_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    # No Chromium, and no apt-get that could install it.
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Failure, match="apt-get install chromium") as failure:
        browser.program()
    assert "\n" not in str(failure.value)


def test_a_browser_on_the_path_is_taken(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    program = tmp_path / "chromium"
    program.touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert browser.program() == program
