"""Real stores: what they need is named before anything is installed."""

from pathlib import Path

import pytest

from development import real
from tools.failure import Failure


def test_missing_program_for_real_stores_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(real, "INSTALLED", tmp_path / "real")
    for program in ("go", "mvn", "java", "javac"):
        monkeypatch.setenv("PATH", str(tmp_path))
        with pytest.raises(Failure, match=f"{program} is not installed"):
            real.install()
        (tmp_path / program).write_text("#!/bin/sh\n")
        (tmp_path / program).chmod(0o755)
    assert not real.INSTALLED.exists()
