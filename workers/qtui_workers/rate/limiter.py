"""Strict rate limits: never more than `max` starts in any window of `per` seconds, over all workers on all machines.

A limiter is in Redis and uses the server's clock only. `qtui_workers/lua/limit.lua` admits starts; it explains why that is
strict. This side keeps one condition: what was admitted starts within START_WITHIN of the moment at which the admission was
*requested*, by the monotonic clock of this machine (`in_time`), or is admitted again (`Limits.admit`). The request is sent before
the server admits, so at least as much time is left by the server's clock. A report of the start (`Limits.started`), sent after it
has happened (`engine.execution.start_detection`), frees the slot `per` later; where the report is lost, that is up to
START_WITHIN later. Starts by `acquire` are not reported: between its last look at a clock and the first instruction of the block
a moment may pass (two thousandths of `per`, at least 2 ms), which cannot be checked.
"""

from __future__ import annotations

import json
import math
import time
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import Any, ClassVar, Final
from uuid import uuid4

import redis
from rq import get_current_job

from qtui_workers.define.declared_limits import declared_limits
from qtui_workers.define.discovery import discover
from qtui_workers.define.limit import MICRO, Limit
from qtui_workers.define.processor_facts import ProcessorFacts
from qtui_workers.errors import InvalidInput, NotFound, QtuiError, Reschedule
from qtui_workers.naming import all_priorities
from qtui_workers.rate.limit_usage import LimitUsage, read_usages
from qtui_workers.server import keys
from qtui_workers.server.scripts import Script
from qtui_workers.text import decode, printable

START_WITHIN: Final = 4.9
"""Seconds; the server allows 5, so that the clocks may differ by two parts in a hundred in speed."""

_DRIFT: Final = 1.02
_LONGEST_SLEEP: Final = 2.0
"""Seconds after which a waiting caller requests again, as the limit may have been changed."""
_PATIENCE: Final = 2 * _LONGEST_SLEEP
"""Seconds without a request after which a waiting caller loses its place in the line."""

_WORTH_WAITING: Final = 60.0
"""Seconds for which a caller waits where a limiter is closed; where it is closed for longer, the job runs later."""
_LONGEST_CLOSED: Final = 30 * 86_400

_ACQUIRE: Final = Script.load("acquire")
_CLOSE: Final = Script.load("close")
_STARTED: Final = Script.load("started")
_REGISTER: Final = Script.load("register")

_registered: set[tuple[Any, ...]] = set()
"""Server and name of each limiter that this process, or the one it was forked from, knows to exist."""


def forget_limiters() -> None:
    """Forgets which limiters this process knows to exist: for tests that empty the server on purpose, where none was lost."""
    _registered.clear()


def since(moment: float | None) -> int:
    """The least number of µs that have passed since that time of `time.monotonic()`; 0 where the time is not known."""
    return 0 if moment is None else max(0, int((time.monotonic() - moment) / _DRIFT * MICRO))


class LimitTimeout(QtuiError):
    """No slot of a limiter was free in time."""


class LimitClosed(LimitTimeout, Reschedule):
    """A limiter is closed for longer than it is worth waiting; a job that does not catch it runs again when it opens."""

    def __init__(self, name: str, seconds: float) -> None:
        Reschedule.__init__(self, seconds, f"the limiter '{printable(name, 80)}' is closed for another {seconds:.0f} s")


def in_time(requested: float) -> bool:
    """Whether an admitted start may still happen; `requested`: when its claim was sent (time.monotonic)."""
    return time.monotonic() - requested < START_WITHIN


def claim_limits(processors: Iterable[ProcessorFacts]) -> dict[str, str]:
    """The declared limits by queue, as a claim passes them to `limit_for` of `qtui_workers/lua/limit.lua`."""
    return {queue: json.dumps(_triple(limit)) for queue, limit in declared_limits(processors).items()}


def _triple(limit: Limit) -> tuple[str | None, int, int]:
    return limit.name, limit.max, limit.per_us


