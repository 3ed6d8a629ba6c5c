"""Test stack: the embedded stores under .data/test, without durability."""

from collections.abc import Iterator
from contextlib import contextmanager

from common import settings as configuration
from development import databases, versions
from tools.instance import parts, stack
from tools.paths import ROOT


def settings(version: int | None = None, *, real: bool = False) -> configuration.Settings:
    """Returns settings that ignore the environment and `.env`.

    `version` is another PostgreSQL; `real` is for the stores of `make test-real`.
    """
    blank = {
        name.lower(): field.default for name, field in configuration.Settings.model_fields.items()
    }
    blank["data_dir"] = ROOT / ".data" / ("test-real" if real else "test")
    if version is not None:
        blank["data_dir"] = ROOT / ".data" / f"test-postgres-{version}"
        blank["postgres_bin"] = versions.programs(version)
    return configuration.load(configuration.Settings, _env_file=None, **blank)


@contextmanager
def database(version: int | None = None) -> Iterator[databases.Database]:
    """Yields a migrated database on the test stack, and drops it at the end."""
    with (
        stack.borrowed(settings(version), ["postgres"], make=parts.make_fast) as running,
        databases.clone(running, databases.template(running)) as clone,
    ):
        yield clone
