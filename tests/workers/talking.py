"""Jobs that log, well and badly ended."""

from __future__ import annotations

import logging
import os
import signal
import time

from rq import get_current_job

from qtui_workers import Payload, processor, progress
from qtui_workers.reporting.current_job import current_attempt
from qtui_workers.server import keys

MODULE = "tests.workers.talking"
log = logging.getLogger(MODULE)


class Talk(Payload):
    lines: int = 3
    length: int = 40
    dies: bool = False


class Said(Payload):
    lines: int


@processor(queue="talking", backoff="fixed:0s")
def talk(payload: Talk) -> Said:
    """Logs some lines, then dies where it is told to."""
    _say(payload.lines, payload.length)
    if payload.dies:
        job = get_current_job()
        assert job is not None
        while job.connection.xlen(keys.log(job.id)) < payload.lines * current_attempt():
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGKILL)
    return Said(lines=payload.lines)


def plain(lines: int = 3) -> int:
    """As a plain RQ program has it."""
    _say(lines, 40)
    return lines


def fail_first_then_say_nothing() -> None:
    job = get_current_job()
    assert job is not None
    if job.connection.incr(f"tries:{job.id}") == 1:
        _say(3, 40)
        raise ValueError("not yet")


def on_success(*_: object) -> None:
    """Makes its job one that RQ's own code ends."""


def _say(lines: int, length: int) -> None:
    for number in range(1, lines + 1):
        log.info("line %d %s", number, "x" * length)
        progress(number, lines)
