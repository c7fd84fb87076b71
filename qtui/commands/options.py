"""The options that many commands share, and how their values are read."""

from __future__ import annotations

from typing import Annotated

import typer

from qtui.broker.status import Status, parse
from qtui_workers.errors import InvalidInput
from qtui_workers.text import printable

Url = Annotated[
    str | None,
    typer.Option("--url", help="Where Redis is: redis://, rediss://, unix:// or embedded:", metavar="URL", show_default=False),
]
ContextName = Annotated[
    str | None,
    typer.Option("--context", help="A named connection of the config file.", metavar="NAME", show_default=False),
]
Json = Annotated[bool, typer.Option("--json", help="One JSON document on standard output, nothing else there.")]


class Global:
    """The values of `--url` and `--context` that are given before the command's name."""

    url: str | None = None
    context: str | None = None


def parse_status(text: str) -> Status:
    """The status with that name; raises InvalidInput, which lists all statuses, if there is none."""
    found = parse(text)
    if found is None:
        known = ", ".join(status.value for status in Status)
        raise InvalidInput(f"'{printable(text, 40)}' is not a status: use one of {known}")
    return found
