"""Connections to the primary that Sentinel names: each new one asks anew, so that a failover is followed."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Final

import redis
from redis.backoff import NoBackoff
from redis.connection import Connection, SSLConnection
from redis.retry import Retry

from qtui_workers.server.address import Sentinels

_QUESTION: Final = ("SENTINEL", "GET-MASTER-ADDR-BY-NAME")

if TYPE_CHECKING:
    _Base = Connection
else:
    _Base = object


class Primary:
    """Where the primary is, as the first Sentinel that answers says."""

    def __init__(self, sentinels: Sentinels, options: dict[str, Any]) -> None:
        """`options`: how a Sentinel is connected to (TLS, time limits)."""
        self._name = sentinels.name
        self._lock = threading.Lock()
        self._clients = [
            redis.Redis(
                host=host,
                port=port,
                username=sentinels.username or None,
                password=sentinels.password or None,
                retry=Retry(NoBackoff(), 0),
                protocol=2,
                **options,
            )
            for host, port in sentinels.hosts
        ]

    def address(self) -> tuple[str, int]:
        """Host and port of the primary now; raises redis.ConnectionError where no Sentinel says them."""
        reason: Exception | None = None
        for client in list(self._clients):
            try:
                found: Any = client.execute_command(*_QUESTION, self._name)  # type: ignore[no-untyped-call] # redis-py's
            except (redis.RedisError, OSError) as error:
                reason = error
                continue
            if found:
                self._prefer(client)
                host, port = found
                return host.decode() if isinstance(host, bytes) else str(host), int(port)
        if isinstance(reason, redis.AuthenticationError | redis.ResponseError):
            raise reason  # none of them answers us
        if reason is not None:
            raise redis.ConnectionError(f"no Sentinel names a primary {self._name!r}") from reason
        raise redis.ConnectionError(f"Sentinel knows no primary of the name {self._name!r}")

    def _prefer(self, client: redis.Redis) -> None:
        """Ask this one first from now on, as it has answered."""
        with self._lock:
            self._clients.remove(client)
            self._clients.insert(0, client)


class _Following(_Base):
    """What a connection to the primary adds to one of redis-py."""

    def __init__(self, *, primary: Primary, **options: Any) -> None:
        self._primary = primary
        super().__init__(**options)  # type: ignore[no-untyped-call] # redis-py's

    def _connect(self) -> Any:
        self.host, self.port = self._primary.address()
        return super()._connect()  # type: ignore[no-untyped-call] # redis-py's

    def read_response(self, *arguments: Any, **options: Any) -> Any:
        """A reply; a server that has become a replica is left, as the next connection finds the new primary."""
        try:
            return super().read_response(*arguments, **options)
        except redis.ReadOnlyError as error:
            self.disconnect()  # type: ignore[no-untyped-call] # redis-py's
            raise redis.ConnectionError("the primary has become a replica") from error


class PrimaryConnection(_Following, Connection):
    """A connection to the primary."""


class PrimaryTLSConnection(_Following, SSLConnection):
    """A connection to the primary in TLS."""
