"""What repeated looks at jobs show that no event has reported: of stock workers nothing else is known."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from qtui.broker import rows as jobs
from qtui.broker.lists.running import Subject
from qtui.broker.models import JobRow
from qtui.broker.status import Status
from qtui.broker.tail.lines import BEGUN, ENDS, GONE, META, NOTE, Line
from qtui_workers.reporting.events import EventKind
from qtui_workers.text import printable

REMEMBERED: Final = 20_000
"""Jobs of which the last event is remembered."""

_TOLD: Final[dict[str, frozenset[Status]]] = {
    EventKind.QUEUED.value: frozenset({Status.QUEUED}),
    EventKind.STARTED.value: frozenset({Status.STARTED}),
    EventKind.PROGRESS.value: frozenset({Status.STARTED}),
    EventKind.RETRYING.value: frozenset({Status.QUEUED, Status.SCHEDULED}),
    EventKind.REFUSED.value: frozenset({Status.SCHEDULED}),
    EventKind.HELD.value: frozenset({Status.DEFERRED}),
    **{status.value: frozenset({status}) for status in Status if status.ended},
}
"""The statuses that a job has after an event, or after a line of ours."""
_BY_PEOPLE: Final = frozenset({Status.CANCELED, Status.STOPPED, Status.SCHEDULED, Status.DEFERRED, Status.QUEUED})
"""What becomes of jobs without an event also where a qtui-worker runs them: an operator did it, or a scheduler."""


class SeenChanges:
    """What events have reported of each job, and how it was at the last look."""

    def __init__(self, about: Subject) -> None:
        self._about = about
        self._seen: dict[str, JobRow] | None = None
        self._last: dict[str, str] = {}
        """The kind of the last line about each job."""
        self._fresh: dict[str, int] = {}
        """The jobs about which there were events since they were seen last, each with the number of the reading that found it."""
        self._is_noted = False
        """Whether the line has been shown that workers without events report nothing."""

    @property
    def is_new(self) -> bool:
        """Whether the jobs were not seen yet."""
        return self._seen is None

    def is_known(self, line: Line, turn: int) -> bool:
        """Whether an event, found by the reading of that number, only repeats what was seen before it; it is remembered."""
        if line.job is None:
            return False
        before = self._last.pop(line.job, None)
        self._last[line.job] = f"{line.kind}"
        self._fresh[line.job] = turn
        if len(self._last) > REMEMBERED:
            del self._last[next(iter(self._last))]
        return before == f"seen {line.kind}" and line.kind != EventKind.PROGRESS

    def forget_before(self, turn: int) -> None:
        """The jobs are seen as they were before the reading of that number: events that were found earlier are no news."""
        self._fresh = {job: found for job, found in self._fresh.items() if found >= turn}

    def has_ended(self, job: str) -> bool:
        """Whether an event has reported, since the last look, that its attempt has ended."""
        return job in self._fresh and self._last.get(job) in ENDS

    def has_begun(self, job: str) -> bool:
        """Whether an event has reported, since the last look, that an attempt has begun."""
        return job in self._fresh and self._last.get(job) in BEGUN

    def look(self, rows: Sequence[JobRow], now: float) -> list[Line]:
        """The lines that say what has changed since the rows before, where no event did. The first rows only say how it is.

        All events that were written before the rows were read have to be known.
        """
        first, before = self.is_new, self._seen or {}
        lines = []
        for row in rows:
            if first and not self._about.ids:
                continue
            lines += self._changes(row, before.get(row.id), now, first)
        self._seen = {row.id: row for row in rows}
        return lines

    def _changes(self, row: JobRow, before: JobRow | None, now: float, first: bool) -> list[Line]:
        kind = row.status.value if row.status else GONE if row.problem in jobs.PROBLEMS.values() else NOTE
        if before is not None and (before.status is row.status) and before.started_at == row.started_at:
            return self._reports(row, before, now)
        if row.id in self._fresh and not first:
            return []
        last = self._last.get(row.id, "").removeprefix("seen ")
        if row.status in _TOLD.get(last, ()):
            return []
        self._last[row.id] = f"seen {kind}"
        text = row.error if row.status and row.status.failed else "" if row.status else row.problem
        line = _line(row, kind, text or "", now if row.moment is None or kind == GONE else row.moment)
        return [line] if first else [*self._note(row, now), line]

    def _reports(self, row: JobRow, before: JobRow, now: float) -> list[Line]:
        """A job that is as before, except perhaps for its progress, and for what else it has in its meta."""
        changed: dict[str, str | None] = {k: value for k, value in row.meta.items() if before.meta.get(k) != value}
        changed |= dict.fromkeys(k for k in before.meta if k not in row.meta)
        if changed:
            said = ", ".join(f"{name} removed" if value is None else f"{name}={value}" for name, value in changed.items())
            line = _line(row, META, said, now)._replace(details=changed)
            return [*self._progress(row, before, now), *self._note(row, now), line]
        return self._progress(row, before, now)

    def _progress(self, row: JobRow, before: JobRow, now: float) -> list[Line]:
        if row.progress is None or row.progress == before.progress or row.id in self._fresh:
            return []
        if self._last.get(row.id) == EventKind.PROGRESS:  # events report it, at most once a second
            return []
        details = {"done": row.progress.done, "total": row.progress.total, "message": row.progress.message}
        line = _line(row, EventKind.PROGRESS.value, row.progress.message, now)
        return [*self._note(row, now), line._replace(details=details)]

    def _note(self, row: JobRow, now: float) -> list[Line]:
        """Once: that nothing but this is seen of the jobs of other workers."""
        if row.status in _BY_PEOPLE or row.status is None or row.worker is None or self._is_noted:
            return []
        self._is_noted = True
        text = (
            f"{printable(row.worker, 100)} is no qtui-worker: of the jobs of such workers only status, progress and meta are "
            "seen, once a second; their log lines, and what comes and goes between two looks, are missing"
        )
        return [Line(now, NOTE, text)]


def _line(row: JobRow, kind: str, text: str, at: float) -> Line:
    return Line(at, kind, text, "", row.id, row.queue, row.function, row.worker, row.attempts)
