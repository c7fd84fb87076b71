"""Enqueues scheduled jobs that are due, in short scripts: nothing comes between reading a job and enqueuing it."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import redis

from qtui_workers.engine.claim import DEFAULT_TIMEOUT
from qtui_workers.engine.ending import UNREADABLE
from qtui_workers.engine.unreadable_jobs import why_unreadable
from qtui_workers.server.rq_format import format_time, format_traceback
from qtui_workers.server.scripts import Script
from qtui_workers.text import decode, printable

log = logging.getLogger("rq.worker")

_FIRST, _LARGEST = 25, 400
"""Jobs in the first script, and at most in a later one."""
_TIGHT: Final = 0.003
"""Where a script takes the server longer than so many seconds, the next one has fewer jobs, so that none takes 10 ms."""
_KEPT: Final = 30 * 86_400

_DUE: Final = Script.load("due")
_DUE_CHECKED: Final = Script.load("due_checked")


@dataclass(frozen=True, slots=True)
class Turn:
    """What one script did."""

    known: bool
    """Whether the scheduler is on record."""
    more: bool
    """Whether more jobs are due."""
    held: set[str]
    """The queues whose lock it has."""


class DueJobs:
    """The due jobs of some queues, as one scheduler enqueues them.

    What RQ's scheduler would write is written (`rq.scheduler.RQScheduler.enqueue_scheduled_jobs`), by the server's clock. A
    job is only enqueued by the script that removes it from the registry of scheduled jobs, and only while the scheduler has
    the lock of its queue. So none is enqueued that was canceled or removed, and none twice, however long a scheduler
    stands still in between.
    """

    def __init__(self, connection: redis.Redis, scheduler: str, serializer: Any, *, lock: int) -> None:
        """`scheduler` is its name, as RQ's locks hold it; `lock`: the seconds of a lock; `serializer` reads odd records."""
        self._connection = connection
        self._scheduler = scheduler
        self._serializer = serializer
        self._lock = lock
        self._chunk = _FIRST
        self._way = math.inf
        """Seconds that the fastest round trip took."""

    def enqueue(self, queues: Sequence[str]) -> Turn:
        """Renews or takes the locks of these queues, and enqueues some of what is due; raises redis.RedisError or OSError."""
        began = time.monotonic()
        known, more, taken, held, odd = _DUE.run(
            self._connection,
            *queues,
            timeout=DEFAULT_TIMEOUT,
            scheduler=self._scheduler,
            iso=format_time(time.time()),
            lasts=self._lock,
            most=self._chunk,
        )
        self._adapt(time.monotonic() - began, bool(more))
        settled = [self._settle(decode(queue), decode(job_id), decode(problem)) for queue, job_id, problem in odd]
        return Turn(bool(known), bool(more) and (taken > 0 or any(settled)), set(map(decode, held)))

    def _adapt(self, took: float, full: bool) -> None:
        """Chooses the size of the next chunk by how long the server took."""
        self._way = min(self._way, took)
        if took - self._way > _TIGHT:
            self._chunk = max(1, self._chunk // 2)
        elif full:
            self._chunk = min(_LARGEST, self._chunk * 2)

    def _settle(self, queue: str, job_id: str, problem: str) -> bool:
        """Enqueues a job whose record is unusual, or puts it among the failed ones where RQ cannot read it."""
        reason = (
            f"the key of its {problem} has the wrong type"
            if problem
            else why_unreadable(self._connection, job_id, self._serializer)
        )
        sentence = f"{UNREADABLE} ({printable(reason, 300)})" if reason else ""
        done = _DUE_CHECKED.run(
            self._connection,
            timeout=DEFAULT_TIMEOUT,
            scheduler=self._scheduler,
            queue=queue,
            id=job_id,
            iso=format_time(time.time()),
            traceback=format_traceback(sentence) if sentence else "",
            kept=_KEPT,
        )
        if done and sentence:
            log.error(
                "job %s: %s; it is now among the failed jobs of %s", printable(job_id, 200), sentence, printable(queue, 200)
            )
        return bool(done)
