"""Enqueues the jobs of processors that have a schedule: one for each tick, however many workers there are."""

# mypy: allow-untyped-calls
# (some methods of RQ have no types)

from __future__ import annotations

import json
import logging
import math
import os
import re
import socket
import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from hashlib import sha1
from itertools import chain
from typing import Any, Final, cast
from uuid import uuid4

import redis
from rq.defaults import DEFAULT_CRON_JOB_HISTORY_LIMIT, DEFAULT_CRON_JOB_HISTORY_TTL, DEFAULT_CRON_SCHEDULER_TTL

from qtui_workers.define.options import RetrySettings
from qtui_workers.define.processor_facts import ProcessorFacts
from qtui_workers.define.schedule import Schedule
from qtui_workers.enqueue import batches
from qtui_workers.enqueue.job_template import JobTemplate, make_template
from qtui_workers.server import keys
from qtui_workers.server.rq_format import format_time, parse_number
from qtui_workers.server.scripts import Script
from qtui_workers.text import decode

log = logging.getLogger(__name__)

LEASE: Final = 8.0
"""Seconds after which another process may lead, where the leader is gone or gets no CPU time."""
_RENEWAL: Final = 2.5
"""Seconds between two renewals of a lead."""
_LONGEST_REST: Final = 60.0
_RECORD_AGE: Final = 30.0
"""Seconds after which RQ's record of this scheduler, which lives for 120, is written again."""
_REMEMBERED: Final = 30 * 86_400
"""Seconds for which a cron job without a leader is remembered: for all ticks missed in that time, one job is enqueued."""

_LEAD: Final = Script.load("cron_lead")
_ENQUEUE: Final = Script.load("cron")


@dataclass(slots=True)
class _Entry:
    """One cron job, as this process sees it."""

    schedule: Schedule
    template: JobTemplate
    leads: bool = False
    """Whether this process enqueues it."""
    last: int = 0
    """Its last tick, or the time it was registered."""
    enqueued: float | None = None
    due: float | None = None
    """When its next job is due; None: to be checked as soon as this process leads it."""

    @property
    def name(self) -> str:
        return self.template.processor.name

    def job_id(self, tick: int) -> str:
        """The id of the job of that tick, the same in every process: `cron-NAME-20260131T235900`, in UTC."""
        name = re.sub(r"[^A-Za-z0-9_-]", "-", self.name[:100])
        if name != self.name:
            name += "-" + sha1(self.name.encode(), usedforsecurity=False).hexdigest()[:8]
        return f"cron-{name}-{datetime.fromtimestamp(tick, UTC):%Y%m%dT%H%M%S}"

    def record(self, now: float) -> dict[str, Any]:
        """The cron job as RQ's own tools read it (`rq.cron.CronJob.from_dict`), with the timezone."""
        from rq.cron import CronJob  # loads croniter and dateutil, which a worker without cron jobs does not need

        options, processor = self.template.options, self.template.processor
        cron_job = CronJob(
            self.template.queue,
            func_name=processor.path,
            kwargs={},
            cron=self.schedule.cron,
            interval=int(self.schedule.every.total_seconds()) if self.schedule.every else None,
            job_timeout=math.ceil(options.timeout.total_seconds()),
            result_ttl=int(options.result_ttl.total_seconds()),
            failure_ttl=int(options.failure_ttl.total_seconds()),
            webhooks=cast(Any, options.webhooks),  # each is an rq.Webhook
            name=self.name,
        )
        following = self.schedule.next(max(now, self.last))
        cron_job.latest_enqueue_time = None if self.enqueued is None else datetime.fromtimestamp(self.enqueued, UTC)
        cron_job.next_enqueue_time = None if following is None else datetime.fromtimestamp(following, UTC)
        record: dict[str, Any] = cron_job.to_dict()
        return record | {"timezone": self.schedule.timezone}


