"""Which lines fit an expression that asks for more of their jobs than the lines tell: each job is read once, many together."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import redis

from qtui.broker.search.candidate import NOTHING, Candidate
from qtui.broker.search.expression import Expression
from qtui.broker.search.reading import MOST, Reader, Stretch, blocks
from qtui.broker.status import Status
from qtui.broker.tail.fitting import TOLD, fits
from qtui.broker.tail.lines import Line
from qtui_workers.text import encode

REMEMBERED: Final = 20_000
"""Of so many jobs it is remembered whether they fit, and when they were enqueued; a few bytes of each."""


class _Times(Candidate):
    """A job of which only some times are kept."""

    def __init__(self, job: Candidate, names: Iterable[str]) -> None:
        super().__init__(b"", "", None, {})
        self._times = {name: job.time(name) for name in names}

    def time(self, name: str) -> float | None:
        return self._times[name]


class Known:
    """The lines that fit an expression, whose qualifiers are those that lines tell, `payload` and `age`."""

    def __init__(self, client: redis.Redis, expression: Expression) -> None:
        terms = expression.terms
        self._told = Expression(expression.text, tuple(term for term in terms if term.qualifier.name in TOLD))
        self._payload = Expression("", tuple(term for term in terms if term.qualifier.name == "payload"))
        self._age = Expression("", tuple(term for term in terms if term.qualifier.name == "age"))
        need = self._payload.need | self._age.need
        self._reader = Reader(client, need) if need != NOTHING else None
        self._jobs: dict[str, Candidate | None] = {}
        """The jobs that were read; None where the payload does not fit, or there is no such job."""

    def fitting(self, lines: Sequence[Line]) -> list[Line]:
        """Those of the lines that fit; reads the jobs that are not known yet. Raises redis.RedisError."""
        told = [line for line in lines if fits(self._told, line)]
        if self._reader is None:
            return told
        self._read(self._reader, told)
        return [line for line in told if (job := self._jobs.get(line.job or "")) and self._age.fits(job, line.at)]

    def _read(self, reader: Reader, lines: Sequence[Line]) -> None:
        """Read the jobs of these lines that are not known; of all others those are kept that were asked for last."""
        for line in lines:
            if line.kind == Status.QUEUED:  # perhaps once more, and later
                self._jobs.pop(line.job or "", None)
        wanted = dict.fromkeys(line.job for line in lines if line.job)
        known = {job_id: self._jobs.pop(job_id) for job_id in wanted if job_id in self._jobs}
        self._jobs |= known
        ids = [encode(job_id) for job_id in wanted if job_id not in known]
        for jobs in reader.read(blocks(iter([Stretch(ids, "", failed=False)]), lambda: MOST)) if ids else ():
            for job in jobs:
                good = not job.damaged and self._payload.fits(job, 0)
                self._jobs[job.id] = _Times(job, self._age.need.fields) if good else None
        while len(self._jobs) > max(REMEMBERED, len(wanted)):
            del self._jobs[next(iter(self._jobs))]
