"""`python -m tools`: the verbs of the Makefile that only developers need."""

from typing import Annotated

import typer

from common import settings as configuration
from tools.development import pgtap, real, registries, sql_reference, testing
from tools.instance import signals, stack

app = typer.Typer(
    add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False, help=__doc__
)


@app.command()
def up() -> None:
    """Starts the test stack and leaves it running."""
    with stack.borrowed(testing.settings(), fast=True, keep=True) as running:
        for record in running.records:
            print(f"{record.name:12} up, process {record.pid}")


@app.command()
def down() -> None:
    """Stops the test stack."""
    print("stopped" if stack.stop_kept(testing.settings()) else "was not up")


@app.command()
def clean() -> None:
    """Makes sure that nothing uses the local data."""
    ours = configuration.load(configuration.Settings)
    for settings in (ours, testing.settings(), testing.settings(real=True)):
        if settings.data_dir.exists():
            stack.stop_kept(settings)


@app.command(name="registries")
def generate_registries() -> None:
    """Generates gen/registries.py from the registries of the rulebook."""
    registries.generate()


@app.command(name="test-db")
def pgtap_tests(
    path: Annotated[str | None, typer.Argument(help="One file or folder of db/tests.")] = None,
    postgres: Annotated[int | None, typer.Option(help="On another version, 16 or 17.")] = None,
) -> None:
    """Runs the pgTAP tests."""
    raise SystemExit(pgtap.run(path, postgres))


@app.command()
def docs(
    check: Annotated[bool, typer.Option(help="Write nothing; fail when a page is stale.")] = False,
) -> None:
    """Writes signatures and descriptions of the SQL functions into docs/sql."""
    sql_reference.update(check=check)


@app.command()
def pictures() -> None:
    """Takes the pictures of the page that docs/ shows."""
    # Not sooner: a browser's driver is installed for development alone.
    from tools.development import pictures as taking

    taking.take()


@app.command(name="real-stores")
def real_stores() -> None:
    """Installs the stores of `make test-real`, where they are not yet."""
    real.install()


if __name__ == "__main__":
    with signals.as_interrupt():
        app()
