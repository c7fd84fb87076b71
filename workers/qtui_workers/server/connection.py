"""The connection to Redis: a client, and each failure as one clear sentence."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeVar

import redis
from redis.backoff import ExponentialWithJitterBackoff, NoBackoff
from redis.connection import ConnectionPool, HiredisRespSerializer, UnixDomainSocketConnection, parse_url
from redis.exceptions import ClusterDownError, NoPermissionError
from redis.maint_notifications import MaintNotificationsConfig
from redis.retry import Retry
from redis.utils import HIREDIS_AVAILABLE

from qtui_workers.errors import RedisUnavailable
from qtui_workers.server.address import Sentinels, Target, resolve
from qtui_workers.server.greeting import Greeting, GreetingWithPrintedPassword, NoRESP3
from qtui_workers.server.redis_errors import TooOld, explain, may_be_temporary
from qtui_workers.server.rights import lacking
from qtui_workers.server.versions import OLDEST, numbers
from qtui_workers.text import decode, encode

__all__ = ["INTERACTIVE", "WORKER", "Patience", "Target", "connect", "dial", "explain", "open_client", "resolve"]

if HIREDIS_AVAILABLE:
    import hiredis

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a client waits before it says that Redis is away."""

    connect: float
    """Seconds for one connection to be made."""
    reply: float
    """Seconds for one reply; must exceed the longest blocking command."""
    tries: int
    """How often a failed connection is tried again, with exponentially growing, random pauses."""
    longest_pause: float
    """Seconds of the longest of these pauses."""
    health_check: int
    """A connection that was idle for so many seconds is checked with PING before its next command; 0: never."""
    repeat_commands: bool
    """Whether a command whose reply was lost is sent again, though it may have been carried out."""


INTERACTIVE: Final = Patience(2.0, 3.0, tries=3, longest_pause=0.5, health_check=0, repeat_commands=False)
"""For a person who waits: a dead server is reported within 3 s, and nothing is ever done twice.

There is no health check, because a Redis that cannot write to its disk refuses PING, but can still be read.
"""
WORKER: Final = Patience(5.0, 30.0, tries=10, longest_pause=2.0, health_check=30, repeat_commands=True)
"""For the code of jobs, which may wait in blocking commands, and for RQ's, which relies on redis-py to repeat commands.

The worker itself waits less (`shorten_patience`).
"""


class _Retry(Retry):
    """redis-py's retry, but an error that no repetition can solve (a wrong password, an unknown host) is raised at once."""

    def call_with_retry(
        self,
        do: Callable[[], T],
        fail: Callable[[Exception], Any] | Callable[[Exception, int], Any],
        is_retryable: Callable[[Exception], bool] | None = None,
        with_failure_count: bool = False,
    ) -> T:
        return super().call_with_retry(do, fail, is_retryable or may_be_temporary, with_failure_count)


class _Packer(HiredisRespSerializer):
    """hiredis' writer of commands; in addition, it sends text that was decoded from bytes that are not UTF-8."""

    def pack(self, *args: Any) -> Any:
        """The command as a list of bytes to send."""
        try:
            return self._packed(*args)
        except UnicodeEncodeError:
            return self._packed(*(encode(a) if isinstance(a, str) else a for a in args))

    def _packed(self, *args: Any) -> Any:
        """redis-py would look at each argument first, which takes longer than to pack it."""
        try:
            if " " not in args[0]:
                return [hiredis.pack_command(args)]
        except TypeError:  # an argument that redis-py converts, or refuses
            pass
        return super().pack(*args)


class _Pool(ConnectionPool):
    """A pool that repeats failed tries to connect; redis-py itself can do that only if it repeats commands too."""

    connecting: Retry = Retry(NoBackoff(), 0)

    def get_connection(self, *_: Any, **__: Any) -> Any:
        """A connection that is established; raises redis.ConnectionError or redis.TimeoutError after the last try."""
        return self.connecting.call_with_retry(super().get_connection, lambda _: None)


def open_client(target: Target, *, role: str = "qtui", patience: Patience = INTERACTIVE, resp2: bool = False) -> redis.Redis:
    """A client of that Redis: replies as bytes, UTF-8 with surrogateescape. Nothing is sent before its first command.

    Where the target is the embedded server, the process joins it until the process ends; raises RedisUnavailable where it
    cannot. `role` is the client's name on the server (CLIENT LIST). The protocol is redis-py's default: RESP3, with replies
    in the shapes of RESP2, which RQ reads; RESP2 itself where `resp2` is true, or the address says so.
    """
    retry = _Retry(
        ExponentialWithJitterBackoff(cap=patience.longest_pause, base=0.05),
        patience.tries,
        supported_errors=(redis.ConnectionError,),
    )
    options: dict[str, Any] = {
        "client_name": re.sub(r"[^!-~]", "-", role),
        "redis_connect_func": Greeting(),
        "driver_info": None,  # to send it would cost two round trips
        "encoding_errors": "surrogateescape",
        "command_packer": _Packer() if HIREDIS_AVAILABLE else None,
        "socket_timeout": patience.reply,
        "socket_connect_timeout": patience.connect,
        "health_check_interval": patience.health_check,
        "retry": retry if patience.repeat_commands else Retry(NoBackoff(), 0),
        # A commercial service's feature, which costs a round trip and hides that a pooled connection was closed.
        "maint_notifications_config": MaintNotificationsConfig(enabled=False),
    }
    if resp2:
        options["protocol"] = 2
    if target.password_command is not None:
        options |= {"credential_provider": target.password_command, "redis_connect_func": GreetingWithPrintedPassword()}
    if target.embedded is not None:
        options |= {"connection_class": UnixDomainSocketConnection, "path": _join(target.embedded)}
        pool = _Pool(**options)
    else:
        if target.sentinels is not None:
            options |= _to_primary(target, target.sentinels, patience)
        pool = _Pool.from_url(target.url, **options)
    if not patience.repeat_commands:
        pool.connecting = retry
    return redis.Redis.from_pool(pool)


