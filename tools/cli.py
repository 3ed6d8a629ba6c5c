"""The verbs of the Makefile that are more than one program: `python -m tools <verb>`."""

import contextlib
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Annotated
from uuid import UUID

import typer

from service import settings as configuration
from tools import flows, parts, pgtap, serve, signals, stack, testing, tokens
from tools import migrate as migrations
from tools import seed as seeding
from tools.failure import Failure

app = typer.Typer(
    add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False, help=__doc__
)
app.add_typer(flows.search, name="search")
app.add_typer(flows.outbox, name="outbox")


def _settings() -> configuration.Settings:
    return configuration.load(configuration.Settings)


@contextmanager
def _database() -> Iterator[str]:
    """The instance's database, which runs already or is started for as long as it is needed."""
    with stack.borrowed(_settings(), ["postgres"]) as running:
        yield running.database_url


@app.command()
def run() -> None:
    """Start everything and serve until Ctrl-C or TERM."""
    serve.run(_settings())


@app.command()
def migrate() -> None:
    """Bring the database up to date."""
    with _database() as url:
        migrations.migrate(url)


@app.command()
def rollback() -> None:
    """Take back the last migration of the durable tables."""
    with _database() as url:
        migrations.rollback(url)


@app.command()
def seed(
    scale: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Make that many posts as well. They leave no events: search needs a reindex.",
        ),
    ] = None,
) -> None:
    """Put the example data in; again, it changes nothing."""
    settings = _settings()
    with stack.borrowed(settings, ["postgres", "s3"]) as running:
        migrations.migrate(running.database_url)
        put = seeding.bucket(settings, running.urls)
        seeding.seed(running.database_url, scale, put=put)


@app.command()
def token(
    user: Annotated[UUID, typer.Argument(help="The user's id.")],
    ttl: Annotated[int, typer.Option(min=1, help="Seconds until it expires.")] = int(
        tokens.TTL.total_seconds()
    ),
) -> None:
    """Print a token of the running instance for a user."""
    print(tokens.mint(_settings(), str(user), timedelta(seconds=ttl)))


@app.command()
def psql() -> None:
    """Open psql on the instance's database."""
    with _database() as url:
        environment = {**os.environ, **parts.libpq(url)}
        with subprocess.Popen([parts.postgres_programs() / "psql"], env=environment) as client:
            while client.returncode is None:
                # Ctrl-C is for psql, which ends a query by it and goes on.
                with contextlib.suppress(KeyboardInterrupt):
                    client.wait()
    raise SystemExit(client.returncode)


@app.command()
def up() -> None:
    """Start the test stack and leave it running."""
    with stack.borrowed(testing.settings(), fast=True, keep=True) as running:
        for record in running.records:
            print(f"{record.name:12} up, process {record.pid}")


@app.command()
def down() -> None:
    """Stop the test stack."""
    print("stopped" if stack.stop_kept(testing.settings()) else "was not up")


@app.command()
def pictures() -> None:
    """Take the pictures of the page that docs/ shows."""
    # Not sooner: a browser's driver is installed for development alone.
    from tools import pictures as taking

    taking.take()


@app.command()
def clean() -> None:
    """Make sure that nothing uses the local data."""
    for settings in (_settings(), testing.settings()):
        if settings.data_dir.exists():
            stack.stop_kept(settings)


@app.command(name="test-db")
def pgtap_tests(
    path: Annotated[str | None, typer.Argument(help="One file or folder of db/tests.")] = None,
    postgres: Annotated[int | None, typer.Option(help="On another version, 16 or 17.")] = None,
) -> None:
    """Run the pgTAP tests."""
    raise SystemExit(pgtap.run(path, postgres))


def main() -> None:
    try:
        with signals.as_interrupt():
            app()
    except OSError as error:
        raise Failure(f"{error.filename or ''}: {error.strerror or error}") from None
