"""Waiting for work without asking: the server says when a queue changes."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import suppress
from typing import Any

import redis

from qtui_workers.server.connection import own_connection
from qtui_workers.text import decode


class QueueWatch:
    """A connection on which the server tells that one of some keys has changed, whoever changed it.

    Uses CLIENT TRACKING (Redis 6): a key that was read here is remembered until its next change, which is then pushed.
    Nothing is popped, so nothing can be lost; any number of queues takes one connection and, while nothing happens, no
    command; a job that a stock producer enqueues is noticed within a millisecond. Where the server or a proxy does not
    allow it, `can_tell` is False and whoever waits has to ask now and then.
    """

    def __init__(self, client: redis.Redis) -> None:
        self._client = client
        self._connection: Any = None
        self._names: frozenset[str] = frozenset()
        self.can_tell = True
        self.armed = False

    def covers(self, names: Collection[str]) -> bool:
        """Whether it is armed for all of these keys."""
        return self.armed and self._names.issuperset(names)

    def arm(self, names: Collection[str], beside: Collection[str] = ()) -> bool:
        """From now on tells of a change of these keys; whether any exists now, of those `beside` no matter.

        Raises as any command does.
        """
        if not self.can_tell:
            return True
        try:
            connection = self._connect()
            asked = [keys for keys in (beside, names) if keys]
            for keys in asked:
                connection.send_command("EXISTS", *(name.encode("utf-8", "surrogateescape") for name in keys))
            found = [connection.read_response() for _ in asked][-1]
        except redis.ResponseError:
            self.close()
            self.can_tell = False
            return True
        except (redis.RedisError, OSError):
            self.close()
            raise
        self.armed = True
        self._names = frozenset((*names, *beside))
        return bool(found)

    def fileno(self) -> int | None:
        """What becomes readable when there is news; None where it is not armed."""
        return self._connection._sock.fileno() if self.armed and self._connection else None

    def hear(self) -> None:
        """Takes what the server told: to be armed anew."""
        self.armed = False
        try:
            while self._connection and self._connection.can_read(0):
                self._connection.read_response(push_request=True)
        except (redis.RedisError, OSError):
            self.close()

    def close(self) -> None:
        """Ends the connection."""
        self.armed = False
        if self._connection is not None:
            with suppress(redis.RedisError, OSError):
                self._connection.disconnect()
            self._connection = None

    def _connect(self) -> Any:
        if self._connection is None:
            connection: Any = own_connection(self._client)
            connection.connect()
            self._connection = connection
            if decode(str(connection.get_protocol())) != "3":
                raise redis.ResponseError("the server tells of changes in RESP3 only")
            connection.send_command("CLIENT", "TRACKING", "ON")
            connection.read_response()
        return self._connection
