"""docs/cli.md names every command with its arguments, options and meaning, and no other."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer.main

from tools.cli import app as cli

PAGE = (Path(__file__).parents[2] / "docs" / "cli.md").read_text()
ROW = re.compile(r"^\| `communities (.+?)` \| (.*?) ?\| (.+) \|$", re.MULTILINE)
# What every command has.
EVERYWHERE = {"--help", "-h"}


def commands() -> Iterator[tuple[str, Any]]:
    """Yields every command by its words."""

    def below(command: Any, words: list[str]) -> Iterator[tuple[str, Any]]:
        if not hasattr(command, "commands"):
            yield " ".join(words), command
            return
        for name, child in command.commands.items():
            yield from below(child, [*words, name])

    return below(typer.main.get_command(cli.app), [])


def words_of(name: str, command: Any) -> str:
    """Returns a command as it is typed, with what it takes."""
    arguments = [
        (parameter.metavar or parameter.name).upper().strip("[]…")
        + ("…" if parameter.nargs == -1 else "")
        for parameter in command.params
        if parameter.param_type_name == "argument"
    ]
    return " ".join([name, *arguments])


def test_cli_page_documents_every_command_and_no_other() -> None:
    there = {
        words_of(name, command): (
            {
                option
                for parameter in command.params
                if parameter.param_type_name == "option"
                for option in parameter.opts
            }
            - EVERYWHERE,
            command.help.split("\n\n")[0].replace("\n", " "),
        )
        for name, command in commands()
    }
    documented = {
        words: (set(re.findall(r"`([^`]+)`", options)), meaning)
        for words, options, meaning in ROW.findall(PAGE)
    }
    assert documented == there


def test_every_command_has_an_example() -> None:
    for name, command in commands():
        assert f"communities {name}" in command.help.replace("\n", " "), name