def _to_primary(target: Target, sentinels: Sentinels, patience: Patience) -> dict[str, Any]:
    """The options of connections that find the primary by Sentinel; all Sentinels together take no longer than one connection."""
    from qtui_workers.server.sentinel import Primary, PrimaryConnection, PrimaryTLSConnection

    seconds = max(0.3, patience.connect / len(sentinels.hosts))
    tls = {name: value for name, value in parse_url(target.url).items() if name.startswith("ssl_")}  # type: ignore[no-untyped-call]
    limits = {"socket_timeout": seconds, "socket_connect_timeout": seconds, "ssl": target.is_tls}
    kind = PrimaryTLSConnection if target.is_tls else PrimaryConnection
    return {"connection_class": kind, "primary": Primary(sentinels, limits | tls)}


def own_connection(client: redis.Redis) -> Any:
    """A connection to the client's Redis that is not part of its pool; it connects at its first command, and tries that twice."""
    pool = client.connection_pool
    return pool.connection_class(**pool.connection_kwargs | {"retry": Retry(NoBackoff(), 1)})


def retry_of(client: redis.Redis) -> Retry:
    """How a client repeats commands; where nothing is set, not at all, which is redis-py's default for connections."""
    given: Retry | None = client.get_retry()
    return Retry(NoBackoff(), 0) if given is None else given


def shorten_patience(client: redis.Redis, seconds: float) -> Callable[[], None]:
    """Has a client wait at most so many seconds for a reply, and as long for a connection; returns what undoes that.

    Connections that it has are dropped. It waits less only where it waited longer, or without an end.
    """
    pool = client.connection_pool
    names = ("socket_timeout", "socket_connect_timeout")
    before = {name: pool.connection_kwargs.get(name) for name in names}
    after = {name: seconds if given is None else min(given, seconds) for name, given in before.items()}

    def change(options: Mapping[str, float | None]) -> None:
        pool.connection_kwargs.update(options)
        pool.disconnect()
        pool.reset()

    change(after)
    return partial(change, before)


def connect(url: str | None = None, *, role: str = "qtui", patience: Patience = INTERACTIVE) -> redis.Redis:
    """A client of the Redis that `resolve(url)` finds; raises as `resolve` and `dial` do."""
    return dial(resolve(url), role=role, patience=patience)


def dial(
    target: Target,
    *,
    role: str = "qtui",
    patience: Patience = INTERACTIVE,
    needs: Iterable[str] = (),
    resp2: bool = False,
) -> redis.Redis:
    """A client of that Redis, after a check that it answers and can be used: in RESP2 where it refuses RESP3.

    `needs` are commands that its user must be allowed to run (see `qtui_workers.server.rights`). Raises RedisUnavailable when
    Redis is away, refuses us, is a cluster or is too old.
    """
    client = open_client(target, role=role, patience=patience, resp2=resp2)
    try:
        _check(client)
        if needs and (rules := lacking(client, needs)):
            raise NoPermissionError(f"needs {' '.join(rules)}")
    except NoRESP3:
        client.close()
        return dial(target, role=role, patience=patience, needs=needs, resp2=True)
    # A server that is not Redis may send what redis-py's handshake does not expect; an impossible host name is a ValueError.
    except (redis.RedisError, OSError, ValueError, AttributeError, TypeError) as error:
        client.close()
        raise explain(error, target.label) from error
    except BaseException:
        client.close()
        raise
    return client


def speaks_resp2(client: redis.Redis) -> bool:
    """Whether the client is configured to speak RESP2."""
    return str(client.connection_pool.connection_kwargs.get("protocol")) == "2"


def _check(client: redis.Redis) -> None:
    version, mode = _version_and_mode(client)
    client.connection_pool.connection_kwargs["redis_connect_func"].check()
    if mode == "cluster":
        raise ClusterDownError(mode)
    if (known := numbers(version)) and known < OLDEST:
        raise TooOld(version)


def _version_and_mode(client: redis.Redis) -> tuple[str, str]:
    """What the server says of itself: in its reply to HELLO, which needs no right; in RESP2 in INFO; else ''."""
    pool = client.connection_pool
    connection = pool.get_connection()
    try:
        hello: Mapping[Any, Any] = connection.handshake_metadata or {}
    finally:
        pool.release(connection)
    if hello:
        return decode(hello.get(b"version")), decode(hello.get(b"mode"))
    try:
        info = client.info()
    except redis.ResponseError:
        return "", ""
    return str(info.get("redis_version", "")), "cluster" if info.get("cluster_enabled") else ""


def _join(folder: Path) -> str:
    try:
        from qtui_workers.server import embedded
    except ImportError as error:  # Windows has no fcntl
        raise RedisUnavailable(
            "The embedded server does not come for this platform: set REDIS_URL to use a Redis of your own."
        ) from error
    return str(embedded.shared(folder).socket)
