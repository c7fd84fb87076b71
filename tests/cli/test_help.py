"""Every command explains itself."""

from __future__ import annotations

import inspect

import pytest
import typer.main
from typer.core import TyperGroup, TyperOption

from qtui.cli import commands
from tests.cli.support import Qtui


def command_line() -> TyperGroup:
    found = typer.main.get_command(commands())
    assert isinstance(found, TyperGroup)
    return found


COMMANDS = (
    "queues", "jobs", "job", "enqueue", "retry", "cancel", "stop", "remove", "pause", "resume", "worker", "demo",
)  # fmt: skip


def test_these_are_the_commands() -> None:
    assert set(command_line().commands) == set(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_that_names_its_options(bare: Qtui, name: str) -> None:
    said = bare(name, "--help").out
    command = command_line().commands[name]
    assert inspect.cleandoc(command.help or "").partition("\n")[0].split()[0] in said
    for parameter in command.params:
        if isinstance(parameter, TyperOption):
            assert parameter.help, f"{name} {parameter.opts}"
            assert max(parameter.opts, key=len) in said


def test_qtui_help_names_the_commands_and_the_connection(bare: Qtui) -> None:
    said = bare("--help").out
    assert all(name in said for name in (*COMMANDS, "--url", "--context", "--version", "REDIS_URL"))


def test_every_command_that_answers_takes_json_and_the_connection() -> None:
    for name, command in command_line().commands.items():
        options = {option for parameter in command.params for option in parameter.opts}
        assert name == "demo" or {"--json", "--url", "--context"} <= options


def test_an_unknown_command_is_exit_2(bare: Qtui) -> None:
    assert "nosuch" in bare("nosuch", code=2).err
