"""Which lines fit an expression that asks for more of their jobs than the lines say: each job is read once, many together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final

import redis

from qtui.broker.search.candidate import NOTHING, Candidate
from qtui.broker.search.expression import Expression
from qtui.broker.search.reading import MOST, Reader, Stretch, blocks
from qtui.broker.status import Status
from qtui.broker.tail.line_filter import OF_LINES, fits
from qtui.broker.tail.lines import Line
from qtui_workers.text import encode

REMEMBERED: Final = 20_000
"""Of so many jobs it is remembered whether they fit, and when they were enqueued: as many as a view keeps lines."""


class _Times(Candidate):
    """A job of which only some times are kept."""

    def __init__(self, job: Candidate, names: Iterable[str]) -> None:
        super().__init__(b"", "", None, {})
        self._times = {name: job.time(name) for name in names}

    def time(self, name: str) -> float | None:
        return self._times[name]


class JobLineFilter:
    """The lines that fit an expression; its qualifiers are those that lines themselves answer, `payload` and `age`."""

    def __init__(self, connect: Callable[[], redis.Redis], expression: Expression) -> None:
        """`connect` is called where jobs are read, as the connection may have to be made."""
        terms = expression.terms
        self._of_lines = Expression(expression.text, tuple(term for term in terms if term.qualifier.name in OF_LINES))
        self._payload = Expression("", tuple(term for term in terms if term.qualifier.name == "payload"))
        self._age = Expression("", tuple(term for term in terms if term.qualifier.name == "age"))
        self._connect, self._need = connect, self._payload.need | self._age.need
        self._jobs: dict[str, Candidate | None] = {}
        """The jobs that were read; None where the payload does not fit, or there is no such job."""
        self._asked: dict[str, None] = {}
        """The same jobs, those that were needed last at the end."""

    def fitting(self, lines: Sequence[Line]) -> list[Line]:
        """Those of the lines that fit; reads the jobs that are not known yet. Raises redis.RedisError."""
        self.read(lines)
        return [line for line in lines if self.fits(line)]

    def fits(self, line: Line) -> bool:
        """Whether a line fits whose job was read; may be called while another thread reads more of them."""
        if not fits(self._of_lines, line):
            return False
        job = self._jobs.get(line.job or "")
        return self._need == NOTHING or (job is not None and self._age.fits(job, line.at))

    def read(self, lines: Sequence[Line]) -> None:
        """Read the jobs of these lines that are not known; of all others those are kept that were needed last.

        Only one thread at a time may do so. Raises redis.RedisError.
        """
        if self._need == NOTHING:
            return
        fitting = [line for line in lines if line.job and fits(self._of_lines, line)]
        again = {line.job for line in fitting if line.kind == Status.QUEUED}  # perhaps once more, and later
        wanted = dict.fromkeys(line.job or "" for line in fitting)
        ids = [encode(job_id) for job_id in wanted if job_id in again or job_id not in self._jobs]
        some = blocks(iter([Stretch(ids, "", failed=False)]), lambda: MOST)
        for jobs in Reader(self._connect(), self._need).read(some) if ids else ():
            for job in jobs:
                good = not job.damaged and self._payload.fits(job, 0)
                self._jobs[job.id] = _Times(job, self._age.need.fields) if good else None
        for job_id in wanted:
            self._asked.pop(job_id, None)
            self._asked[job_id] = None
        while len(self._asked) > max(REMEMBERED, len(wanted)):
            oldest = next(iter(self._asked))
            del self._asked[oldest]
            self._jobs.pop(oldest, None)
