"""What a command asks the person at the terminal before it changes something."""

from __future__ import annotations

import sys

from qtui.presentation import questions
from qtui.printing import output
from qtui_workers.errors import Refused
from qtui_workers.text import printable


def check_terminal(question: str, instead: str) -> None:
    """Raises Refused where there is no terminal at which a person can be asked; `instead`: what to do there."""
    if not (output.is_terminal(sys.stdin) and output.is_terminal(sys.stderr)):
        raise Refused(f"{question} There is no terminal to ask on: {instead}")


def agree(question: str, wanted: str | int | None) -> None:
    """Raises Refused unless the person says yes, or types what is wanted (`questions.to_type`)."""
    answers = "[y/N] " if wanted is None else f"Type {questions.as_typed(wanted)} to go on: "
    output.write_note(f"{printable(question)} {answers}")
    answer = sys.stdin.readline().strip()
    if not (answer.lower() in ("y", "yes") if wanted is None else questions.is_typed(answer, wanted)):
        raise Refused("nothing was done")
