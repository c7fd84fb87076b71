"""The facts of jobs and queues in words, the same on every screen and in every command."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Final

from qtui.broker.diagnosis import troubles
from qtui.broker.queues import trend
from qtui.broker.status import STATUSES
from qtui.presentation import formatting
from qtui_workers.errors import QtuiError
from qtui_workers.text import printable

if TYPE_CHECKING:
    from qtui.broker.diagnosis.acknowledged import State
    from qtui.broker.diagnosis.doctor import Severity
    from qtui.broker.holds import HoldPreview
    from qtui.broker.lists.running import Run
    from qtui.broker.models import JobRow, QueueRow, Window, WorkerRow
    from qtui.broker.one_job.usual_durations import Usual
    from qtui.broker.search.fingerprint import Cause
    from qtui.broker.workers.workers_at_work import AtWork
    from qtui_workers.reading.hold import Hold
    from qtui_workers.reporting.stack import Stack

_MODULES: Final = r"^(?:[A-Za-z_]\w*\.)+(?=[A-Za-z_]\w*(?::|$))"

STEP: Final = 5
"""Seconds in which ages of many rows go on, so that no list has to be painted anew each second."""

PAUSED = "‖"
"""The glyph of a paused queue, and of a suspended worker."""

WORKERS: Final = {"busy": "▸", "idle": "·", "suspended": PAUSED, "stopping": "⋯", "silent": "⚠"}
"""The glyph of each status of a worker."""

CAUSES: Final[dict[State, str]] = {"new": "✱", "known": "·", "back": "↻"}
"""The glyph of each state of a cause of failures."""

SEVERITIES: Final[dict[Severity, str]] = {"bad": "✗", "warn": "⚠", "hint": "·"}
"""The glyph of how bad something is that `qtui doctor` finds."""


def cause(found: Cause | None) -> str:
    """What was raised, without the exception's module: "ConnectionError: <ip> refused"."""
    return formatting.UNKNOWN if found is None else found.headline


def status(row: JobRow) -> str:
    """Glyph and word: "✗ failed"."""
    if row.held:
        return f"{PAUSED} held"
    return f"{STATUSES[row.status].glyph} {STATUSES[row.status].title}" if row.status else "? unknown status"


def attempts(row: JobRow) -> str:
    """The attempt and how many are allowed: "2/3", "1", "–"."""
    return formatting.attempts(row.attempts, row.attempts_allowed)


def order(window: Window) -> str:
    """The order of a list that is not newest first throughout: "newest 505 by end, then by expiry"; '' for the usual one."""
    number = window.in_order
    if number and window.then == "queue by queue":
        return f"{'oldest' if window.oldest_first else 'newest'} {formatting.count(number)}, then {window.then}"
    if number and number < window.total:
        return f"newest {formatting.count(number)} by end, then {window.then}"
    return "" if window.is_in_order else "by expiry, as they are kept for different times (s sorts by end, too)"


def function(row: JobRow) -> str:
    """The end of the function's name: "shop.charge" of "acme.shop.charge", "report" of "workers.report.report"."""
    module, _, name = (row.function or formatting.UNKNOWN).rpartition(".")
    return name if module.rpartition(".")[2] in ("", name) else formatting.short_function(row.function)


def unreadable(number: int) -> str:
    """How many entries of a list have no job that can be read, behind a semicolon; '' where there is none."""
    entries = "entry has" if number == 1 else "entries have"
    return f"; {formatting.count(number)} {entries} no job that can be read" if number else ""


def drain(row: QueueRow) -> str:
    """When no job waits any more: "36s", "empty now", "keeps up", "grows 450/min", "not shrinking"; "–" where it is not known."""
    seconds = trend.drain_seconds(row)
    if seconds is None:
        return formatting.UNKNOWN
    if seconds == 0:
        return "empty now"
    if math.isfinite(seconds):
        return formatting.age(seconds)
    if trend.falling_behind(row):
        return f"grows {formatting.count(trend.growth_a_minute(row))}/min"
    return "keeps up" if trend.is_brisk(row) else "not shrinking"


def why(row: QueueRow) -> str:
    """What is wrong with a queue, as glyph and words: "‖ paused"; '' if nothing is."""
    return troubles.why(row)


def silence(row: JobRow, now: float) -> str:
    """That the worker of a started job is not heard any more: "no sign of life for 1m 30s"; '' if all is well."""
    seconds = row.silence(now)
    return "" if seconds is None else f"no sign of life for {formatting.age(seconds)}"


def held(hold: Hold, now: float) -> str:
    """That a job waits in a hold, whose it is and why: "held by ann@web-1, 2m ago: gateway is down"."""
    since = f", {formatting.ago(hold.at, now)}" if hold.at else ""
    return f"held by {hold.by or 'somebody'}{since}" + (f": {hold.reason}" if hold.reason else "")


def note(row: JobRow, now: float) -> str:
    """What keeps a job from being done; '' if nothing is known to."""
    return held(row.held, now) if row.held else silence(row, now)


def no_worker(here: str) -> str:
    """That no worker is registered, and what can be done; `here`: as `here.suffix`."""
    return f"No worker is registered.\nStart one: qtui-worker{here}"


