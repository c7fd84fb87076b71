"""The commands that do what the dashboard asks about, as a person may type or paste them into a shell."""

from __future__ import annotations

import shlex
from collections.abc import Iterable

from qtui import connection_options
from qtui.broker.careful_retry import AT_ONCE, TAKE_BACK, Care
from qtui.broker.operations import Matching, Plan
from qtui.broker.orphans import PUT_BACK
from qtui_workers.server.contexts import Context
from qtui_workers.text import printable


def of_operation(plan: Plan, context: Context, care: Care = AT_ONCE) -> str:
    """The command of an operation on the jobs of a plan, done with that care."""
    operation, selection = plan.operation, plan.selection
    if operation is PUT_BACK:
        return command(operation.name, getattr(selection, "ids", ()), context, ["--put-back"])
    if operation is TAKE_BACK:
        return command(operation.name, (), context, ["--batch", plan.text or ""])
    options = ["--" + operation.parameter.name, plan.text or ""] if operation.parameter else []
    options += ["--purge"] if plan.purge else []
    options += care.options
    if not isinstance(selection, Matching):
        return command(operation.name, selection.ids, context, options)
    options += ["--all", "--status", selection.status.value]
    options += ["--queue", selection.queue] if selection.queue is not None else []
    options += ["--filter", selection.expression.text] if selection.expression.terms else []
    return command(operation.name, (), context, options)


def command(name: str, words: Iterable[str], context: Context, options: Iterable[str] = ()) -> str:
    """A command line, quoted for a shell; '' where it would hold characters that a terminal does not take as text.

    A password in the address is hidden: whoever pastes it has to fill it in.
    """
    given = list(words)
    end = ["--"] if any(word.startswith("-") for word in given) else []
    line = shlex.join(["qtui", name, *options, *connection_options.words(context), *end, *given])
    return line if printable(line, len(line)) == line else ""
