"""Runs the coroutines of jobs, each in an event loop of its own."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, Final, TypeVar

T = TypeVar("T")

_GRACE: Final = 5
"""Seconds that a coroutine has to clean up after its time is over; less than the worker waits before it ends the process."""


def run_coroutine(coroutine: Coroutine[Any, Any, T], begun: Callable[[], None] | None = None) -> T:
    """Runs a coroutine to its end; calls `begun` once its own code has begun, at its first pause.

    When the job's time is over, the coroutine is canceled where it waits, so that it can clean up, and the error of the
    timeout is raised; where it does not wait, that error is raised in its code, as in any other function. Raises
    RuntimeError where an event loop runs in this thread already.
    """
    try:
        return asyncio.run(_main(coroutine, begun))
    finally:
        coroutine.close()  # does nothing where it has run


async def _main(coroutine: Coroutine[Any, Any, T], begun: Callable[[], None] | None) -> T:
    if begun is not None:
        asyncio.get_running_loop().call_soon(begun)
    with _timeout_cancels() as timed_out:
        try:
            return await coroutine
        except asyncio.CancelledError:
            timed_out()
            raise


@contextmanager
def _timeout_cancels() -> Iterator[Callable[[], None]]:
    """Has the alarm of RQ's timeout (`rq.timeouts.UnixSignalDeathPenalty`) cancel the task that runs the block.

    What an alarm raises while the event loop runs something else is lost there. Yields a function that raises the error of
    the timeout, if its alarm has come.
    """
    expire = signal.getsignal(signal.SIGALRM) if threading.current_thread() is threading.main_thread() else None
    if not callable(expire):
        yield lambda: None
        return
    raise_timeout: Callable[..., None] = expire
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task is not None
    alarms: list[int] = []

    def on_alarm(number: int, _frame: Any) -> None:
        alarms.append(number)
        signal.signal(signal.SIGALRM, raise_timeout)
        signal.alarm(_GRACE)
        loop.call_soon_threadsafe(task.cancel)

    signal.signal(signal.SIGALRM, on_alarm)
    try:
        yield lambda: raise_timeout(alarms[0], None) if alarms else None
    finally:
        signal.signal(signal.SIGALRM, raise_timeout)
