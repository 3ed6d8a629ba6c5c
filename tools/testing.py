"""The test stack: the same parts under .data/test, quick rather than durable."""

from pathlib import Path

from service import settings as configuration

ROOT = Path(__file__).parent.parent


def settings() -> configuration.Settings:
    """Settings that no environment and no `.env` changes."""
    blank = {
        name.lower(): field.default for name, field in configuration.Settings.model_fields.items()
    }
    blank["data_dir"] = ROOT / ".data" / "test"
    return configuration.load(configuration.Settings, _env_file=None, **blank)
