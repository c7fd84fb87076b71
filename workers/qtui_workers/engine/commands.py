"""The commands that RQ publishes to a worker: to stop a job, to shut down, to kill its horse."""

# mypy: allow-untyped-calls
# (redis-py's PubSub has no types)

from __future__ import annotations

import logging
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import redis
from redis.exceptions import NoPermissionError

from qtui_workers.engine.idle_check import IdleCheck
from qtui_workers.engine.rq_adapter import open_socket
from qtui_workers.server.redis_errors import explain, label_of

log = logging.getLogger("rq.worker")


class Commands:
    """A subscription to a worker's channel. It has no thread: the loop waits for its socket and calls `receive`."""

    def __init__(self, connection: redis.Redis, channel: str, idle: IdleCheck, also: Callable[[Any], bool] | None = None) -> None:
        """`also` receives each message first; where it returns True, the message is for it alone."""
        self._connection = connection
        self._channel = channel
        self._idle = idle
        self._also = also
        self._pubsub: Any = None
        self._is_refused = False

    @property
    def subscribed(self) -> bool:
        """Whether it is subscribed, as far as is known; or may not subscribe, so that trying again makes no sense."""
        return self._pubsub is not None or self._is_refused

    def subscribe(self, handle: Callable[[Any], None]) -> Any:
        """From now on `receive` calls `handle` with each message; returns redis-py's PubSub.

        Raises redis.RedisError or OSError.
        """

        def heard(message: Any) -> None:
            if self._also is None or not self._also(message):
                handle(message)

        self._pubsub = self._connection.pubsub()
        self._pubsub.subscribe(**{self._channel: heard})
        self._pubsub.connection.health_check_interval = 0  # redis-py's own pings: those of `check` are enough
        self._idle.note_word()
        return self._pubsub

    def unsubscribe(self) -> None:
        """Stops listening, whether or not Redis is there."""
        if self._pubsub is not None:
            with suppress(redis.RedisError, OSError):
                self._pubsub.close()
            self._pubsub = None

    def socket(self) -> socket.socket | None:
        """The socket that becomes readable when there is a command; None where it is not subscribed."""
        return open_socket(getattr(self._pubsub, "connection", None))

    def receive(self) -> None:
        """Handles the commands that have arrived; where the connection is lost, it is no longer subscribed."""
        try:
            while self._pubsub.connection and self._pubsub.connection.can_read(0):
                self._idle.note_word()
                self._pubsub.get_message(ignore_subscribe_messages=True, timeout=0)
        except NoPermissionError as error:  # the reply to SUBSCRIBE
            self.unsubscribe()
            self._is_refused = True
            sentence = explain(error, label_of(self._connection))
            log.warning("No command is heard on %s, neither stop nor shutdown: %s Then start again.", self._channel, sentence)
        except (redis.RedisError, OSError):
            self.unsubscribe()

    def check(self) -> None:
        """Pings the connection where nothing was heard for long; where that was not answered, it is no longer subscribed."""
        if self._pubsub is None:
            return
        self.receive()
        due = self._idle.due() if self._pubsub else None
        if due == "close":
            self.unsubscribe()
        elif due == "ping":
            with suppress(redis.RedisError, OSError):
                self._pubsub.ping()
