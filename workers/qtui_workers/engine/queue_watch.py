"""Waiting for work without polling: the server reports when a queue changes."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import suppress
from typing import Any

import redis

from qtui_workers.engine.idle_check import IdleCheck
from qtui_workers.engine.rq_adapter import open_socket
from qtui_workers.server.connection import own_connection
from qtui_workers.text import decode, encode


class QueueWatch:
    """A connection on which the server reports that one of some keys has changed, whichever client has changed it.

    Uses CLIENT TRACKING (Redis 6): the server remembers a key that was read here until its next change, and then pushes a
    message. Nothing is popped, so nothing can be lost; any number of queues needs one connection and, while nothing happens,
    no command; a job that a stock producer enqueues is noticed within a millisecond. Where the server or a proxy does not
    allow it, `supported` is False, and the caller has to poll.
    """

    def __init__(self, client: redis.Redis, idle: IdleCheck) -> None:
        self._client = client
        self._idle = idle
        self._connection: Any = None
        self._unanswered = 0
        """Pings whose answer has not arrived."""
        self._names: frozenset[str] = frozenset()
        self.supported = True
        self.armed = False

    def covers(self, names: Collection[str]) -> bool:
        """Whether the server reports changes of all these keys now."""
        return self.armed and self._names.issuperset(names)

    def arm(self, names: Collection[str], beside: Collection[str] = ()) -> bool:
        """Has the server report the next change of any of these keys, where that is supported.

        Returns whether there may be work already: a key of `names` exists, or any of the keys has changed meanwhile. Raises
        redis.RedisError or OSError.
        """
        if not self.supported:
            return False
        try:
            connection = self._connect()
            found = self._read_keys(connection, names, beside)
            self._idle.note_word()
            self.armed = True
            self._names = frozenset((*names, *beside))
            # A report that arrived with the reply is in redis-py's buffer already: the socket does not become readable for it.
            if connection.can_read(0):
                self.receive()
                return True
        except redis.ResponseError:
            self.close()
            self.supported = False
            return False
        except (redis.RedisError, OSError):
            self.close()
            raise
        return found

    def _read_keys(self, connection: Any, names: Collection[str], beside: Collection[str]) -> bool:
        """Whether one of `names` exists. In one packet, so that the server reads all keys before any other client changes one."""
        groups = [[encode(name) for name in group] for group in (beside, names) if group]
        connection.send_packed_command(connection.pack_commands([("EXISTS", *group) for group in groups]))
        replies = [connection.read_response() for _ in range(self._unanswered + len(groups))]
        self._unanswered = 0
        return bool(replies[-1])

    def fileno(self) -> int | None:
        """The descriptor that becomes readable when one of the keys has changed; None where `arm` is needed first."""
        opened = open_socket(self._connection) if self.armed else None
        return None if opened is None else opened.fileno()

    def receive(self) -> None:
        """Reads what the server has sent; where that is a report, `arm` has to be called again."""
        try:
            while self._connection and self._connection.can_read(0):
                said = self._connection.read_response(push_request=True)
                self._idle.note_word()
                if self._unanswered and said in (b"PONG", "PONG"):
                    self._unanswered -= 1
                else:
                    self.armed = False
        except (redis.RedisError, OSError):
            self.close()

    def check(self) -> None:
        """Pings the connection where nothing was heard for long; where that was not answered, it is closed."""
        if self._connection is None:
            return
        self.receive()
        due = self._idle.due() if self._connection else None
        if due == "close":
            self.close()
        elif due == "ping":
            try:
                self._connection.send_command("PING", check_health=False)
                self._unanswered += 1
            except (redis.RedisError, OSError):
                self.close()

    def note_unreported(self) -> None:
        """Notes that a key has changed and no report was read: where none is on its way, the connection may be dead."""
        self._idle.note_doubt()

    def close(self) -> None:
        """Ends the connection."""
        self.armed = False
        self._unanswered = 0
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
                raise redis.ResponseError("the server reports changes in RESP3 only")
            connection.send_command("CLIENT", "TRACKING", "ON")
            connection.read_response()
        return self._connection
