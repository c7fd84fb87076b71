"""Every command explains itself."""

from __future__ import annotations

import inspect
from pathlib import Path

import pytest
from typer.core import TyperOption

from qtui.commands import help_texts
from qtui.commands.__main__ import made
from tests.cli.support import Qtui, all_commands

COMMANDS = (
    "queues",
    "workers",
    "jobs",
    "job",
    "stack",
    "tail",
    "failures",
    "schedule",
    "count",
    "limits",
    "stats",
    "check",
    "doctor",
    "audit",
    "enqueue",
    "edit",
    "retry",
    "cancel",
    "run-now",
    "move",
    "stop",
    "requeue",
    "fail",
    "remove",
    "orphans",
    "undo",
    "pause",
    "resume",
    "suspend",
    "hold",
    "release",
    "worker",
    "demo",
    "keys",
)


def test_these_are_the_commands_in_the_order_of_the_help() -> None:
    assert tuple(all_commands()) == COMMANDS


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_that_names_its_options(bare: Qtui, name: str) -> None:
    said = bare(name, "--help").out
    command = all_commands()[name]
    assert inspect.cleandoc(command.help or "").partition("\n")[0].split()[0] in said
    for parameter in command.params:
        if isinstance(parameter, TyperOption):
            assert parameter.help, f"{name} {parameter.opts}"
            assert max(parameter.opts, key=len) in said


def test_qtui_help_names_the_commands_and_the_connection(bare: Qtui) -> None:
    said = bare("--help").out
    assert all(name in said for name in (*COMMANDS, "--url", "--context", "--version", "REDIS_URL"))


def test_every_command_that_answers_takes_json_and_the_connection() -> None:
    for name, command in all_commands().items():
        options = {option for parameter in command.params for option in parameter.opts}
        wanted = {"demo": set(), "keys": {"--json"}}.get(name, {"--json", "--url", "--context"})
        assert wanted <= options, name


@pytest.mark.parametrize("name", ["nosuch", "options", "operation", "../queues", "qtui.commands.queues", "-"])
def test_an_unknown_command_is_exit_2(bare: Qtui, name: str) -> None:
    assert f"No such command '{name}'" in bare(name, code=2).err


@pytest.mark.parametrize("words", [(f"{'x' * 10_000}",), ("queues", f"--{'x' * 10_000}"), ("queues", "x" * 10_000)])
def test_an_error_repeats_only_the_ends_of_a_very_long_word(bare: Qtui, words: tuple[str, ...]) -> None:
    assert len(bare(*words, code=2).err) < 600


def test_a_misspelt_command_is_answered_with_those_that_are_like_it(bare: Qtui) -> None:
    assert "No such command 'quues'. Did you mean 'queues', 'requeue', 'enqueue'?" in bare("quues", code=2).err
    assert "Did you mean 'retry'?" in bare("rety", code=2).err


def test_the_shell_completes_commands_and_options(bare: Qtui) -> None:
    shell = {"_QTUI_COMPLETE": "complete_bash"}
    assert tuple(bare(fresh=True, COMP_WORDS="qtui ", COMP_CWORD="1", **shell).out.split()) == COMMANDS
    begun = bare(fresh=True, COMP_WORDS="qtui re", COMP_CWORD="1", **shell).out.split()
    assert begun == ["retry", "requeue", "remove", "resume", "release"]
    assert "--dry-run" in bare(fresh=True, COMP_WORDS="qtui retry --d", COMP_CWORD="2", **shell).out


def test_the_kept_help_is_what_typer_prints() -> None:
    assert Path(help_texts.path()).read_text("utf-8") == made(), "run: make help-texts"


@pytest.mark.parametrize("columns", ["80", "200", "", "0", "no"])
@pytest.mark.parametrize("words", [["--help"], ["jobs", "-h"], ["run-now", "--help"]])
def test_help_is_answered_from_what_is_kept(monkeypatch: pytest.MonkeyPatch, words: list[str], columns: str) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    text = help_texts.of(words)
    assert text is not None
    assert text.startswith(f"Usage: qtui {words[0]} [" if words[1:] else "Usage: qtui [OPTIONS]")
    assert "-h, --help" in text


@pytest.mark.parametrize("words", [[], ["jobs"], ["jobs", "mail", "--help"], ["nothing", "--help"], ["--help", "jobs"]])
def test_other_words_are_left_to_typer(words: list[str]) -> None:
    assert help_texts.of(words) is None


def test_a_narrow_terminal_gets_its_help_from_typer(bare: Qtui, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    assert help_texts.of(["jobs", "--help"]) is None
    narrow = bare("jobs", "--help", COLUMNS="60").out
    assert max(map(len, narrow.splitlines())) <= 60
    assert "--status" in narrow


def test_keys_says_which_keys_cannot_be_given_away(qtui: Qtui) -> None:
    assert qtui("keys").out.splitlines()[-1].startswith("Fixed, and not in this list: tab, enter and arrows in dialogs")
    assert {tuple(key) for key in qtui("keys", "--json").json} == {("name", "keys", "what")}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("jobs", "--limit", ""), "'--limit': a whole number is wanted"),
        (("jobs", "--limit", "9" * 5_000), "'--limit': a whole number is wanted"),
        (("jobs", "--limit", "0"), "'--limit': at least 1 is wanted"),
        (("jobs", "--limit", "10001"), "'--limit': at most 10000 is wanted"),
        (("jobs", "--limit", "\udcff"), "'--limit': a number is wanted"),
        (("queues", "b\u202ec\x1b[31m"), "'b\N{REPLACEMENT CHARACTER}c\\x1b[31m' is more than the command takes"),
        (("queues", ""), "'' is more than the command takes"),
        (("queues", "mail", "shop"), "'mail shop' is more than the command takes"),
    ],
)
def test_what_is_no_number_or_one_too_many_is_said_in_plain_words(qtui: Qtui, words: tuple[str, ...], said: str) -> None:
    error = qtui(*words, code=2).err
    assert error.rstrip().endswith(said)
    assert "Try 'qtui" in error
