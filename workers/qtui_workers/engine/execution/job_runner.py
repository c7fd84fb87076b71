"""What runs a worker's jobs: a horse, or the worker's own process."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

from qtui_workers.engine.claim import Claim, Interrupted
from qtui_workers.engine.ending import Ending, returned
from qtui_workers.engine.execution.performer import Performer
from qtui_workers.engine.execution.stack_requests import InProcessStacks
from qtui_workers.engine.shutdown import Shutdown

ReportStart = Callable[[Claim, float], None]
"""Called with the claim, and with the time (time.monotonic) at which the job's own code was seen to have begun."""


class JobRunner(Protocol):
    """Runs jobs one after the other."""

    def run(self, claim: Claim) -> Ending:
        """Runs a job and returns how it ended. It raises only errors that have nothing to do with the job."""
        ...

    def rest(self) -> float:
        """Seconds for which no job may be taken, as no process can be started to run it; 0 where one may."""
        ...

    def settle(self, execution: str) -> bool:
        """Has RQ's own code end that execution, if it ran last; returns whether it did."""
        ...

    def memory(self) -> int | None:
        """Bytes that the process holds which runs the jobs; None where there is none beside the worker, or it is not known."""
        ...

    def discard(self) -> None:
        """Ends the process that runs the jobs; the next job gets another."""
        ...


class InProcessRunner:
    """Runs jobs in the worker's own process: faster, but only for jobs that neither crash nor hang."""

    def __init__(
        self,
        performer: Performer,
        shutdown: Shutdown,
        *,
        announce: Callable[[Claim], None],
        report_start: ReportStart,
        stacks: InProcessStacks,
    ) -> None:
        """`announce` logs that an attempt begins."""
        self._performer = performer
        self._shutdown = shutdown
        self._announce = announce
        self._report_start = report_start
        self._stacks = stacks

    def run(self, claim: Claim) -> Ending:
        """Runs a job and returns how it ended; a job that is interrupted goes back to its queue."""
        self._announce(claim)
        self._stacks.begin(claim)
        self._shutdown.interruptible = True
        try:
            if self._shutdown.requested:  # requested after the claim: no second signal will be sent
                return returned(claim)
            if claim.limit is None:
                return self._performer.perform(claim)
            return self._performer.perform(claim, lambda: self._report_start(claim, time.monotonic()))
        except Interrupted:
            return returned(claim)
        finally:
            self._shutdown.interruptible = False
            self._stacks.end()

    def rest(self) -> float:
        """0: no process has to be started."""
        return 0.0

    def settle(self, execution: str) -> bool:
        """Has RQ's own code end that execution, if it ran last; returns whether it did."""
        return self._performer.settle(execution)

    def memory(self) -> int | None:
        """None: there is no other process."""
        return None

    def discard(self) -> None:
        """Does nothing: there is no other process."""
