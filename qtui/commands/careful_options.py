"""The options of `qtui retry` for jobs that may fail again, and that of `qtui cancel` which takes such a retry back."""

from __future__ import annotations

import inspect
import sys
import time
from typing import Annotated, Any, Final

from qtui.broker.careful_retry import Care, read_rate, read_seconds, read_share
from qtui.broker.operations import Operation
from qtui.commands.options import known
from qtui.printing import output
from qtui_workers.command_line.declare import option
from qtui_workers.errors import InvalidInput

_Canary = Annotated[int, option("--canary", metavar="N", help="Retry so many first, the others once these have ended well.")]
_Rate = Annotated[
    str | None, option("--rate", metavar="N/s", help="Retry so many a second, while this command runs.", show_default=False)
]
_Over = Annotated[
    str | None,
    option("--over", metavar="DURATION", help="Spread them, as scheduled jobs, over that time.", show_default=False),
]
_MostFailing = Annotated[
    str, option("--max-failing", metavar="SHARE", help="Stop where a larger share of the retried jobs fails again.")
]
_Patience = Annotated[str, option("--patience", metavar="DURATION", help="How long to wait for the jobs of --canary to end.")]
_Batch = Annotated[
    str | None,
    option(
        "--batch",
        metavar="ID",
        help="What a retry --over has scheduled and is not due yet.",
        show_default=False,
        autocompletion=known("retries"),
    ),
]

_EVERY: Final = 10.0
"""Seconds between two sentences where standard error is no terminal."""

OPTIONS: Final[dict[str, dict[str, tuple[Any, Any]]]] = {
    "retry": {
        "canary": (_Canary, 0),
        "rate": (_Rate, None),
        "over": (_Over, None),
        "max_failing": (_MostFailing, "10%"),
        "patience": (_Patience, "10m"),
    },
    "cancel": {"batch": (_Batch, None)},
}
"""For each operation that has such options: their types and defaults."""


def parameters(operation: Operation) -> list[inspect.Parameter]:
    """The options of an operation, for the signature of its command."""
    return [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
        for name, (annotation, default) in OPTIONS.get(operation.name, {}).items()
    ]


class Steps:
    """What a careful retry does or waits for, on standard error: always the newest where that is a terminal."""

    def __init__(self) -> None:
        self._said = -_EVERY

    def __call__(self, text: str) -> None:
        now = time.monotonic()
        if output.is_terminal(sys.stderr):
            output.write_note(f"\r\x1b[K{text}")
        elif text and now - self._said >= _EVERY:
            self._said = now
            output.note(text)


def care_of(given: dict[str, Any]) -> Care:
    """How carefully jobs are retried, from the values of the options. Raises InvalidInput."""
    if not 0 <= given.get("canary", 0) <= 1_000:
        raise InvalidInput("--canary: between 1 and 1,000 jobs")
    rate, over = given.get("rate"), given.get("over")
    return Care(
        canary=given.get("canary", 0),
        rate=None if rate is None else read_rate(rate),
        over=None if over is None else read_seconds(over),
        most_failing=read_share(given.get("max_failing", "10%")),
        patience=read_seconds(given.get("patience", "10m")),
    )
