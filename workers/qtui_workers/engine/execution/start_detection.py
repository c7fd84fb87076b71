"""When a job's own code has begun: seen from outside it, and reported to the limiter that let the job through."""

from __future__ import annotations

import dis
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from types import CodeType, FrameType
from typing import Any, Final

import redis

from qtui_workers.engine.claim import Claim
from qtui_workers.rate.limiter import Limits

_FIRST_LOOK: Final = 0.0005
_LONGEST_PAUSE: Final = 0.02
"""Seconds between two looks."""


def report_start(limits: Limits, claim: Claim, seen: float) -> None:
    """Has the limiter count from the time at which the start was seen (time.monotonic), not from the latest possible time.

    A lost report only lowers the rate. The script that ends a job also reports its start.
    """
    if claim.limit is not None:
        with suppress(redis.RedisError, OSError):
            limits.started(claim.limit, claim.execution, seen)


@contextmanager
def start_detected(function: Callable[..., Any], report: Callable[[], None]) -> Iterator[Callable[[], None] | None]:
    """Calls `report`, from a thread of its own, once the function that this thread calls inside has begun.

    A report just before the call could be wrong: the system may make a process wait between any two instructions, for any
    time. Where nothing can be seen, as the function is not written in Python or ends at once, there is no report.

    A coroutine that waits runs in no frame: where the caller knows that one has begun, it calls what this yields.
    """
    code = getattr(function, "__code__", None)
    if not isinstance(code, CodeType):
        yield None
        return
    over = threading.Event()
    arguments = (threading.get_ident(), code, over, report)
    threading.Thread(target=_watch, args=arguments, name="watches the start", daemon=True).start()

    def begun() -> None:
        if not over.is_set():
            over.set()
            report()

    try:
        yield begun
    finally:
        over.set()


def _watch(thread: int, code: CodeType, over: threading.Event, report: Callable[[], None]) -> None:
    pause = _FIRST_LOOK
    while not over.wait(pause):
        if _has_begun(sys._current_frames().get(thread), code):
            if not over.is_set():
                over.set()
                report()
            return
        pause = min(2 * pause, _LONGEST_PAUSE)


def _has_begun(frame: FrameType | None, code: CodeType) -> bool:
    """Whether that code runs in this frame, or in a frame that waits for this one, and is beyond its entry."""
    while frame is not None:
        if frame.f_code is code:
            return frame.f_lasti > _entry(code)
        frame = frame.f_back
    return False


@lru_cache(maxsize=1_000)
def _entry(code: CodeType) -> int:
    """Where the interpreter may still stop before a function's first instruction of its own."""
    return max((one.offset for one in dis.get_instructions(code) if one.opname == "RESUME" and one.arg == 0), default=0)
