"""What is about to run: cron jobs, and scheduled jobs, the soonest first."""

from __future__ import annotations

import heapq
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import redis

from qtui.broker import clock, rows
from qtui.broker.lists import jobs
from qtui.broker.models import JobRow
from qtui.broker.status import Status
from qtui_workers.records import Record, replace
from qtui_workers.server import keys
from qtui_workers.server.replies import reply_of
from qtui_workers.server.rq_format import parse_number, parse_time
from qtui_workers.text import decode, encode

MOST: Final = 500
"""So many scheduled jobs are read, more than anyone reads; and so many cron jobs."""
READ: Final = 256 * 1024
"""Bytes; a scheduler whose list of cron jobs is longer is left out."""
RUNS: Final = 5
"""So many jobs of a cron job are listed, of the first `MOST_NAMED` cron jobs."""
MOST_NAMED: Final = 100
_OF_OURS: Final = ("schedule", "last", "enqueued", "job")


class CronRun(Record):
    """One job that a cron job has enqueued."""

    job: str
    at: float
    """When it was enqueued."""
    status: Status | None = None
    """None where the job is gone, or its status is not known."""


class CronRow(Record):
    """One cron job."""

    name: str
    queue: str | None = None
    function: str | None = None
    cron: str | None = None
    """The expression; None where it repeats after `every` seconds."""
    every: float | None = None
    timezone: str = "UTC"
    last: float | None = None
    """When its last job was enqueued."""
    due: float | None = None
    """When its next one is; None: not known."""
    scheduler: str | None = None
    """The living program that enqueues it; None: there is none."""
    last_job: str | None = None
    """The id of its last job, which may be gone."""
    runs: tuple[CronRun, ...] = ()
    """Its last jobs, the newest first, at most `RUNS`."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """What is about to run."""

    crons: tuple[CronRow, ...]
    """The soonest first; those that nobody enqueues at the beginning."""
    jobs: tuple[JobRow, ...]
    """The scheduled jobs that are due first, at most `MOST`."""
    total: int
    """How many scheduled jobs there are."""
    late: frozenset[str]
    """The queues with a job that is overdue and no living scheduler."""


def load(client: redis.Redis, most: int = MOST) -> Schedule:
    """What is about to run, in four round trips; a damaged record of a scheduler is left out.

    Raises redis.RedisError if the server cannot answer, or refuses a command.
    """
    with client.pipeline(transaction=False) as pipe:
        pipe.time()
        pipe.zrange(keys.CRON_SCHEDULERS, 0, -1)
        pipe.zrevrange(keys.CRON_JOBS, 0, MOST - 1)
        pipe.smembers(keys.QUEUES)
        moment, *others = pipe.execute(raise_on_error=False)
        schedulers, cron_jobs, queue_keys = (reply_of(reply) or () for reply in others)
        now = clock.of_reply(moment).seconds
        reported = _reported(pipe, [decode(name) for name in schedulers])
        crons = _crons(pipe, reported, [decode(name) for name in cron_jobs])
        soonest, total, late = _soonest(pipe, jobs.names_of(queue_keys), most, now)
    recent = [(run.job, row.queue or "") for row in crons[:MOST_NAMED] for run in row.runs]
    found = rows.named(client, [*((job_id, queue) for _, job_id, queue in soonest), *recent])
    due = [at for at, *_ in soonest]
    scheduled = tuple(replace(row, scheduled_for=at) for row, at in zip(found, due, strict=False))
    return Schedule(_with_statuses(crons, found[len(due) :]), scheduled, total, late)


def _with_statuses(crons: tuple[CronRow, ...], jobs: Iterable[JobRow]) -> tuple[CronRow, ...]:
    """The cron jobs with the statuses of their last jobs, where they were read."""
    status = {job.id: job.status for job in jobs}
    return tuple(
        replace(row, runs=tuple(replace(run, status=status.get(run.job)) for run in row.runs)) if row.runs else row
        for row in crons
    )


def _reported(pipe: redis.client.Pipeline, schedulers: Iterable[str]) -> dict[str, CronRow]:
    """The cron jobs that living schedulers report, ours and RQ's, by name."""
    names = list(schedulers)
    for name in names:
        pipe.hstrlen(encode(keys.cron_scheduler(name)), "cron_jobs")
    sizes = [reply_of(reply) or 0 for reply in pipe.execute(raise_on_error=False)]
    living = [name for name, size in zip(names, sizes, strict=True) if 0 < size <= READ]
    for name in living:
        pipe.hget(encode(keys.cron_scheduler(name)), "cron_jobs")
    replies = [reply_of(reply) for reply in pipe.execute(raise_on_error=False)]
    return {row.name: row for name, reply in zip(living, replies, strict=True) for row in _rows_of(name, reply)}


