"""The commands that the dashboard offers in the place of its questions."""

from __future__ import annotations

import shlex

import pytest

from qtui.broker.operations import Chosen, Matching, Plan, Selection
from qtui.broker.operations.move import MOVE
from qtui.broker.operations.retry import RETRY
from qtui.broker.search.expression import parse
from qtui.broker.status import Status
from qtui.presentation import equivalent_commands
from qtui_workers.records import replace
from qtui_workers.server.connection import Target
from qtui_workers.server.contexts import Connections, Context, ContextSettings, choose
from tests.cli.support import all_commands

PLAIN = Context("here", Target("", "here"))


def made(selection: Selection, context: Context = PLAIN) -> str:
    return equivalent_commands.of_operation(Plan(RETRY, None, selection, (), 1, 1, (), None, None, {}, 0.0), context)


def test_jobs_are_named_or_described_as_the_command_takes_them() -> None:
    assert made(Chosen(("a", "b"))) == "qtui retry a b"
    assert made(Matching("mail", Status.FAILED)) == "qtui retry --all --status failed --queue mail"
    filtered = Matching(None, Status.FAILED, parse("error:Timeout 'it is'"))
    assert made(filtered).startswith("qtui retry --all --status failed --filter ")
    moved = Plan(MOVE, "bulk", Chosen(("a",)), (), 1, 1, (), None, None, {}, 0.0)
    assert equivalent_commands.of_operation(moved, PLAIN) == "qtui move --to bulk a"


@pytest.mark.parametrize("name", ["a b", "$(reboot)", "`x`", "a;b", "it's", "-rf", "*"])
def test_whatever_a_name_holds_it_stays_one_word_and_no_option(name: str) -> None:
    for line in (made(Chosen((name,))), made(Matching(name, Status.FAILED))):
        words = shlex.split(line)
        assert name in words
        with all_commands()["retry"].make_context("retry", words[2:]) as context:
            assert name in (context.params["ids"] or []) or context.params["queue"] == name


@pytest.mark.parametrize("name", ["a\x1b[201~rm", "a\nb", "a\u202eb"])
def test_no_command_is_offered_that_would_hold_control_characters(name: str) -> None:
    assert made(Chosen((name,))) == ""


def test_it_chooses_the_same_connection_without_its_password() -> None:
    known = Connections(contexts={"prod": ContextSettings(url="redis://:secret@h:1/0")})
    prod = choose(None, "prod", known)
    assert made(Chosen(("a",)), prod) == "qtui retry --context prod a"
    assert "secret" not in repr(prod)
    named = choose("redis://u:secret@h:1/0", None, known)
    assert made(Chosen(("a",)), named) == "qtui retry --url 'redis://u:***@h:1/0' a"
    assert "secret" not in repr(named)
    query = choose("redis://h:1/0?password=secret&db=2", "prod", known)
    assert made(Chosen(("a",)), query) == "qtui retry --url 'redis://h:1/0?password=***&db=2' --context prod a"
    assert made(Chosen(("a",)), replace(prod, options=())) == "qtui retry a"
