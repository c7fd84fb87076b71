"""The signals that end a worker."""

from __future__ import annotations

import signal
from collections.abc import Callable
from types import FrameType
from typing import NoReturn

Handler = Callable[[int, FrameType | None], object]


def stop_signals() -> list[signal.Signals]:
    """SIGTERM, SIGINT and SIGHUP; the last one only where it is not ignored, as it is in a process that `nohup` has started."""
    heeds_hangup = signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN
    return [signal.SIGTERM, signal.SIGINT, *[signal.SIGHUP] * heeds_hangup]


def on_stop(handler: Handler) -> None:
    """Has these signals call `handler`."""
    for number in stop_signals():
        signal.signal(number, handler)


def leave(signum: int, _frame: FrameType | None) -> NoReturn:
    """Ends a process that has nothing to finish yet; without a handler, the first process of a container ignores a signal."""
    raise SystemExit(130 if signum == signal.SIGINT else 0)
