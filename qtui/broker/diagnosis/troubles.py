"""What can be wrong with a queue, ranked by harm: one row per kind, from which order, column, verdict and Enter derive."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final, Literal

from qtui.broker.queues import trend
from qtui.broker.queues.trend import waiting
from qtui.broker.status import COUNTED, STATUSES, Status, Tone
from qtui_workers.records import Record

if TYPE_CHECKING:
    from qtui.broker.diagnosis.queue_look import QueueLook
    from qtui.broker.models import JobRow, Overview, QueueRow

Opens = Status | Literal["causes"]
"""What shows why a queue is in trouble: its jobs of a status, or the causes of its failures."""


def _nothing(_row: QueueRow, _look: QueueLook | None, _here: str) -> str:
    return ""


class Trouble(Record):
    """A kind of trouble; what it says may depend on what a look at the queue has found, where there was one."""

    glyph: str
    tone: Tone
    applies: Callable[[QueueRow], bool]
    why: Callable[[QueueRow], str]
    """The trouble in a few words, for a column."""
    say: Callable[[QueueRow, QueueLook | None], str]
    """The same for a sentence."""
    opens: Opens
    """Where the jobs are that it is about."""
    keys: str = ""
    """What to press next on the dashboard; '' where `do` is to be done there, too."""
    do: Callable[[QueueRow, QueueLook | None, str], str] = _nothing
    """What to do next outside the dashboard: "Start a worker: rq worker mail"; with the options of the connection."""


def _queued(row: QueueRow) -> int:
    return 0 if row.paused else row.count(Status.QUEUED)


def _number(number: int, one: str, more: str) -> str:
    return one if number == 1 else more.format(number=f"{number:,}")


def _jobs(number: int) -> str:
    return _number(number, "1 job", "{number} jobs")


def _start(what: str) -> Callable[[QueueRow, QueueLook | None, str], str]:
    """How to have somebody work on a queue."""

    def do(_row: QueueRow, look: QueueLook | None, here: str) -> str:
        if not (look and look.start):
            return f"Start {what} for it"
        return f"Start {what}: {look.start}{here if look.start.startswith('qtui-worker ') else ''}"  # rq has other options

    return do


def _command(why: str, words: str) -> Callable[[QueueRow, QueueLook | None, str], str]:
    """A command of qtui that ends with the name of the queue, quoted for a shell, and what for."""

    def do(row: QueueRow, _look: QueueLook | None, here: str) -> str:
        import shlex  # only where there is something to do

        return f"{why}: qtui {words} {shlex.quote(row.name)}{here}"

    return do


def _fails(how: Callable[[QueueRow], str]) -> Callable[[QueueRow, QueueLook | None], str]:
    """That jobs fail, and the most frequent cause."""

    def say(row: QueueRow, look: QueueLook | None) -> str:
        return f"{how(row)}, {_top_cause(look) or f'{row.lately_failed or 0:,} in the last minute'}"

    return say


def _top_cause(look: QueueLook | None) -> str:
    """The most frequent cause: "3,700 × ConnectionError: <ip> refused (new)"; '' where nobody looked."""
    seen = look.failures if look else None
    if seen is None or not seen.causes:
        return ""
    top = seen.causes[0]
    what = f"{top.cause.headline if top.cause else '–'} ({seen.state(top)})"
    if seen.is_whole:
        return f"{top.count:,} × {what}"
    return f"{f'{top.count:,} of ' if top.count < seen.read else ''}the newest {seen.read:,}: {what}"


def _percent(row: QueueRow) -> int:
    """How many percent of the attempts failed; below 100 where one succeeded."""
    return min(99, round(trend.share_of_failures(row) * 100))


def _most(row: QueueRow) -> str:
    return f"{_percent(row)} % of the attempts of the last minute failed"


def _say_overdue(row: QueueRow, _look: QueueLook | None) -> str:
    late = f"{_jobs(row.overdue)} should have been queued by now"
    return f"{late}: the scheduler is late" if row.scheduler else f"{late}, and no scheduler is alive"


def _deferred(row: QueueRow) -> bool:
    return row.count(Status.DEFERRED) > row.held and not row.count(Status.QUEUED) and not row.count(Status.STARTED)


def _dead(row: QueueRow) -> bool:
    """Whether nobody works on a queue, although nobody has paused it."""
    return row.workers == 0 and not row.paused and row.count(Status.QUEUED) + row.silent > 0


def _silent(row: QueueRow, _look: QueueLook | None) -> str:
    return _number(row.silent, "its only worker gives no sign of life", "none of its {number} workers gives a sign of life")


def _unattended(row: QueueRow, look: QueueLook | None) -> str:
    """That nobody works on the jobs of a queue."""
    waits = waiting(row.count(Status.QUEUED))
    return f"{_silent(row, look)}, {waits}" if row.silent else f"nobody listens and {waits}"


def _say_deferred(row: QueueRow, look: QueueLook | None) -> str:
    if look and look.blocked:
        return _blocked(row, look.blocked)
    return _number(row.count(Status.DEFERRED), "1 job waits", "{number} jobs wait") + " for other jobs to finish"


STILL: Final = 600.0
"""Seconds without a job that entered or ended after which a queue may be idle."""
CAUSES_NEXT: Final = "Enter its causes"
TROUBLES: Final = (
    Trouble(
        "✗", "bad", trend.failing,
        lambda _row: "every attempt fails",
        _fails(lambda _row: "every attempt fails"),
        "causes", CAUSES_NEXT,
    ),
    Trouble(
        "⚠", "bad", lambda row: _dead(row) and _queued(row) + row.count(Status.STARTED) > 0,
        lambda row: _number(row.silent, "worker is silent", "{number} workers silent") if row.silent else "nobody listens",
        _unattended,
        Status.QUEUED, do=_start("a worker"),
    ),
    Trouble(
        "✗", "bad", lambda row: trend.mostly_failing(row) and not trend.failing(row),
        lambda row: f"{_percent(row)} % fail",
        _fails(_most),
        "causes", CAUSES_NEXT,
    ),
    Trouble(
        "⚠", "bad", lambda row: row.lost > 0,
        lambda row: f"{row.lost:,} lost {'its' if row.lost == 1 else 'their'} worker",
        lambda row, _look: f"{_jobs(row.lost)} lost the worker while running and can be put back",
        Status.STARTED, "Enter them, B puts back", _command("Put them back", "requeue --all --queue"),
    ),
    Trouble(
        "◷", "warn", lambda row: row.overdue > 0,
        lambda row: f"{row.overdue:,} overdue{'' if row.scheduler else ', no scheduler'}",
        _say_overdue,
        Status.SCHEDULED,
        do=lambda row, _look, _here: "" if row.scheduler else "Start one: any qtui-worker, or rq worker --with-scheduler",
    ),
    Trouble(
        "⚠", "warn", lambda row: 0 < row.workers == row.busy and _queued(row) > 0 and not row.count(Status.STARTED),
        lambda row: _number(row.workers, "worker busy elsewhere", "{number} busy elsewhere"),
        lambda row, _look: (
            _number(row.workers, "its only worker is", "all its {number} workers are")
            + f" busy with jobs of other queues: {waiting(row.count(Status.QUEUED))}"
        ),
        Status.QUEUED, "L shows each and why not", _start("another worker"),
    ),
    Trouble(
        "⚠", "warn", trend.untaken,
        lambda _row: "nothing is taken",
        lambda row, _look: (
            _number(row.workers, "1 worker listens, but takes", "{number} workers listen, but take")
            + f" nothing, {waiting(row.count(Status.QUEUED))}"
        ),
        Status.QUEUED, "L shows each and why not",
    ),
    Trouble(
        "▲", "warn", lambda row: trend.falling_behind(row) and not row.paused,
        lambda row: f"grows by {trend.growth(row):,.1f}/s",
        lambda row, _look: (
            f"is falling behind by {trend.growth_a_minute(row):,} a minute: {waiting(row.count(Status.QUEUED))}"
        ),
        Status.QUEUED, do=_start("another worker"),
    ),
    Trouble(
        "‖", "warn", lambda row: row.paused,
        lambda _row: "paused",
        lambda row, _look: f"is paused until somebody resumes it: {waiting(row.count(Status.QUEUED))}",
        Status.QUEUED, "P resumes it", _command("Resume it", "resume"),
    ),
    Trouble(
        "‖", "warn", lambda row: row.held > 0,
        lambda row: f"{row.held:,} held",
        lambda row, _look: f"{_jobs(row.held)} wait in a hold until somebody releases it",
        Status.DEFERRED, "Enter them, H releases", lambda _row, _look, here: f"By whom and why: qtui hold{here}",
    ),
    Trouble(
        "⚠", "warn", lambda row: _dead(row) and row.silent > 0 and _queued(row) + row.count(Status.STARTED) == 0,
        lambda row: _number(row.silent, "worker is silent", "{number} workers silent"),
        _silent,
        Status.QUEUED, do=_start("a worker"),
    ),
    Trouble(
        "⋯", "warn", _deferred,
        lambda row: _number(row.count(Status.DEFERRED), "1 waits for others", "{number} wait for others"),
        _say_deferred,
        Status.DEFERRED,
    ),
)  # fmt: skip
"""Every kind, the most harmful first."""


def of(row: QueueRow) -> tuple[Trouble, ...]:
    """The troubles of a queue, the most harmful first."""
    return tuple(trouble for trouble in TROUBLES if trouble.applies(row))


def why(row: QueueRow) -> str:
    """The most harmful trouble of a queue as glyph and words: "‖ paused"; '' if there is none."""
    found = of(row)
    return f"{found[0].glyph} {found[0].why(row)}" if found else ""


def opens(row: QueueRow) -> Opens | None:
    """What shows why a queue is in trouble: the jobs of its most harmful trouble, or its failed ones; None if all is well."""
    found, failed = of(row), row.count(Status.FAILED) > 0
    where = found[0].opens if found else None
    if where == "causes" or (where and row.count(where) and not (failed and trend.falling_behind(row))):
        return where
    return Status.FAILED if failed else None


def is_idle(row: QueueRow, at: float) -> bool:
    """Whether there is nothing to see in a queue.

    That is: no trouble and no silent worker, no job but finished and canceled ones, and none that moved for `STILL` seconds;
    `at` is the server's clock.
    """
    holds = any(row.count(status) for status in COUNTED if status.failed or not status.ended)
    moves = row.moved_at is not None and at - row.moved_at < STILL
    return not (holds or moves or row.silent or of(row))


def _harm(row: QueueRow) -> tuple[object, ...]:
    """The kind of trouble, then how many jobs it is about."""
    found = of(row)
    failed, queued = row.count(Status.FAILED), row.count(Status.QUEUED)
    rank = TROUBLES.index(found[0]) if found else len(TROUBLES)
    return (rank, -(failed + queued) if found else 0, -failed, -queued, row.name)


ORDERS: Final[dict[str, Callable[[QueueRow], tuple[object, ...]]]] = {
    "trouble": _harm,
    "name": lambda queue: (queue.name,),
    "queued": lambda queue: (-queue.count(Status.QUEUED), queue.name),
    "failed": lambda queue: (-queue.count(Status.FAILED), queue.name),
}
"""The sort keys of lists of queues, by name; the first is the default."""


class Verdict(Record):
    """What an operator has to know about a queue now."""

    text: str
    """Sentences, the worst first."""
    step: str
    """What to do next; '' where nothing has to be done."""

    def __str__(self) -> str:
        return f"{self.text} {self.step}".rstrip()


def verdict(queue: QueueRow, overview: Overview, look: QueueLook | None = None, here: str = "", *, keys: bool = True) -> Verdict:
    """What is wrong with a queue and what to do, with what a look at it has found; `keys`: in keys of the dashboard.

    `here`: the options of the connection, as `qtui.connection_options.suffix` writes them.
    """
    parts = []
    if overview.suspended:
        parts.append(f"All workers are suspended (`qtui resume --workers{here}` ends that).")
    found = of(queue)
    said = [trouble.say(queue, look) for trouble in found] or [_calm(queue)]
    waits = waiting(queue.count(Status.QUEUED))
    said = [text if waits not in " ".join(said[:place]) else _without(text, waits) for place, text in enumerate(said)]
    parts += [f"{_sentence(queue.name, said[0])}.", *(f"{_beginning(text)}." for text in said[1:])]
    steps = [step for trouble in found if (step := (keys and trouble.keys) or trouble.do(queue, look, here))]
    if look and look.blocked:
        parts += [] if _deferred(queue) else [f"{_blocked(queue, look.blocked)}."]
        steps += [f"p opens {look.blocked.id[:8]}"] if keys else []
    if failed := queue.count(Status.FAILED):
        cause = "" if found and found[0].opens == "causes" else _top_cause(look)
        parts.append(f"{failed:,} failed{f', {cause}' if cause else ''}.")
    return Verdict(" ".join(parts), steps[0] if steps else "")


def _without(text: str, waits: str) -> str:
    """The sentence without the number of waiting jobs at its end."""
    for between in (" and ", ", ", ": "):
        text = text.removesuffix(f"{between}{waits}")
    return text


def _beginning(text: str) -> str:
    return f"It {text}" if text.startswith("is ") else text[0].upper() + text[1:]


def _sentence(name: str, text: str) -> str:
    return f"{name} {text}" if text.startswith("is ") else f"{name}: {text}"


def _calm(queue: QueueRow) -> str:
    queued, running = queue.count(Status.QUEUED), queue.count(Status.STARTED)
    if queued:
        return f"{waiting(queued)}, {running:,} running"
    if running:
        return f"nothing waits, {running:,} running"
    workers = {0: "no worker listens", 1: "1 worker listens"}.get(queue.workers, f"{queue.workers:,} workers listen")
    return f"nothing waits, nothing runs; {workers}"


def _blocked(queue: QueueRow, parent: JobRow) -> str:
    status = STATUSES[parent.status].title if parent.status else "gone"
    stay = _number(queue.count(Status.DEFERRED), "1 deferred job stays", "{number} deferred jobs stay")
    return f"{stay}: what they wait for will not finish by itself, such as {parent.id[:8]}, which is {status}"
