"""What a worker does from time to time, whether or not a job runs: its heartbeat, and its cron jobs."""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable
from typing import Final

from qtui_workers.engine.claim import Claim
from qtui_workers.engine.outage import Outage
from qtui_workers.engine.worker_store import HeartbeatReply
from qtui_workers.enqueue.cron import Cron

_LEAST_SHARE: Final = 0.2
"""Of the quiet interval, that the first one takes: workers that became idle together spread their heartbeats over it."""
_chance: Final = random.SystemRandom()  # the workers of a pool are forks: another generator would give all of them the same


class Upkeep:
    """Runs what is due; an outage of Redis only delays it."""

    def __init__(
        self,
        interval: float,
        quiet_interval: float,
        *,
        beat: Callable[[Claim | None], HeartbeatReply],
        after_beat: Callable[[HeartbeatReply, bool], None],
        cron: Cron,
        outage: Outage,
    ) -> None:
        """`beat` sends a heartbeat every `interval` seconds, or `quiet_interval` after one that found that no job runs.

        `after_beat` receives its answer, and whether this worker runs no job.
        """
        self._interval = interval
        self._quiet_interval = quiet_interval
        self._beat = beat
        self._after_beat = after_beat
        self._cron = cron
        self._outage = outage
        self._lost: Claim | None = None
        """The running job, if the last heartbeat found that it is no longer this worker's."""
        self._is_quiet = False
        """Whether the last heartbeat found that no job runs."""
        self.jobs_wait = False
        """Whether the last heartbeat found that jobs wait in the worker's queues."""
        self.next_beat = 0.0
        """When a heartbeat is due (time.monotonic)."""
        self._next_tick = 0.0
        """When the cron jobs are to be checked (time.monotonic)."""

    @property
    def next_due(self) -> float:
        """When there is something to do (time.monotonic)."""
        return min(self.next_beat, self._next_tick)

    def is_lost(self, claim: Claim) -> bool:
        """Whether the last heartbeat found that the job is no longer this worker's."""
        return self._lost is claim

    def begin(self, *, cron: bool) -> None:
        """Called when the worker begins to work, with or without cron jobs."""
        self._next_tick = 0.0 if cron else math.inf

    def beat_soon(self) -> None:
        """Makes a heartbeat due at once."""
        self.next_beat = 0.0

    def run_due(self, claim: Claim | None) -> None:
        """Does what is due; `claim`: the running job, None where none runs."""
        if claim is not None:  # its lease has to be renewed in time, also where it began in a quiet interval
            self.next_beat = min(self.next_beat, time.monotonic() + self._interval)
        if time.monotonic() >= self.next_beat:
            with self._outage.tolerated():
                self._send_heartbeat(claim)
        if time.monotonic() >= self._next_tick:
            with self._outage.tolerated():
                self._enqueue_cron_jobs()

    def _send_heartbeat(self, claim: Claim | None) -> None:
        begun = time.monotonic()
        self.next_beat = begun + self._interval
        self.jobs_wait = False
        beat = self._beat(claim)
        if beat.quiet:
            share = 1.0 if self._is_quiet else _LEAST_SHARE + (1 - _LEAST_SHARE) * _chance.random()
            self.next_beat = begun + self._quiet_interval * share
        self._is_quiet = beat.quiet
        self.jobs_wait = beat.waits
        self._lost = None if beat.held else claim
        self._after_beat(beat, claim is None)

    def _enqueue_cron_jobs(self) -> None:
        self._next_tick = time.monotonic() + 1.0
        self._next_tick = time.monotonic() + self._cron.tick()
