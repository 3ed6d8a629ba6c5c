"""Command line `communities`.

Each command imports its dependencies itself, so that help and completion are fast.
"""

import importlib.metadata
from typing import Annotated, Final

import typer

from tools import output
from tools.cli import counters, doctor, instance, moderation, outbox, search, users

SERVE: Final = "Serve"
STORES: Final = "Stores"
MAINTENANCE: Final = "Monitor and repair"
CONTENT: Final = "Users and content"

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
    help=(
        "A self-hosted backend for groups, posts, comments and reactions.\n\n"
        "Settings come from the environment or a .env file. A result goes to standard output, with "
        "--json as one JSON object a line; everything else goes to standard error. Exit codes: "
        "0 done, 1 failed or differences found, 2 wrong usage, 130 interrupted."
    ),
)


def _version(asked: bool) -> None:
    if asked:
        output.line(f"communities {importlib.metadata.version('communities')}")
        raise typer.Exit


@app.callback()
def communities(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Adds the options of the command line itself."""


app.command(rich_help_panel=SERVE)(instance.run)
app.command(rich_help_panel=SERVE)(doctor.doctor)
app.command(rich_help_panel=SERVE)(instance.token)
app.command(rich_help_panel=STORES)(instance.migrate)
app.command(rich_help_panel=STORES)(instance.rollback)
app.command(rich_help_panel=STORES)(instance.bucket)
app.command(rich_help_panel=STORES)(instance.seed)
app.command(rich_help_panel=STORES)(instance.psql)
app.add_typer(outbox.app, name="outbox", rich_help_panel=MAINTENANCE)
app.add_typer(search.app, name="search", rich_help_panel=MAINTENANCE)
app.add_typer(counters.app, name="counters", rich_help_panel=MAINTENANCE)
app.add_typer(moderation.app, name="moderation", rich_help_panel=CONTENT)
app.add_typer(users.app, name="user", rich_help_panel=CONTENT)
