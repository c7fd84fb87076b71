"""The figures of queues for which jobs have to be read: how long they wait and run, and how many enter, succeed and fail."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import redis

from qtui.broker.lists import jobs
from qtui.broker.models import Overview, QueueRow, WorkerRow
from qtui.broker.queues import overview, trend
from qtui.broker.status import Status
from qtui.broker.workers import registered_workers
from qtui_workers.records import replace
from qtui_workers.server import keys
from qtui_workers.server.replies import reply_of
from qtui_workers.server.rq_format import parse_time
from qtui_workers.text import decode, encode

SAMPLE: Final = 200
"""Of each queue so many jobs are read that were queued last, that finished last and that failed last."""
WINDOW: Final = 300.0
"""Seconds over which a rate is averaged; less where the sample does not go back that far. RQ keeps a finished job for 500 s."""
CHUNK: Final = 1_000
"""Jobs read in one round trip."""

MOST_FAILED: Final = 1_000
"""Of so many queues, those with the most failed jobs, it is found out whether jobs failed just before."""
MOST_BURNING: Final = 50
"""Of so many queues in which jobs failed just before, it is counted how many."""

_SAMPLED: Final = (Status.QUEUED, Status.FINISHED, Status.FAILED)
_FIELDS: Final = ("enqueued_at", "started_at", "ended_at")


@dataclass(frozen=True, slots=True)
class Spread:
    """Percentiles of a length of time, in seconds."""

    p50: float
    p95: float
    p99: float


@dataclass(frozen=True, slots=True)
class QueueFigures:
    """The figures of one queue."""

    row: QueueRow
    """With its rates, and with how many jobs finished and failed in the last minute (`trend.LATELY`), or in the time for
    which both samples hold all of them."""
    wait: Spread | None
    """From being queued to being started, of jobs that ended last; None where none is kept."""
    run: Spread | None
    """From start to end, of the same jobs."""

    @property
    def failed_share(self) -> float | None:
        """The share of failures among the jobs that ended in the last minute, 0 to 1; None if none ended."""
        failed, finished = self.row.lately_failed or 0, self.row.lately_finished or 0
        return failed / (failed + finished) if failed + finished else None


@dataclass(frozen=True, slots=True)
class Figures:
    """Everything at one moment."""

    overview: Overview
    queues: tuple[QueueFigures, ...]
    workers: tuple[WorkerRow, ...]

    @property
    def utilisation(self) -> float | None:
        """The share of the living workers that run a job, 0 to 1; None if none lives."""
        living = [worker for worker in self.workers if not worker.is_silent]
        return sum(bool(worker.current_job) for worker in living) / len(living) if living else None


@dataclass(frozen=True, slots=True)
class _Times:
    """When a job was queued, started and ended; None where its hash does not say it."""

    enqueued: float | None
    started: float | None
    ended: float | None


@dataclass(frozen=True, slots=True)
class _Sample:
    """The newest jobs of a status."""

    jobs: Sequence[_Times]
    whole: bool
    """Whether these are all of them."""

    @property
    def ended(self) -> list[float]:
        """When they ended, as far as that is known."""
        return _known(job.ended for job in self.jobs)

    def reaches(self, at: float, moments: Sequence[float]) -> float:
        """For how many seconds back from `at` the sample holds every job, `WINDOW` at most."""
        return WINDOW if self.whole or not moments else min(WINDOW, max(1.0, at - min(moments)))


def load(client: redis.Redis, queue: str | None = None) -> Figures:
    """The figures of one queue, or of all: an overview, and two round trips for every few queues that hold jobs.

    Raises redis.RedisError if the server cannot answer, or refuses a command.
    """
    seen = overview.load(client)
    rows = [row for row in seen.queues if queue in (None, row.name)]
    samples = _samples(client, rows)
    return Figures(seen, tuple(_of_queue(row, samples, seen.at) for row in rows), registered_workers.load(client))


def just_ended(client: redis.Redis, rows: Iterable[QueueRow], at: float) -> dict[str, tuple[int, int]]:
    """How many jobs finished and failed in the minute before `at`, by queue; of those queues of which one has failed in it.

    `at`: the server's time of the rows, in seconds since the epoch. Two round trips, and two more where jobs have failed so
    lately. Of thousands of queues it looks at those with the most failed jobs. Nothing is known where a command is refused.
    Raises redis.ConnectionError or redis.TimeoutError if the server cannot answer.
    """
    try:
        return _just_ended(client, rows, at)
    except redis.ResponseError:
        return {}


def _just_ended(client: redis.Redis, rows: Iterable[QueueRow], at: float) -> dict[str, tuple[int, int]]:
    failed = sorted((row for row in rows if row.count(Status.FAILED)), key=lambda row: -row.count(Status.FAILED))[:MOST_FAILED]
    newest = _samples(client, failed, (Status.FAILED,), number=1)
    burning = [row for row in failed if any(at - moment <= trend.LATELY for moment in newest[row.name, Status.FAILED].ended)]
    samples = _samples(client, burning[:MOST_BURNING], (Status.FINISHED, Status.FAILED))
    ended = [_of_queue(row, samples, at, until=at).row for row in burning[:MOST_BURNING]]
    return {row.name: (row.lately_finished or 0, row.lately_failed or 0) for row in ended}


Samples = dict[tuple[str, Status], _Sample]


def _samples(
    client: redis.Redis, rows: Iterable[QueueRow], statuses: Sequence[Status] = _SAMPLED, *, number: int = SAMPLE
) -> Samples:
    wanted = [(row.name, status) for row in rows for status in statuses if row.count(status)]
    with client.pipeline(transaction=False) as pipe:
        for name, status in wanted:
            key = encode(jobs.place(name, status))
            pipe.lrange(key, -number, -1) if status.place == "queue" else pipe.zrevrange(key, 0, number - 1)
        found = [[decode(job_id) for job_id in reply_of(reply) or ()] for reply in pipe.execute(raise_on_error=False)]
    times = iter(_times(client, [job_id for ids in found for job_id in ids]))
    return {place: _Sample([next(times) for _ in ids], whole=len(ids) < number) for place, ids in zip(wanted, found, strict=True)}


def _times(client: redis.Redis, ids: Sequence[str]) -> list[_Times]:
    replies: list[Any] = []
    with client.pipeline(transaction=False) as pipe:
        for first in range(0, len(ids), CHUNK):
            for job_id in ids[first : first + CHUNK]:
                pipe.hmget(encode(keys.job(job_id)), list(_FIELDS))
            replies += map(reply_of, pipe.execute(raise_on_error=False))
    return [_Times(*map(parse_time, reply or (None, None, None))) for reply in replies]


def _of_queue(row: QueueRow, samples: Samples, at: float, *, until: float = math.inf) -> QueueFigures:
    """`until`: jobs that ended later do not count."""
    queued, finished, failed = (samples.get((row.name, status), _Sample((), whole=True)) for status in _SAMPLED)
    ended = [job for sample in (finished, failed) for job in sample.jobs]
    succeeded, lost = ([moment for moment in sample.ended if moment <= until] for sample in (finished, failed))
    span = min(trend.LATELY, finished.reaches(at, succeeded), failed.reaches(at, lost))
    entered = [(sample, _known(job.enqueued for job in sample.jobs)) for sample in (queued, finished, failed)]
    rated = replace(
        row,
        enqueued_per_second=_rate(entered, at),
        finished_per_second=_rate([(finished, succeeded)], at),
        failed_per_second=_rate([(failed, lost)], at),
        lately_finished=_within(span, succeeded, at),
        lately_failed=_within(span, lost, at),
    )
    waits = [job.started - job.enqueued for job in ended if job.started is not None and job.enqueued is not None]
    runs = [job.ended - job.started for job in ended if job.ended is not None and job.started is not None]
    return QueueFigures(rated, spread(waits), spread(runs))


def _known(moments: Iterable[float | None]) -> list[float]:
    return [moment for moment in moments if moment is not None]


def _rate(samples: Sequence[tuple[_Sample, Sequence[float]]], at: float) -> float:
    """Jobs a second: those of all samples, over the time for which each sample is whole."""
    span = min(sample.reaches(at, moments) for sample, moments in samples)
    return sum(_within(span, moments, at) for _, moments in samples) / span


def _within(span: float, moments: Iterable[float], at: float) -> int:
    """How many moments are of the last so many seconds."""
    return sum(at - moment <= span for moment in moments)


def spread(values: Iterable[float]) -> Spread | None:
    """The percentiles, by the nearest rank; a negative value (clocks that differ) counts 0. None of no values."""
    known = sorted(max(0.0, value) for value in values)
    if not known:
        return None
    return Spread(*(known[math.ceil(share * len(known)) - 1] for share in (0.5, 0.95, 0.99)))
