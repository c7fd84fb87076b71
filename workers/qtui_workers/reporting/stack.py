"""Where the code of a running job is: its Python stack, as a worker reports it and an operator reads it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal, Self

from qtui_workers.server.rq_format import parse_number

COMMAND: Final = "qtui-stack"
"""The command on a worker's channel that asks for it: `{"command": "qtui-stack", "job_id": "…", "request": "32 hex digits"}`."""
KEPT: Final = 60
"""Seconds for which the answer is kept (`keys.stack`)."""
LEVEL: Final = "stack"
"""The level of its lines in the job's log."""

_MOST_THREADS: Final = 100
_MOST_FRAMES: Final = 100
_LONGEST: Final = 500
"""Characters of each text."""
_LARGEST: Final = 4 * 1024 * 1024
"""Bytes of an answer that are read."""
_FRAME: Final = re.compile(r'  File "(.*)", line (\d+|\?\?\?) in (.*)')
_THREAD: Final = re.compile(r"(?:Current thread|Thread) (0x[0-9a-f]+)")
_ENGINE: Final = re.compile(r"[/\\](?:qtui_workers[/\\]engine|rq)[/\\]")
_WATCH: Final = re.compile(r"[/\\]qtui_workers[/\\]engine[/\\](?:horse|stack_file|stack_requests)\.py$")

How = Literal["python", "signal"]


@dataclass(frozen=True, slots=True)
class Frame:
    """A call that has not returned."""

    file: str
    line: int | None
    function: str
    source: str = ""
    """The line itself; '' where the file cannot be read."""


@dataclass(frozen=True, slots=True)
class ThreadStack:
    """The calls of one thread, the innermost last."""

    is_main: bool
    frames: tuple[Frame, ...]


@dataclass(frozen=True, slots=True)
class Stack:
    """The stack of all threads of the process that runs a job, at one moment; the main thread comes first."""

    at: float
    """Seconds since the epoch, by the worker's clock."""
    pid: int
    how: How
    """`python`: a thread of the process has reported it; `signal`: none could, as native code holds Python's lock (the GIL)."""
    threads: tuple[ThreadStack, ...]

    @classmethod
    def from_dump(cls, text: str, *, at: float, pid: int, how: How, main: int, source: Callable[[str, int], str]) -> Self:
        """The stack in what `faulthandler` has written. `main`: the main thread's ident; `source` returns a line of a file.

        The frames of the worker around the job, and the thread that writes the dump, are left out.
        """
        found: dict[int, list[Frame]] = {}
        frames: list[Frame] = []
        for line in text.splitlines():
            if thread := _THREAD.match(line):
                frames = []
                found.setdefault(int(thread[1], 16), frames)
            elif frame := _FRAME.fullmatch(line):
                number = int(frame[2]) if frame[2].isdigit() else None
                frames.append(Frame(frame[1], number, frame[3], source(frame[1], number).strip() if number else ""))
        threads = [ThreadStack(ident == main, _of_job(frames[::-1])) for ident, frames in found.items() if not _watches(frames)]
        return cls(at, pid, how, tuple(sorted(threads, key=lambda thread: not thread.is_main)))

    def to_json(self) -> dict[str, Any]:
        """As a document: `{at, pid, how, threads: [{is_main, frames: [{file, line, function, source}]}]}`."""
        return asdict(self)

    def lines(self) -> Iterator[str]:
        """As lines of a traceback, a thread after the other: the main one last, where a reader looks first."""
        for thread in reversed(self.threads):
            yield f"{'The main thread' if thread.is_main else 'Another thread'} (most recent call last):"
            for frame in thread.frames:
                yield f'  File "{frame.file}", line {frame.line or 0}, in {frame.function}'
                if frame.source:
                    yield f"    {frame.source}"

    def is_where(self, other: Stack) -> bool:
        """Whether the main thread is at the same line as in another stack."""
        return bool(self.threads and other.threads) and self.threads[0] == other.threads[0]


@dataclass(frozen=True, slots=True)
class StackAnswer:
    """What a worker answers to the request for a stack."""

    stack: Stack | None
    problem: str
    """Why there is none; '' where there is one."""

    def packed(self) -> str:
        """As it is stored."""
        return json.dumps({"stack": self.stack and self.stack.to_json(), "problem": self.problem})

    @classmethod
    def unpacked(cls, raw: bytes) -> Self:
        """The answer that was stored; what it holds is bounded. One that cannot be read says so."""
        try:
            found = json.loads(raw[:_LARGEST])
            report = found["stack"]
            return cls(report and _stack(report), str(found["problem"])[:_LONGEST])
        except (ValueError, TypeError, LookupError, AttributeError, RecursionError):
            return cls(None, "its worker's answer cannot be read: it may be of another version")


def _of_job(frames: list[Frame]) -> tuple[Frame, ...]:
    """Without the calls of the worker around the job, where there are others."""
    own = [place for place, frame in enumerate(frames) if _ENGINE.search(frame.file)]
    inner = frames[own[-1] + 1 :] if own else frames
    begun = next((place for place, frame in enumerate(inner) if not _is_bootstrap(frame)), 0)
    return tuple(inner[begun:]) or tuple(frames)


def _is_bootstrap(frame: Frame) -> bool:
    """Whether it is one of the calls with which Python begins a thread."""
    return frame.function in ("_bootstrap", "_bootstrap_inner", "run") and frame.file.endswith("threading.py")


def _watches(frames: list[Frame]) -> bool:
    """Whether these are the calls of the thread that writes the dump, the innermost first."""
    return any(_WATCH.search(frame.file) for frame in frames) and frames[-1].function == "_bootstrap"


def _stack(report: dict[str, Any]) -> Stack:
    threads = [
        ThreadStack(bool(thread["is_main"]), tuple(_frame(frame) for frame in thread["frames"][:_MOST_FRAMES]))
        for thread in report["threads"][:_MOST_THREADS]
    ]
    at = parse_number(str(report["at"])) or 0.0
    return Stack(at, int(report["pid"]), "signal" if report["how"] == "signal" else "python", tuple(threads))


def _frame(report: dict[str, Any]) -> Frame:
    file, function, source = (str(report[name])[:_LONGEST] for name in ("file", "function", "source"))
    line = report["line"]
    return Frame(file, line if isinstance(line, int) else None, function, source)
