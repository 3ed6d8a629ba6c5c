"""The command line `communities`.

What a command needs is imported inside it, so that help and completion answer at once.
"""

import importlib.metadata
from typing import Annotated

import typer

from tools import output
from tools.cli import counters, doctor, instance, moderation, outbox, search, users

SERVE, DATA, MEND, PEOPLE = "Serve", "Stores", "Watch and mend", "People and content"

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
    help=(
        "Groups, posts, comments and reactions, run by yourself.\n\n"
        "Settings come from the environment or a .env file. A result goes to standard output, with "
        "--json as one JSON object a line; all else goes to standard error. Exit codes: 0 done, "
        "1 failed or differences found, 2 bad usage, 130 interrupted."
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
    """Builds the command line."""


app.command(rich_help_panel=SERVE)(instance.run)
app.command(rich_help_panel=SERVE)(doctor.doctor)
app.command(rich_help_panel=SERVE)(instance.token)
app.command(rich_help_panel=DATA)(instance.migrate)
app.command(rich_help_panel=DATA)(instance.rollback)
app.command(rich_help_panel=DATA)(instance.bucket)
app.command(rich_help_panel=DATA)(instance.seed)
app.command(rich_help_panel=DATA)(instance.psql)
app.add_typer(outbox.app, name="outbox", rich_help_panel=MEND)
app.add_typer(search.app, name="search", rich_help_panel=MEND)
app.add_typer(counters.app, name="counters", rich_help_panel=MEND)
app.add_typer(moderation.app, name="moderation", rich_help_panel=PEOPLE)
app.add_typer(users.app, name="user", rich_help_panel=PEOPLE)
