"""The lines of a tail in words, the same in the dashboard and in `qtui tail`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from qtui.broker.models import JobRow, Progress
from qtui.broker.status import Status, Tone
from qtui.broker.status import parse as status_of
from qtui.broker.tail.lines import GONE, LOG, LONGEST, META, MISSED, NOTE, Line
from qtui.presentation import formatting, labels
from qtui_workers.reporting.events import EventKind
from qtui_workers.text import printable

WORD: Final = 9
"""Cells of the longest word."""
QUEUE: Final = 12
"""Cells of the queue's name."""
JOB: Final = 8
"""Cells of the job's id."""

_WORDS: Final = {EventKind.WORKER_ERROR.value: "worker", EventKind.PROGRESS.value: "progress"}
LEVEL_TONES: Final[dict[str, Tone]] = {"DEBUG": "muted", "WARNING": "warn", "ERROR": "bad", "CRITICAL": "bad"}
"""Of the levels of logging; the others have no colour of their own."""
_TONES: Final[dict[str, Tone]] = {
    **LEVEL_TONES,
    NOTE: "warn",
    MISSED: "warn",
    GONE: "bad",
    EventKind.QUEUED.value: "muted",
    EventKind.STARTED.value: "busy",
    EventKind.PROGRESS.value: "busy",
    META: "busy",
    EventKind.RETRYING.value: "warn",
    EventKind.REFUSED.value: "warn",
    EventKind.HELD.value: "warn",
    EventKind.WORKER_ERROR.value: "bad",
    Status.FINISHED.value: "good",
    Status.FAILED.value: "bad",
    Status.STOPPED.value: "bad",
}


def word(line: Line) -> str:
    """What a line is: the level of a log line, else what happened: "INFO", "retrying"."""
    if line.kind == LOG:
        return printable(line.level, 16).upper()
    status = status_of(line.kind)
    return _WORDS.get(line.kind) or printable(status.value.replace("_", " ") if status else line.kind, 40)


def tone(line: Line) -> Tone | None:
    """The colour of its word; None is that of the text."""
    return _TONES.get(line.level.upper() if line.kind == LOG else line.kind)


def text(line: Line) -> str:
    """What it says, with control characters as symbols; of a log line perhaps with newlines."""
    if line.kind == LOG:
        return printable(line.text, LONGEST, keep_newlines=True)
    said = _SAID.get(line.kind, _plain)(line)
    return printable(said, LONGEST)


def row(line: Line, *, place: bool = True) -> str:
    """A whole line for a terminal or a pipe; without `place` neither queue nor job, where all are of the same job."""
    head = f"{formatting.clock(line.at, millis=True):<12}  {formatting.pad(word(line), WORD)}"
    if place:
        queue, job = printable(line.queue or "", 100), formatting.short_id(printable(line.job or "", 200))
        head += f"  {formatting.pad(queue, QUEUE)}  {job:<{JOB}}"
    return f"{head}  {text(line)}".rstrip().replace("\n", f"\n{' ' * (len(head) + 2)}")


def _function(line: Line) -> str:
    return labels.function(_row(line)) if line.function else ""


def _row(line: Line) -> JobRow:
    return JobRow(id=line.job or "", queue=line.queue, status=None, function=line.function, error=line.text)


def _plain(line: Line) -> str:
    return labels.error(_row(line)) if line.text else _function(line)


def _queued(line: Line) -> str:
    many = line.details.get("count")
    what = f"{many:,} jobs" if isinstance(many, int) else ""
    return "  ".join(filter(None, (what, _function(line))))


def _started(line: Line) -> str:
    again = f"attempt {line.attempt}" if (line.attempt or 0) > 1 else ""
    where = f"on {line.worker}" if line.worker else ""
    return "  ".join(filter(None, (_function(line), again, where)))


def _progress(line: Line) -> str:
    done, total = line.details.get("done"), line.details.get("total")
    if not isinstance(done, int | float):
        return line.text
    return formatting.progress(Progress(done, total if isinstance(total, int | float) else None, line.text), 10)


def _ended(line: Line) -> str:
    seconds = _seconds(line)
    took = f"after {formatting.duration(seconds)}" if seconds is not None else ""
    return ": ".join(filter(None, ("  ".join(filter(None, (_function(line), took))), labels.error(_row(line)))))


def _retrying(line: Line) -> str:
    seconds = _seconds(line)
    when = "again" if seconds is None else "at once" if seconds < 1 else f"in {formatting.age(seconds)}"
    attempt = f" (attempt {line.attempt})" if line.attempt else ""
    return ": ".join(filter(None, (f"{when}{attempt}", labels.error(_row(line)))))


def _refused(line: Line) -> str:
    seconds = _seconds(line)
    until = "" if seconds is None else f"left for other workers for {formatting.age(seconds)}"
    return ": ".join(filter(None, (until, labels.error(_row(line)))))


def _held(line: Line) -> str:
    return f"{_function(line)}  by the hold {line.details.get('hold') or '–'}".strip()


def _meta(line: Line) -> str:
    return line.text


def _worker(line: Line) -> str:
    return ": ".join(filter(None, (line.worker, line.text)))


def _seconds(line: Line) -> float | None:
    found = line.details.get("seconds")
    return float(found) if isinstance(found, int | float) and not isinstance(found, bool) else None


_SAID: Final[dict[str, Callable[[Line], str]]] = {
    EventKind.QUEUED.value: _queued,
    EventKind.STARTED.value: _started,
    EventKind.PROGRESS.value: _progress,
    EventKind.RETRYING.value: _retrying,
    EventKind.REFUSED.value: _refused,
    EventKind.HELD.value: _held,
    EventKind.WORKER_ERROR.value: _worker,
    META: _meta,
    Status.FINISHED.value: _ended,
    Status.FAILED.value: _ended,
    Status.STOPPED.value: _ended,
}
"""The function that words each kind of line; of other kinds the line's text is shown, else the job's function."""
