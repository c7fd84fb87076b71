"""Why a process that ran a job has died, in words."""

from __future__ import annotations

import os
import signal
from typing import Final

from qtui_workers.text import size

_RQ_WORDS: Final = "Work-horse terminated unexpectedly"
"""RQ's words (`rq.worker.Worker.monitor_work_horse`), for which tools search."""
_SIGNALS: Final[dict[int, str]] = {
    signal.SIGABRT: "it has aborted itself, as C code does where something is wrong",
    signal.SIGBUS: "bus error: a file that it has mapped was cut, or a disk is full",
    signal.SIGFPE: "a division by zero, or the like, in C code",
    signal.SIGILL: "an instruction that this processor does not have",
    signal.SIGSEGV: "segmentation fault",
    signal.SIGSYS: "a system call that is not allowed here",
    signal.SIGXCPU: "its limit of processor time was reached",
    signal.SIGXFSZ: "its limit of the size of a file was reached",
}


def why_it_died(status: int, *, for_memory: bool | None, peak: int | None, limit: int | None) -> str:
    """The error of a job whose process has ended with that status (wait(2)).

    `for_memory`: whether the kernel has killed a process of the worker's control group for want of memory meanwhile; None: not
    known. `peak`: bytes that it held at most; `limit`: bytes that the group may hold.
    """
    if os.WIFEXITED(status):
        how = f"its process exited with code {os.WEXITSTATUS(status)} before the job had ended"
    elif os.WTERMSIG(status) == signal.SIGKILL and for_memory:
        sizes = ", ".join(f"{name} {size(number)}" for name, number in (("peak", peak), ("limit", limit)) if number is not None)
        how = "killed by the kernel, out of memory" + (f" ({sizes})" if sizes else "")
    else:
        number = os.WTERMSIG(status)
        how = f"killed by signal {number} ({_explained(number, for_memory, peak)})"
    return f"{how}. {_RQ_WORDS}"


def _explained(number: int, for_memory: bool | None, peak: int | None) -> str:
    if number == signal.SIGKILL and for_memory is None:
        return "SIGKILL: by hand, or by the kernel, out of memory" + ("" if peak is None else f"; peak {size(peak)}")
    known = _SIGNALS.get(number)
    if known:
        return known
    try:
        return f"{signal.Signals(number).name}, sent by another process"
    except ValueError:
        return "sent by another process"
