"""The loop of a worker: it takes a job, runs it, ends it and takes the next, or waits until there may be one."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, MutableMapping
from typing import Final

from rq.executions import Execution

from qtui_workers.engine import attempt_logs
from qtui_workers.engine.attempt_logs import Standstill
from qtui_workers.engine.claim import Claim, NoJob
from qtui_workers.engine.ending import Ending, held, returned, unreadable
from qtui_workers.engine.exchange import Ended, Exchange
from qtui_workers.engine.execution.job_runner import JobRunner, ReportStart
from qtui_workers.engine.execution.wakeups import Wakeups
from qtui_workers.engine.job_reader import JobReader
from qtui_workers.engine.outage import Outage
from qtui_workers.engine.queue_watch import QueueWatch
from qtui_workers.engine.refused_queues import Refusals
from qtui_workers.engine.shutdown import Shutdown
from qtui_workers.engine.unreadable_jobs import AWAY
from qtui_workers.engine.upkeep import Upkeep
from qtui_workers.server import keys

_POLL_EVERY: Final = 0.2
"""Seconds between two requests for a job where the server does not report changes."""
_LONG_WAIT: Final = 10.0
"""Seconds for which a limiter holds jobs back that are worth a second request, once its changes are reported."""


class Loop:
    """Works on jobs, one after the other, in one thread: so forking a horse is safe."""

    def __init__(
        self,
        worker: str,
        *,
        jobs: JobReader,
        exchange: Exchange,
        runner: JobRunner,
        upkeep: Upkeep,
        wakeups: Wakeups,
        watch: QueueWatch,
        shutdown: Shutdown,
        outage: Outage,
        report_start: ReportStart,
        queue_names: Callable[[], list[str]],
        executions: MutableMapping[str, Execution],
        job_taken: Callable[[Claim], None],
        refusals: Refusals,
    ) -> None:
        """`executions`: those that run at the moment, by id; `job_taken` is called with each job before it is run."""
        self._worker = worker
        self._jobs = jobs
        self._exchange = exchange
        self._runner = runner
        self._upkeep = upkeep
        self._wakeups = wakeups
        self._watch = watch
        self._shutdown = shutdown
        self._outage = outage
        self._report_start = report_start
        self._queue_names = queue_names
        self._executions = executions
        self._job_taken = job_taken
        self._refusals = refusals
        self._standstill = Standstill(worker)
        self.done = 0
        """How many jobs were run."""

    def run(self, *, burst: bool, max_jobs: int | None, max_idle_time: float | None) -> None:
        """Works until a stop is requested, in burst until there is no job, or until one of the limits is reached."""
        self.done = 0
        ended: Ended | None = None
        idle_since = time.monotonic()
        while True:
            self._upkeep.run_due(None)
            rest = self._runner.rest()
            found = self._exchange.end_and_take(ended, more=not rest and (max_jobs is None or self.done < max_jobs))
            ended = None
            if rest and not self._shutdown.requested:
                self._wakeups.wait(min(rest, self._upkeep.next_due - time.monotonic()))
                continue
            if isinstance(found, Claim) and (found.hold or self._shutdown.requested):
                ended = found, held(found) if found.hold else returned(found)
                continue
            self._standstill.note(found)
            if isinstance(found, Claim):
                if self._watch.armed:
                    self._watch.note_unreported()
                ended = self._run_job(found)
                self.done += 1
                idle_since = time.monotonic()
            elif (
                self._is_over(found, burst)
                or self.done == max_jobs
                or (max_idle_time is not None and time.monotonic() - idle_since >= max_idle_time)
            ):
                return
            else:
                self._wait_for_work(found, max_idle_time)

    def _is_over(self, found: NoJob, burst: bool) -> bool:
        return self._shutdown.requested or (burst and found.wait is None)

    def _run_job(self, claim: Claim) -> Ended | None:
        """Runs a job; returns how it ended, or None where that is written already."""
        self._job_taken(claim)
        ending = self._ending_of(claim)
        self._refusals.note(claim, ending)
        if ending.kind != "settled":
            return claim, ending
        self._report_start(claim, time.monotonic())  # as the script that ends a job does
        attempt_logs.log_end(claim, ending, self._worker)
        return None

    def _ending_of(self, claim: Claim) -> Ending:
        if not claim.readable:
            return unreadable(claim, "its record holds no data")
        execution = self._jobs.execution_of(claim)
        self._executions[execution.id] = execution
        try:
            return self._runner.run(claim)
        except AWAY:
            raise
        except Exception as error:  # noqa: BLE001 - whatever a record holds, the next job must get its turn
            self._runner.discard()
            return unreadable(claim, f"{type(error).__name__}: {error}")
        finally:
            self._executions.pop(execution.id, None)

    def _wait_for_work(self, found: NoJob, max_idle_time: float | None) -> None:
        """Waits until there may be work, or another reason to request some; meanwhile it runs the worker's upkeep."""
        now = time.monotonic()
        until = min(now + min(_known(found.wait, max_idle_time)), self._refusals.next_return(self._queue_names()))
        while not self._shutdown.requested:
            with self._outage.tolerated():
                names, limits = self._keys_of_work(found), [keys.limit(name) for name in found.limits]
                # A limiter that was closed may have been opened before the watch began: the first request after that finds out.
                held_long = bool(limits) and found.wait is not None and found.wait > _LONG_WAIT
                if not self._watch.covers([*names, *limits]) and (self._watch.arm(names, limits) or held_long):
                    return
            poll = math.inf if self._watch.armed else _POLL_EVERY
            self._wakeups.wait(min(min(self._upkeep.next_due, until) - time.monotonic(), poll))
            if not self._watch.armed or time.monotonic() >= until:
                return
            self._upkeep.run_due(None)
            if self._upkeep.jobs_wait:  # a report may not have arrived
                return

    def _keys_of_work(self, found: NoJob) -> list[str]:
        """The keys whose change may bring work.

        A queue that a limit holds back, or that is left alone, is left out: new jobs there bring none.
        """
        queues = [keys.queue(name) for name in self._queue_names() if name not in found.held and self._refusals.takes_from(name)]
        return [*queues, keys.SUSPENDED, keys.PAUSED]


def _known(*seconds: float | None) -> list[float]:
    """Those that are set; at least one, as there is no end to the others."""
    return [math.inf, *(one for one in seconds if one is not None)]
