"""`python -m development`: the Makefile commands that only developers need."""

from typing import Annotated

import typer

from common import settings as configuration
from development import pgtap, real, registries, sql_reference, testing
from tools.instance import parts, signals, stack

app = typer.Typer(
    add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False, help=__doc__
)


@app.command()
def up() -> None:
    """Starts the test stack and leaves it running."""
    with stack.borrowed(testing.settings(), keep=True, make=parts.make_fast) as running:
        for record in running.records:
            print(f"{record.name:12} up, process {record.pid}")


@app.command()
def down() -> None:
    """Stops the test stack."""
    print("stopped" if stack.stop_kept(testing.settings()) else "was not up")


@app.command()
def clean() -> None:
    """Stops kept stacks. Fails if another command uses the local data."""
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
    path: Annotated[str | None, typer.Argument(help="File or folder of db/tests.")] = None,
    postgres: Annotated[int | None, typer.Option(help="Another version: 16 or 17.")] = None,
) -> None:
    """Runs the pgTAP tests."""
    raise SystemExit(pgtap.run(path, postgres))


@app.command()
def docs(
    check: Annotated[bool, typer.Option(help="Write nothing; fail if a page is stale.")] = False,
) -> None:
    """Writes signatures and descriptions of the SQL functions into docs/sql."""
    sql_reference.update(check=check)


@app.command(name="pictures")
def take_pictures() -> None:
    """Takes the pictures of the page in docs/pictures."""
    # Imported here, because only developers have the browser's driver.
    from development import pictures

    pictures.take()


@app.command(name="real-stores")
def real_stores() -> None:
    """Installs the missing stores of `make test-real`."""
    real.install()


if __name__ == "__main__":
    with signals.as_interrupt():
        app()