class Cron:
    """The schedules of some processors, and this process's part in enqueuing their jobs.

    One of the processes that know a cron job leads it: only that process enqueues its jobs, until it has been gone for eight
    seconds by the server's clock. Where all processes know the same cron jobs, one leads them all. The script that enqueues
    checks the lead and the last tick itself: no tick is enqueued twice, not even by a process that was suspended and still
    acts as the leader.

    The first tick() of a process registers its cron jobs. A schedule that is new or has changed counts from then on, also in
    the process that leads the cron job. Where ticks were missed, for up to 30 days, only the newest of them is enqueued. A
    tick is left out where the job of the tick before still waits, for a worker or for another attempt (`Options.every_tick`).

    RQ shows the leader as one of its cron schedulers (`rq.cron.CronScheduler`). There is no thread: call tick() again and
    again, from one thread and one process.
    """

    def __init__(self, connection: redis.Redis, processors: Iterable[ProcessorFacts], *, name: str | None = None) -> None:
        """Processors without a schedule are left out; `name` is the name of this process in RQ's tools.

        Raises InvalidInput where a processor's queue has a name that is not allowed.
        """
        retries = RetrySettings.read().job_max_retries
        self._connection = connection
        self._token = uuid4().hex
        self._entries = [
            _Entry(each.options.schedule, make_template(each, retries, delay=0)) for each in processors if each.options.schedule
        ]
        self._registered = False
        self._created_at = time.time()
        self._record = ""
        self._recorded_at = 0.0
        self.name = name or f"{socket.gethostname()}:{os.getpid()}:{self._token[:6]}"

    def tick(self, now: float | None = None) -> float:
        """Enqueues what is due and this process leads; returns the seconds until the next call.

        `now` is in seconds since 1970; None: the server's time, which leads always use. Raises redis.RedisError; it is safe to
        call it again then.
        """
        if not self._entries:
            return _LONGEST_REST
        server, rest = self._lead(LEASE, now)
        at = server if now is None else now
        for entry in self._entries:
            if entry.leads and (entry.due is None or at >= entry.due):
                self._enqueue_due(entry, at)
        self._show(server, at)
        waits = [entry.due - at for entry in self._entries if entry.leads and entry.due is not None]
        return max(0.0, min([rest, *waits]))

    def close(self) -> None:
        """Gives up the cron jobs that it leads, so that others take over within seconds, and removes its record for RQ's tools.

        Raises redis.RedisError.
        """
        if self._entries:
            server, _ = self._lead(0, None)
            self._show(server, server)

    def _lead(self, lease: float, now: float | None) -> tuple[float, float]:
        """Takes or renews the lead where it can; returns the server's time, and the seconds until the next call."""
        cron_jobs = [part for entry in self._entries for part in (entry.name, str(entry.schedule))]
        server, *answers = _LEAD.run(
            self._connection,
            *cron_jobs,
            token=self._token,
            lasts=round(lease * 1000),
            registering=int(not self._registered),
            kept=_REMEMBERED,
            since="" if now is None else math.floor(now),
        )
        self._registered = True
        free_in = LEASE
        for entry, (leads, last, enqueued, left) in zip(self._entries, answers, strict=True):
            entry.due = entry.due if leads and entry.leads else None
            entry.leads = bool(leads)
            entry.last = int(parse_number(last) or 0)
            entry.enqueued = parse_number(enqueued)
            free_in = free_in if leads else min(free_in, left / 1000 + 0.05)
        leading = any(entry.leads for entry in self._entries)
        return int(server) / 1000, min(free_in, _RENEWAL) if leading else free_in

    def _enqueue_due(self, entry: _Entry, at: float) -> None:
        tick = entry.schedule.last(at)
        if tick is not None and tick > entry.last:
            self._enqueue(entry, tick, at)
        entry.due = entry.schedule.next(at)

    def _enqueue(self, entry: _Entry, tick: int, at: float) -> None:
        template = replace(entry.template, job_id=entry.job_id(tick))
        now = datetime.fromtimestamp(at, UTC)
        (row,) = template.rows([None], "payload")
        own = chain.from_iterable(zip(template.own, template.own_values(row), strict=True))
        batches.register_limit(self._connection, template)
        reply = _ENQUEUE.run(
            self._connection,
            *template.shared(now),
            *own,
            token=self._token,
            name=entry.name,
            tick=tick,
            now=at,
            id=row.id,
            place=template.place,
            queue=template.queue,
            score=template.score(now),
            kept=DEFAULT_CRON_JOB_HISTORY_LIMIT,
            lasts=DEFAULT_CRON_JOB_HISTORY_TTL,
            call=row.description,
            every_tick=int(template.options.every_tick),
            content=row.content,
        )
        outcome = decode(reply)
        if outcome == "lost":
            entry.leads = False
        elif outcome == "done":
            entry.last, entry.enqueued = tick, at
            log.info("cron: enqueued %s", row.id)
            batches.promote(self._connection, template)
        elif outcome == "waits":
            entry.last = tick
            log.debug("cron: not enqueued, as the job of the tick before still waits: %s", row.id)

    def _show(self, server: float, at: float) -> None:
        """Writes the record for RQ's tools, where it has changed or is old."""
        led = [entry.record(at) for entry in self._entries if entry.leads]
        record = json.dumps(led) if led else ""
        if record == self._record and (not led or server - self._recorded_at < _RECORD_AGE):
            return
        key = keys.cron_scheduler(self.name)
        with self._connection.pipeline() as pipe:
            if led:
                pipe.hset(key, mapping=self._facts(record))
                pipe.expire(key, DEFAULT_CRON_SCHEDULER_TTL)
                pipe.zadd(keys.CRON_SCHEDULERS, {self.name: server})
            else:
                pipe.delete(key)
                pipe.zrem(keys.CRON_SCHEDULERS, self.name)
            pipe.execute()
        self._record, self._recorded_at = record, server

    def _facts(self, record: str) -> dict[Any, str | int]:
        return {
            "hostname": socket.gethostname(),
            "pid": os.getpid(),
            "name": self.name,
            "created_at": format_time(self._created_at),
            "config_file": "",
            "cron_jobs": record,
        }
