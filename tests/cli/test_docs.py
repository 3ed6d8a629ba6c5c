"""Completeness of docs/cli.md: every command with its arguments, options and meaning."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer.main

from tools.cli import command_line as cli

PAGE = (Path(__file__).parents[2] / "docs" / "cli.md").read_text()
ROW = re.compile(r"^\| `communities (.+?)` \| (.*?) ?\| (.+) \|$", re.MULTILINE)
# Options that every command has.
COMMON_OPTIONS = {"--help", "-h"}


def commands() -> Iterator[tuple[str, Any]]:
    """Yields every command with its full name."""

    def below(command: Any, prefix: list[str]) -> Iterator[tuple[str, Any]]:
        if not hasattr(command, "commands"):
            yield " ".join(prefix), command
            return
        for name, child in command.commands.items():
            yield from below(child, [*prefix, name])

    return below(typer.main.get_command(cli.app), [])


def usage(name: str, command: Any) -> str:
    """Returns the name of a command with its arguments."""
    arguments = [
        (parameter.metavar or parameter.name).upper().strip("[]…")
        + ("…" if parameter.nargs == -1 else "")
        for parameter in command.params
        if parameter.param_type_name == "argument"
    ]
    return " ".join([name, *arguments])


def test_cli_page_documents_every_command_and_no_other() -> None:
    existing = {
        usage(name, command): (
            {
                option
                for parameter in command.params
                if parameter.param_type_name == "option"
                for option in parameter.opts
            }
            - COMMON_OPTIONS,
            command.help.split("\n\n")[0].replace("\n", " "),
        )
        for name, command in commands()
    }
    documented = {
        usage_text: (set(re.findall(r"`([^`]+)`", options)), meaning)
        for usage_text, options, meaning in ROW.findall(PAGE)
    }
    assert documented == existing


def test_every_command_has_an_example() -> None:
    for name, command in commands():
        assert f"communities {name}" in command.help.replace("\n", " "), name
