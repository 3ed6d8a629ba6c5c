"""Constants generated from the registries of the rulebook. Proves rules 01.1 and 06.1."""

from development import databases, registries


def test_generated_registries_are_fresh(database: databases.Database) -> None:
    with database.connect() as connection:
        assert registries.TARGET.read_text() == registries.text(connection), "Run make gen."
