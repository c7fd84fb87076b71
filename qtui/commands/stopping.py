"""A command that changes many jobs ends after the chunk that is under way when a signal asks for it."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

from qtui.broker.bulk.trash import is_unplaced
from qtui.broker.operations import Report
from qtui.presentation import formatting
from qtui.printing import output

_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass(slots=True)
class Stop:
    """Whether a signal has requested the end."""

    number: int | None = None

    def __call__(self) -> bool:
        return self.number is not None

    def finish(self, report: Report, again: str) -> None:
        """Raises SystemExit where not all was done; says how to go on where a signal has ended the command."""
        unplaced = is_unplaced(report)
        if self.number is not None:
            output.note(f"stopped; to go on: {again}" if again and (report.done < report.matched or unplaced) else "stopped")
            raise SystemExit(128 + self.number)
        if report.failed or report.skipped or unplaced:
            raise SystemExit(1)


@contextmanager
def stopping() -> Iterator[Stop]:
    """Inside the block Ctrl-C, SIGTERM and a lost terminal only request the end; Ctrl-C once more ends the program at once."""
    stop = Stop()

    def ask(number: int, _: FrameType | None) -> None:
        stop.number = number
        signal.signal(signal.SIGINT, signal.default_int_handler)

    before = {number: signal.getsignal(number) for number in _ENDING}
    for number, handler in before.items():
        if handler is not signal.SIG_IGN:
            signal.signal(number, ask)
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class Progress:
    """How far an operation is, its rate and the time left, on standard error where that is a terminal."""

    def __init__(self) -> None:
        self._began = time.monotonic()

    def __call__(self, done: int, total: int) -> None:
        if output.is_terminal(sys.stderr):
            line = formatting.how_far(done, total, time.monotonic() - self._began)
            end = "\n" if done >= total else ""
            output.write_note(f"\r\x1b[K{line}{end}")
