"""A worker's hold on its name: no two workers that live have the same."""

# mypy: allow-untyped-calls
# (redis-py's pubsub_numsub has no types)

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final
from uuid import uuid4

import redis

from qtui_workers.errors import Refused
from qtui_workers.server import keys
from qtui_workers.server.scripts import Script

log = logging.getLogger("rq.worker")

_NAME: Final = Script.load("name")
_LOOK_EVERY: Final = 0.5
_ENDED_WITHIN: Final = 5.0
"""Seconds after which nothing that a killed worker has started still has its connections."""


class WorkerName:
    """The name of one worker, held by a mark in its record, which expires when the worker is silent for one lease.

    Every method raises redis.RedisError or OSError.
    """

    def __init__(self, connection: redis.Redis, name: str, lease: float, *, wait: Callable[[float], bool]) -> None:
        """`lease` in seconds; `wait` waits so many, or until a stop is requested, and returns whether one is."""
        self._connection = connection
        self._name = name
        self._wait = wait
        self.holder = uuid4().hex
        """The mark, unlike any other worker's."""
        self.ttl = max(1, int(lease))
        """Seconds without a heartbeat after which the record expires."""

    def take(self, *, patient: bool) -> None:
        """Takes the name; Refused where a worker that lives has it.

        Where `patient`, it waits for the record of a worker that was killed to expire, for one lease at most.
        """
        if not self._taken() and not (patient and self._becomes_free()):
            raise Refused(f"a worker named '{self._name}' is there already: choose another --name")

    def is_held(self) -> bool:
        """Whether the record is this worker's."""
        return self._connection.hget(keys.worker(self._name), keys.FIELD_HOLDER) == self.holder.encode()

    def _becomes_free(self) -> bool:
        """Waits for the name, until the worker that has it shows that it lives."""
        log.info("Worker %s: there was one of that name just now; waiting whether its record expires", self._name)
        begun, before = time.monotonic(), self._last_heartbeat()
        while not self._wait(_LOOK_EVERY):
            if self._taken():
                return True
            waited = time.monotonic() - begun
            lives = self._last_heartbeat() not in (before, None) or (waited > _ENDED_WITHIN and self._listens())
            if lives or waited > self.ttl + 1:
                break
        return False

    def _last_heartbeat(self) -> object:
        return self._connection.hget(keys.worker(self._name), "last_heartbeat")

    def _taken(self) -> bool:
        return bool(_NAME.run(self._connection, worker=self._name, holder=self.holder, ttl=self.ttl))

    def _listens(self) -> bool:
        """Whether somebody listens for commands to a worker of that name."""
        with suppress(redis.ResponseError):  # this user may lack the right for that
            counts: Any = self._connection.pubsub_numsub(keys.commands(self._name))
            return any(count for _, count in counts)
        return False
