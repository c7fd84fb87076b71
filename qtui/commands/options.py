"""The options that many commands share, and how their values are read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any

from qtui.broker.status import Status, parse
from qtui_workers.command_line.declare import argument, option
from qtui_workers.errors import InvalidInput
from qtui_workers.text import printable

Given = Mapping[str, Any]
"""The values of the options and words before the one that is completed, by the names of their parameters."""


Complete = Callable[[str, Given], list[str]]
"""What a word that begins like this may become."""


def one_of(*values: str) -> Complete:
    """A closed set of values."""
    return lambda incomplete, _given: [value for value in values if value.startswith(incomplete)]


def known(kind: str) -> Complete:
    """The names of a kind (a function of `qtui_workers.server.completion`) that the connection named so far has."""

    def complete(incomplete: str, given: Given) -> list[str]:
        from qtui_workers.server import completion

        found: list[str] = getattr(completion, kind)(incomplete, given.get("url"), given.get("context"))
        return found

    return complete


complete_queues = known("queues")


def complete_contexts(incomplete: str, _given: Given) -> list[str]:
    """The named connections that begin like this."""
    from qtui_workers.server import completion

    return completion.contexts(incomplete)


def complete_statuses(incomplete: str, _given: Given) -> list[str]:
    """The statuses that begin like this."""
    return [status.value for status in Status if status.value.startswith(incomplete)]


def complete_processors(incomplete: str, _given: Given) -> list[str]:
    """The processors that begin like this."""
    from qtui_workers.define import discovery

    return [name for name in discovery.discover().processors if name.startswith(incomplete)]


Url = Annotated[
    str | None,
    option(
        "--url",
        help="Where Redis is: redis://, rediss://, unix://, redis+sentinel:// or embedded:",
        metavar="URL",
        show_default=False,
    ),
]
ContextName = Annotated[
    str | None,
    option(
        "--context",
        help="A named connection of the config file.",
        metavar="NAME",
        show_default=False,
        autocompletion=complete_contexts,
    ),
]
QueueName = Annotated[
    str | None,
    argument(
        metavar="QUEUE", help="The queue; all of them where none is named.", show_default=False, autocompletion=complete_queues
    ),
]
JobId = Annotated[str, argument(metavar="ID", help="The job's id, or its beginning as lists show it.")]
Yes = Annotated[bool, option("--yes", "-y", help="Do not ask; needed where something is asked and there is no terminal.")]
Json = Annotated[bool, option("--json", help="One JSON document on standard output, nothing else there.")]


class Global:
    """What is given before the command's name."""

    url: str | None = None
    context: str | None = None
    snapshot = False


def parse_status(text: str) -> Status:
    """The status with that name; raises InvalidInput, which lists all statuses, if there is none."""
    found = parse(text)
    if found is None:
        known = ", ".join(status.value for status in Status)
        raise InvalidInput(f"'{printable(text, 40)}' is not a status: use one of {known}")
    return found
