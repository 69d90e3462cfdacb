"""What every command says of itself, and the options that all of them share."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import typer

from ops.__main__ import main

WIDTH = 78
"""Columns of a listing on a terminal of eighty."""
MARGINS = 6


def groups(group: Any, path: tuple[str, ...] = ("doorstep",)) -> Iterator[tuple[tuple[str, ...], Any]]:
    """`doorstep` and the groups in it, with the words that lead there."""
    yield path, group
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from groups(command, (*path, name))


GROUPS = dict(groups(typer.main.get_command(main)))
COMMANDS = {
    (*path, name): command
    for path, group in GROUPS.items()
    for name, command in group.commands.items()
    if not hasattr(command, "commands")
}


@pytest.mark.parametrize("group", GROUPS.values(), ids=map(" ".join, GROUPS))
def test_a_list_of_commands_says_what_each_does_in_a_whole_sentence(group: Any) -> None:
    """Whoever looks for a command reads this list; half a sentence with dots helps nobody."""
    room = WIDTH - MARGINS - max(map(len, group.commands))
    said = [command.get_short_help_str(room) for command in group.commands.values()]
    assert [sentence for sentence in said if not sentence.endswith(".") or sentence.endswith("...")] == []


@pytest.mark.parametrize("command", COMMANDS.values(), ids=map(" ".join, COMMANDS))
def test_every_command_speaks_to_machines_and_says_which_system_it_means(command: Any) -> None:
    """Architecture 6: `--json` and `--data` everywhere, and an option without a word of help is a riddle."""
    options = {option: parameter for parameter in command.params for option in parameter.opts}
    assert {"--json", "--data"} <= options.keys()
    silent = [name for name, parameter in options.items() if not getattr(parameter, "help", None)]
    assert silent == []