def register(connection: redis.Redis, processors: Iterable[ProcessorFacts]) -> None:
    """Registers the limits that processors declare; a worker calls this before its first claim.

    Queues of these processors without a declared limit have none from then on. A limit that was changed with `change` stays
    changed until the code declares another one.
    """
    known = list(processors)
    limits = declared_limits(known)
    queues: dict[str, Any] = {queue: None for processor in known for queue in all_priorities(processor.queue)}
    queues |= {queue: _triple(limit) for queue, limit in limits.items()}
    _REGISTER.run(connection, queues=json.dumps(queues))
    _registered.update((*_server(connection), limit.name) for limit in limits.values())


def change(connection: redis.Redis, name: str, max: int, per: float) -> None:
    """Changes a limit for all workers at once; waiting callers notice within two seconds.

    Strict from then on, also in windows that contain earlier starts, unless both numbers are raised together.
    Raises InvalidInput, and NotFound where there is no such limiter.
    """
    limit = Limit(max, per, name)
    if not connection.exists(keys.limit(name)):
        raise _unknown(name)
    connection.hset(keys.limit(name), mapping={"max": limit.max, "per_us": limit.per_us})


def _unknown(name: str) -> NotFound:
    return NotFound(
        f"there is no limiter '{printable(name, 80)}': "
        "declare it with @processor(limit=…), or acquire a Limit(max=…, per=…, name=…)"
    )


def _server(connection: redis.Redis) -> tuple[Any, ...]:
    options = connection.connection_pool.connection_kwargs
    return tuple(options.get(part) for part in ("path", "host", "port", "db"))


