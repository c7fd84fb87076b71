"""Times in which Redis is away, or refuses a worker's commands."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import redis

from qtui_workers.server.redis_errors import explain, is_away, label_of

log = logging.getLogger("rq.worker")


class Outage:
    """Whether Redis answered a worker's last command; each outage is logged when it begins and when it is over."""

    def __init__(
        self, worker: str, connection: redis.Redis, *, disconnect: Callable[[], None], over: Callable[[float], None]
    ) -> None:
        """`disconnect` ends all connections of the worker. `over` is called after an outage, with its length in seconds."""
        self._worker = worker
        self._connection = connection
        self._disconnect = disconnect
        self._on_over = over
        self._is_away = True
        self._since: float | None = None
        """When it began (time.monotonic); None while Redis answers."""

    @property
    def is_on(self) -> bool:
        """Whether Redis did not answer the last command, or refused it."""
        return self._since is not None

    def begin(self, error: Exception) -> None:
        """Notes that Redis did not answer, or refused a command."""
        if isinstance(error, redis.ReadOnlyError):  # it is not the primary any more: its name may lead to another server now
            self._disconnect()
        if self._since is None:
            self._since = time.monotonic()
            self._is_away = is_away(error)
            log.warning("Worker %s: %s Waiting for it.", self._worker, explain(error, label_of(self._connection)))

    @contextmanager
    def tolerated(self) -> Iterator[None]:
        """Inside the block, a command that Redis does not answer, or refuses, begins an outage, and raises nothing."""
        try:
            yield
        except (redis.RedisError, OSError) as error:
            self.begin(error)

    def end(self) -> None:
        """Notes that Redis answers."""
        if self._since is not None:
            seconds = time.monotonic() - self._since
            self._since = None
            what = "is back" if self._is_away else "lets this worker work again"
            log.info("Worker %s: Redis %s after %.1f s", self._worker, what, seconds)
            self._on_over(seconds)