def unaware(seen: HoldPreview, here: str) -> str:
    """That workers which know no hold go on running the jobs, and what can be done; `here`: as `here.suffix`."""
    import shlex  # seldom needed

    names = ", ".join(row.name for row in seen.unaware[:3]) + (", …" if len(seen.unaware) > 3 else "")
    one = "listens here and knows no hold, as it is no qtui-worker: it goes"
    more = "listen here and know no hold, as they are no qtui-workers: they go"
    where = seen.queues[0] if seen.queues else "QUEUE"
    return (
        f"{names} {one if len(seen.unaware) == 1 else more} on running such jobs. "
        f"Move them to a queue that nobody works on: qtui move --all --status queued --queue {shlex.quote(where)} "
        f"--filter {shlex.quote(seen.filter)} --to held{here}"
    )


def elapsed(run: Run, now: float) -> str:
    """How long a job runs, of how long it may: "4m 2s / 2h"; of one that has ended, how long it took."""
    row, after = run.row, run.after
    if after:
        return formatting.duration(after.took)
    allowed = f" / {formatting.age(row.timeout)}" if row.timeout and row.timeout > 0 else ""
    return f"{formatting.age(None if row.started_at is None else now - row.started_at)}{allowed}"


def usual(run: Run, known: Usual | None, now: float) -> str:
    """What the function usually takes, with a sign where a run takes far longer: "1m 20s", "40.0 s ⚠", "–"."""
    if known is None:
        return formatting.UNKNOWN
    return formatting.duration(known.median) + (" ⚠" if is_far_over(run, known, now) else "")


def is_far_over(run: Run, known: Usual | None, now: float) -> bool:
    """Whether a run takes, or took, far longer than its function usually does."""
    begun = run.row.started_at
    seconds = run.after.took if run.after else None if begun is None else now - begun
    return known is not None and seconds is not None and known.is_far_over(seconds)


def in_steps(seconds: float | None) -> float | None:
    """An age that goes on in steps of `STEP`."""
    return None if seconds is None else seconds // STEP * STEP


def ending(row: JobRow, now: float) -> str:
    """How a job ended that ran a moment ago: "finished 5s ago", "failed now: TimeoutError: no answer", "scheduled again"."""
    if row.status is None:
        problem = row.problem or "its status is not known"
        return f"ended, {problem}".replace("the job's", "its")
    word = STATUSES[row.status].title
    if not row.status.ended:
        return f"{word} again"
    since = max(0.0, now - row.moment) if row.moment else None
    when = "" if since is None else f" {formatting.ago(0.0, in_steps(since) or 0.0)}"
    return ": ".join(filter(None, (f"{word}{when}", error(row))))


def summary(row: JobRow) -> str:
    """The most useful line about a job: what is wrong with its record, else its error, else its description."""
    return row.problem or error(row) or row.description or ""


def error(row: JobRow) -> str:
    """What was raised, without the exception's module: "ConnectionError: 10.0.4.7 refused"."""
    return re.sub(_MODULES, "", row.error or "", count=1)


def sentence(error: Exception, connection: str) -> str:
    """What went wrong, in a sentence; `connection` is the name of the one it happened on."""
    if isinstance(error, QtuiError):
        return f"{str(error).removesuffix('.')}."
    import redis  # here and below: not needed for words

    from qtui_workers.server.redis_errors import explain

    if isinstance(error, redis.RedisError | OSError):
        return str(explain(error, connection))
    return f"qtui has a fault here ({type(error).__name__}: {printable(str(error), 200)}); please report it."


def job_line(row: JobRow) -> str:
    """A job as one line: its id, its function, and its summary."""
    return f"  {formatting.short_id(row.id):<9} {function(row):<20} {summary(row)}"


def worker_status(row: WorkerRow) -> str:
    """What a worker does, in a word: "silent", "stopping", else its status."""
    return "silent" if row.is_silent else "stopping" if row.stopping else row.status or "unknown"


def worker_glyph(row: WorkerRow) -> str:
    """The glyph of that word."""
    return WORKERS.get(worker_status(row), "?")


def running(each: AtWork, now: float) -> str:
    """The job of a worker: "shop.charge 7f3a91c2 of payments for 4m 2s"."""
    job, short = each.job, formatting.short_id(each.worker.current_job or "")
    if job is None or job.status is None:
        return f"job {short}, whose record is gone" if job and job.problem else f"job {short}"
    where = f" of {job.queue}" if job.queue else ""
    since = f" for {formatting.age(now - job.started_at)}" if job.started_at is not None else ""
    name = function(job)
    return f"{'job' if name == formatting.UNKNOWN else name} {short}{where}{since}"


def memory(row: WorkerRow) -> str:
    """What the horse of a worker holds, in which its jobs run, else the worker itself: "84.1 MiB"; "–" of a stock worker."""
    return formatting.size(row.memory if row.horse_memory is None else row.horse_memory)


def stack(now: Stack, before: Stack | None) -> str:
    """When a stack was taken and how, and whether the job has moved on since the one before."""
    how = ", by a signal: native code holds Python's lock" if now.how == "signal" else ""
    moved = "" if before is None else ", at the same line as before" if now.is_where(before) else ", elsewhere than before"
    return f"{formatting.clock(now.at)}, process {now.pid}{moved}{how}"
