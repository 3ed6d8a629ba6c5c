"""The test stack: the same parts under .data/test, quick rather than durable."""

from pathlib import Path

from service import settings as configuration
from tools import versions

ROOT = Path(__file__).parent.parent


def settings(version: int | None = None) -> configuration.Settings:
    """Settings that no environment and no `.env` changes; `version` is another PostgreSQL."""
    blank = {
        name.lower(): field.default for name, field in configuration.Settings.model_fields.items()
    }
    blank["data_dir"] = ROOT / ".data" / "test"
    if version is not None:
        blank["data_dir"] = ROOT / ".data" / f"test-postgres-{version}"
        blank["postgres_bin"] = versions.programs(version)
    return configuration.load(configuration.Settings, _env_file=None, **blank)