def _rows_of(scheduler: str, reply: bytes | None) -> Iterator[CronRow]:
    """The rows in the list of one scheduler, as `rq.cron.CronJob.to_dict` writes it."""
    try:
        listed = json.loads(reply or b"[]")
    except (ValueError, RecursionError):
        return
    for each in listed if isinstance(listed, list) else ():
        if isinstance(each, dict):
            yield _row_of(scheduler, each)


def _row_of(scheduler: str, each: dict[str, Any]) -> CronRow:
    function, interval = _text(each, "func_name"), each.get("interval")
    return CronRow(
        name=_text(each, "name") or function or "?",
        queue=_text(each, "queue_name"),
        function=function,
        cron=_text(each, "cron"),
        every=float(interval) if isinstance(interval, int | float) else None,
        timezone=_text(each, "timezone") or "UTC",
        last=parse_time(encode(_text(each, "latest_enqueue_time") or "")),
        due=parse_time(encode(_text(each, "next_enqueue_time") or "")),
        scheduler=scheduler,
    )


def _text(each: dict[str, Any], name: str) -> str | None:
    value = each.get(name)
    return value[:500] if isinstance(value, str) and value else None


def _crons(pipe: redis.client.Pipeline, reported: dict[str, CronRow], remembered: Iterable[str]) -> tuple[CronRow, ...]:
    """All cron jobs: those that are reported, and those that only Redis still knows."""
    names = list(dict.fromkeys([*reported, *remembered]))[:MOST]
    for name in names:
        pipe.hmget(encode(keys.cron(name)), list(_OF_OURS))
        pipe.zrevrange(encode(keys.cron_job_history(name)), 0, RUNS - 1, withscores=True)
    replies = [reply_of(reply) for reply in pipe.execute(raise_on_error=False)]
    found = [
        _completed(reported.get(name) or CronRow(name), ours or [None] * len(_OF_OURS), history or [])
        for name, ours, history in zip(names, replies[::2], replies[1::2], strict=True)
    ]
    return tuple(sorted(found, key=lambda row: (row.scheduler is not None, row.due is None, row.due or 0.0, row.name)))


def _completed(row: CronRow, ours: list[bytes | None], history: list[tuple[bytes, float]]) -> CronRow:
    schedule, _, enqueued, _ = ours
    cron, every, timezone = (row.cron, row.every, row.timezone) if row.scheduler else _parsed(decode(schedule))
    newest = decode(history[0][0]) if history else decode(ours[3])
    last = max((at for at in (row.last, parse_number(enqueued), history[0][1] if history else None) if at), default=None)
    runs = tuple(CronRun(decode(job_id), at) for job_id, at in history)
    return replace(row, cron=cron, every=every, timezone=timezone, last=last, last_job=newest or None, runs=runs)


def _parsed(text: str) -> tuple[str | None, float | None, str]:
    """Expression, interval and time zone in the text of a `qtui_workers.define.schedule.Schedule`."""
    if text.startswith("every "):
        return None, parse_number(encode(text.removeprefix("every ").removesuffix(" s"))), "UTC"
    cron, _, zone = text.partition(" (")
    return cron or None, None, zone.rstrip(")") or "UTC"


def _soonest(
    pipe: redis.client.Pipeline, names: tuple[str, ...], most: int, now: float
) -> tuple[list[tuple[float, str, str]], int, frozenset[str]]:
    """(due, id, queue) of the scheduled jobs that are due first, how many there are, and the queues that are late."""
    for name in names:
        key = encode(jobs.place(name, Status.SCHEDULED))
        pipe.zcard(key)
        pipe.zrange(key, 0, most - 1, withscores=True)
        pipe.exists(encode(keys.scheduler_lock(name)))
    replies = [reply_of(reply) for reply in pipe.execute(raise_on_error=False)]
    heads = [
        [(score, decode(job_id), name) for job_id, score in listed or ()]
        for name, listed in zip(names, replies[1::3], strict=True)
    ]
    late = {
        name for name, head, alive in zip(names, heads, replies[2::3], strict=True) if head and head[0][0] <= now and not alive
    }
    return list(heapq.merge(*heads))[:most], sum(size or 0 for size in replies[::3]), frozenset(late)
