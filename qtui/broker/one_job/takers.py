"""Which workers can take a job, one by one, and why the others cannot."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final, Literal

import redis

from qtui.broker import clock, rows
from qtui.broker.models import JobRow
from qtui.broker.rows import DATA_READ
from qtui.broker.status import STATUSES, Status
from qtui.broker.workers import workers_at_work
from qtui.broker.workers.workers_at_work import AtWork
from qtui_workers.enqueue.holds import holding
from qtui_workers.rate.limit_usage import LimitUsage, read_usages
from qtui_workers.reporting import events
from qtui_workers.reporting.events import Event, EventKind
from qtui_workers.server import keys
from qtui_workers.server.replies import reply_of
from qtui_workers.text import decode, encode

EVENTS: Final = 2_000
"""So many of the newest events are searched for refusals."""

Answer = Literal["yes", "busy", "no"]
"""`busy`: it could, after the job that it runs."""
Why = Literal["", "elsewhere", "silent", "suspended", "paused", "held", "stopping", "refused", "limited"]
"""Why not; '' where it can."""


@dataclass(frozen=True, slots=True)
class Taker:
    """A worker, and whether it can take the job."""

    each: AtWork
    answer: Answer
    why: Why = ""
    refusal: Event | None = None
    """When it refused that job, or another of the function, and why."""


@dataclass(frozen=True, slots=True)
class Takers:
    """All workers, and the job that they could take."""

    queue: str | None
    job: JobRow | None
    """None where no job waits in the queue."""
    takers: tuple[Taker, ...]
    """Those that can take it first, then those that could if they were not busy, then the others; each by name."""
    at: float
    """The server's clock."""
    hold: str | None = None
    """The hold that it is in, or that a worker would put it into."""
    limit: LimitUsage | None = None
    """The rate limit that lets no job of the queue start now."""

    def count(self, answer: Answer) -> int:
        """How many workers have that answer."""
        return sum(taker.answer == answer for taker in self.takers)

    @property
    def status(self) -> str:
        """Why no worker takes the job at the moment, whichever there are: its status; '' where it is queued."""
        status = self.job.status if self.job else Status.QUEUED
        return "" if status is Status.QUEUED else STATUSES[status].title if status else "of no known status"


@dataclass(frozen=True, slots=True)
class _Facts:
    """What the answers follow from, besides the workers."""

    queue: str | None
    job: JobRow | None
    suspended: bool
    paused: bool
    hold: str | None
    limit: LimitUsage | None
    refusals: dict[str, Event]


def load(client: redis.Redis, *, job: str | None = None, queue: str | None = None) -> Takers:
    """Who can take a job, or the one at the head of a queue. Raises redis.RedisError."""
    if job is None and queue is not None:
        head: Any = client.lindex(keys.queue(queue), 0)
        job = None if head is None else decode(head)
    (row,) = rows.named(client, [(job, queue or "")]) if job is not None else (None,)
    where = row.queue if row else queue
    with client.pipeline(transaction=False) as pipe:
        pipe.time()
        pipe.exists(keys.SUSPENDED)
        pipe.smembers(keys.PAUSED)
        pipe.xrevrange(keys.EVENTS, count=EVENTS)
        pipe.hkeys(keys.HOLDS)
        pipe.hget(keys.LIMITS, encode(where or ""))
        moment, suspended, paused, entries, holds, limit = pipe.execute(raise_on_error=False)
    recent = [events.from_entry(entry_id, fields) for entry_id, fields in reversed(reply_of(entries) or [])]
    is_paused = (where or "") in map(decode, reply_of(paused) or ())
    usages = read_usages(client, [decode(name)]) if (name := reply_of(limit)) else []
    facts = _Facts(
        queue=where,
        job=row,
        suspended=bool(reply_of(suspended)),
        paused=is_paused,
        hold=row.held.text if row and row.held else _hold(client, row, reply_of(holds) or []),
        limit=next((usage for usage in usages if usage.next_free_in > 0), None),
        refusals=_refusals(recent, row),
    )
    found = [_taker(each, facts) for each in workers_at_work.load(client)]
    order: tuple[Answer, ...] = ("yes", "busy", "no")
    ranked = sorted(found, key=lambda taker: (order.index(taker.answer), taker.each.worker.name))
    return Takers(where, row, tuple(ranked), clock.of_reply(moment).seconds, facts.hold, facts.limit)


def _hold(client: redis.Redis, job: JobRow | None, placed: list[bytes]) -> str | None:
    """The hold into which a worker would put a job that waits; None also where its payload is too long for a look."""
    if job is None or not placed or job.status is None or not job.status.waits:
        return None
    key = encode(keys.job(job.id))
    with client.pipeline(transaction=False) as pipe:
        pipe.hstrlen(key, "data")
        pipe.hexists(key, keys.FIELD_LET)
        size, is_let = (reply_of(reply) for reply in pipe.execute(raise_on_error=False))
    if is_let or not size or size > DATA_READ:
        return None
    data: Any = client.hget(key, "data")
    return holding(placed, data or b"")


def _taker(each: AtWork, facts: _Facts) -> Taker:
    why, refusal = _why(each, facts), facts.refusals.get(each.worker.name)
    if why:
        return Taker(each, "no", why, refusal if why == "refused" else None)
    return Taker(each, "busy" if each.worker.current_job else "yes")


def _why(each: AtWork, facts: _Facts) -> Why:
    """The first reason, of those that last longest first. Only qtui-workers know pauses, holds and rate limits."""
    worker = each.worker
    if facts.queue not in worker.queues:
        return "elsewhere"
    if worker.is_silent:
        return "silent"
    if worker.stopping:
        return "stopping"
    if facts.suspended:
        return "suspended"
    if worker.knows_holds and facts.paused:
        return "paused"
    if worker.knows_holds and facts.hold:
        return "held"
    if worker.name in facts.refusals:
        return "refused"
    return "limited" if worker.knows_holds and facts.limit else ""


def _refusals(recent: Iterable[Event], job: JobRow | None) -> dict[str, Event]:
    """The newest refusal of the job or its function by each worker, unless it has run such a job since."""
    found: dict[str, Event] = {}
    for event in recent:
        source = event.source
        if job is None or source.worker is None or (source.job != job.id and source.function != job.function):
            continue
        if event.kind == EventKind.REFUSED:
            found[source.worker] = event
        elif event.kind in (EventKind.COMPLETED, EventKind.FAILED, EventKind.RETRYING):
            found.pop(source.worker, None)
    return found