class Limits:
    """The limiters of a Redis; without a connection, of the Redis of the running job.

    Raises redis.RedisError as any command does.
    """

    _replies: ClassVar[deque[float]] = deque([0.0], maxlen=8)
    """Seconds that the latest replies took; `admit` allows for twice the shortest."""

    def __init__(self, connection: redis.Redis | None = None) -> None:
        self._given = connection

    @contextmanager
    def acquire(self, limit: str | Limit, *, timeout: float | None = None) -> Iterator[None]:
        """Enters the block as soon as the limiter allows one more start, about in the order of arrival.

        A Limit with a name is registered where no limiter of that name exists, and again where the code declares another
        limit than before. Without a timeout (seconds) it waits for ever; 0: not at all.
        Raises LimitTimeout, NotFound for a name that no processor declares and that is not registered, and LimitClosed at
        once where the limiter is closed for longer than the timeout, or than a minute: the job then runs again when it opens.
        """
        self.admit(limit, uuid4().hex, timeout=timeout)
        yield

    def admit(self, limit: str | Limit, token: str, *, timeout: float | None = None) -> None:
        """Returns at the moment at which the token may start.

        Each token must be unique. One that was admitted before, but did not start in time (`in_time`), gets its slot again.
        Raises as `acquire` does.
        """
        if isinstance(limit, Limit) and limit.name is None:
            raise InvalidInput("a limit to acquire needs a name: Limit(max=…, per=…, name=…)")
        deadline = None if timeout is None else time.monotonic() + timeout
        try:
            while (answer := self._request(limit, token)) != (0, 0):
                wait, closed = answer
                if closed > min(_WORTH_WAITING, _WORTH_WAITING if timeout is None else timeout):
                    raise LimitClosed(_name(limit), closed)
                left = wait if deadline is None else deadline - time.monotonic()
                if left <= 0:
                    raise LimitTimeout(
                        f"no slot of '{_name(limit)}' came free within {timeout:g} s: the next is free in {wait:.3g} s"
                    )
                time.sleep(min(wait, left, _LONGEST_SLEEP))
        except BaseException:
            with suppress(redis.RedisError, OSError):
                self._connection.zrem(keys.limit_waiting(_name(limit)), token)
            raise

    def _request(self, limit: str | Limit, token: str) -> tuple[float, float]:
        """Seconds to wait, and seconds for which the limiter is closed; both 0: the token may start now."""
        needed = 2 * min(Limits._replies)
        while True:
            requested = time.monotonic()
            wait, *more = self._admission(limit, token, needed)
            if wait < 0:
                limit = _declared(_name(limit))
                continue
            took = time.monotonic() - requested
            Limits._replies.append(took)
            _registered.add((*_server(self._connection), _name(limit)))
            if wait > 0:
                return wait / MICRO, more[0] / MICRO
            if time.monotonic() - requested < more[0] / MICRO / _DRIFT:
                return 0, 0
            needed = 2 * took

    def _admission(self, limit: str | Limit, token: str, within: float) -> list[int]:
        name = _name(limit)
        needed = round(min(within, START_WITHIN) * _DRIFT * MICRO)
        most, per = _numbers(limit)
        lost = int((*_server(self._connection), name) in _registered) if isinstance(limit, Limit) else ""
        reply: list[int] = _ACQUIRE.run(
            self._connection,
            limiter=name,
            token=token,
            within=needed,
            patience=round(_PATIENCE * MICRO),
            max=most,
            per=per,
            lost=lost,
        )
        return reply

    def started(self, name: str, token: str, seen: float | None = None) -> None:
        """Reports that an admitted start has happened; call it only after the start. It may be repeated.

        `seen`: when the start was known to have happened (time.monotonic of this machine); None: now.
        """
        _STARTED.run(self._connection, limiter=name, token=token, since=since(seen))

    def close(self, limit: str | Limit, seconds: float, why: str = "") -> datetime:
        """Lets nothing through for that long, for all workers, as where the other side has requested it; returns until when.

        Where the limiter is closed for longer already, it stays so; `why` is shown with it. Jobs of its queues wait there.
        Raises InvalidInput where it is longer than 30 days, and NotFound as `acquire` does.
        """
        if not 0 <= seconds <= _LONGEST_CLOSED:
            raise InvalidInput(f"a limiter is closed for 0 to {_LONGEST_CLOSED:,} seconds, not for {seconds:g}")
        most, per = _numbers(limit)
        length = math.ceil(seconds * MICRO)
        till = int(_CLOSE.run(self._connection, limiter=_name(limit), length=length, why=printable(why, 300), max=most, per=per))
        if till < 0:
            raise _unknown(_name(limit))
        return datetime.fromtimestamp(till / MICRO, UTC)

    def reopen(self, name: str) -> bool:
        """Opens a limiter that `close` has closed; False where it was not closed. NotFound where there is none of that name.

        Workers notice at once, waiting callers within two seconds. Jobs that were rescheduled stay scheduled for when it would
        have opened.
        """
        was = self.state(name).closed_until is not None
        self._connection.hdel(keys.limit(name), "closed_until", "closed_because")
        return was

    def state(self, name: str) -> LimitUsage:
        """The usage of a limiter, read without writing; NotFound where there is none of that name."""
        found = read_usages(self._connection, [name])
        if not found:
            raise _unknown(name)
        return found[0]

    def states(self) -> list[LimitUsage]:
        """The usage of all limiters, by name, read without writing."""
        return read_usages(self._connection, sorted(map(decode, self._connection.smembers(keys.LIMITERS))))

    @property
    def _connection(self) -> redis.Redis:
        if self._given is not None:
            return self._given
        job = get_current_job()
        if job is None:
            raise InvalidInput("no job is running here: give the limits a connection, as in Limits(connect()).acquire(…)")
        return job.connection


def _name(limit: str | Limit) -> str:
    return str(limit.name) if isinstance(limit, Limit) else limit


def _numbers(limit: str | Limit) -> tuple[int | str, int | str]:
    return (limit.max, limit.per_us) if isinstance(limit, Limit) else ("", "")


def _declared(name: str) -> Limit:
    """The limit of that name that a processor declares; NotFound where none does."""
    found = declared_limits(discover().processors.values()).values()
    try:
        return next(limit for limit in found if limit.name == name)
    except StopIteration:
        raise _unknown(name) from None


limits: Final = Limits()
"""The limiters of the Redis of the running job."""
