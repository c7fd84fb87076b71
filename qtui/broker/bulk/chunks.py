"""Sends a script in chunks: none holds the server for long, and over a slow line several are on their way at once."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import ceil, inf
from typing import Any, Final, Literal

import redis
from redis.exceptions import NoPermissionError, NoScriptError

from qtui.broker.bulk.selection import Targets
from qtui_workers.server import keys
from qtui_workers.server.scripts import Argument, Script

FIRST: Final = 2
"""Number of jobs in the first chunk: to take a job from the middle of a long queue may take milliseconds."""
LARGEST: Final = 400
"""Maximum number of jobs in one chunk."""
TIGHT: Final = 0.002
"""Seconds of server time that a chunk is meant to take, so that one that takes much longer still blocks for less than 10 ms."""
MOST_FIXED: Final = 0.004
"""Of a chunk that takes as many seconds or more to find its jobs in a long list, the jobs take half of `TIGHT`."""
FEW: Final = 16
"""So many jobs are worth it to go through a long list, unless they take more than `TIGHT`."""
LONG: Final = 20_000
"""Entries of a list from which on it matters how long the server takes to pass them."""
PROBES: Final = 3
"""How often that is measured; the fastest counts."""
AHEAD: Final = 0.009
"""Seconds of server time that all chunks under way may take: the server may run them one right after the other."""
MOST_AHEAD: Final = 8
"""Maximum number of chunks under way."""

Mode = Literal["plan", "run"]


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some jobs of one target."""

    target: Targets
    ids: tuple[str, ...]
    start: int = 0
    """The place of the first of them among the ids of the target."""

    @property
    def passed(self) -> int:
        """How many entries of a list the server passes on its way to them."""
        return self.target.passed(self.start, len(self.ids)) if self.ids else 0


@dataclass(frozen=True, slots=True)
class _Sent:
    chunk: Chunk
    given: list[Argument]
    at: float
    """By `time.monotonic()`."""


class Supply:
    """The jobs that are not in a chunk yet."""

    def __init__(self, targets: Sequence[Targets]) -> None:
        self._targets = deque(target for target in targets if target.ids)
        self._start = 0
        self.left = sum(len(target.ids) for target in self._targets)
        """How many jobs are left."""

    @property
    def deepest(self) -> Targets | None:
        """The jobs of the longest list."""
        return max(self._targets, key=lambda target: target.length, default=None)

    def take(self, most: int) -> Chunk:
        """The next jobs of one target, at most so many; there must be some left."""
        target, start = self._targets[0], self._start
        chunk = Chunk(target, target.ids[start : start + most], start)
        self._start += len(chunk.ids)
        self.left -= len(chunk.ids)
        if self._start >= len(target.ids):
            self._targets.popleft()
            self._start = 0
        return chunk

    def rest(self, most: int) -> tuple[str, ...]:
        """The ids of the first jobs that are left, at most so many."""
        found: list[str] = []
        for number, target in enumerate(self._targets):
            start = self._start if number == 0 else 0
            found += target.ids[start : start + most - len(found)]
            if len(found) >= most:
                break
        return tuple(found)


class Pace:
    """How many jobs fit into a chunk, and how many chunks may be under way.

    To delete entries deep in a list the server passes all before them, once for a chunk however many they are; such chunks may
    take longer. How long that takes is measured before the first chunk: what chunks take does not show it, as a busy machine
    holds up small ones as well.
    """

    def __init__(self, passing: float = 0.0) -> None:
        """`passing`: seconds in which the server passes an entry of a list."""
        self.size = FIRST
        """Number of jobs of the next chunk."""
        self.way = inf
        """Seconds that the fastest round trip took."""
        self._passing = passing
        self._taken: deque[float] = deque(maxlen=6)
        """Seconds that each job of the newest chunks took."""
        self._chunk = 0.0
        """Seconds that the next chunk is expected to take."""

    def room(self, under_way: int) -> bool:
        """Whether one more chunk may be sent while so many are under way."""
        if not under_way or not self._taken:
            return not under_way
        chunk = self._chunk
        return under_way < min(MOST_AHEAD, AHEAD / chunk, 1 + ceil(self.way / chunk) if self.way > TIGHT / 2 else 1)

    def heard(self, jobs: int, seconds: float, waited: float, passed: int = 0) -> None:
        """Note how long the server took for a chunk of so many jobs; its reply arrived `waited` seconds after it was sent.

        `passed`: how many entries of a list it passed on its way to them.
        """
        self.way = min(self.way, waited - seconds)
        fixed = passed * self._passing
        self._taken.append(max(seconds - fixed, seconds / 50, 1e-7) / jobs)
        each = sorted(self._taken)[len(self._taken) // 3]  # a busy machine may hold up any of them
        size = int(TIGHT * (1 - min(fixed / MOST_FIXED, 1) / 2) / each)
        if fixed > TIGHT / 2:
            size = max(size, min(FEW, ceil(TIGHT / min(self._taken))))
        self.size = max(1, min(LARGEST, self.size * 2, size))
        self._chunk = fixed + self.size * each


class Calls:
    """The script of an operation, and its arguments, for chunks of jobs."""

    def __init__(
        self,
        client: redis.Redis,
        script: Script,
        mode: Mode,
        arguments: Callable[[Chunk], dict[str, Argument]],
        *,
        takes_ids: bool = True,
    ) -> None:
        """`arguments`: those that have names, for a chunk. In the mode plan the server itself refuses to write, from 7.0 on.

        `takes_ids`: whether the script is given the ids of the chunk; else it knows which jobs are next.
        """
        self._takes_ids = takes_ids
        self._client, self._script, self._mode, self._arguments = client, script, mode, arguments
        self._pace = Pace()
        self._under_way: deque[_Sent] = deque()

    def each(self, supply: Supply, may_go_on: Callable[[], bool] = lambda: True) -> Iterator[tuple[Chunk, Any]]:
        """Gives each chunk with what the script returned, or with the error of the server or the line.

        `may_go_on` is called before each chunk is sent: if it returns False, the replies under way are still waited for. After
        an error nothing more is sent; if it was one of the line, each chunk under way is given with it. A script that writes
        is not sent where the user lacks one of its rights, as it would end half way. Raises redis.RedisError and OSError only
        before the first chunk is sent.
        """
        if not (supply.left and may_go_on()):
            return
        if self._mode == "run":
            try:
                self._script.require_rights(self._client)
            except NoPermissionError as error:
                yield supply.take(FIRST), error
                return
        if supply.left <= FIRST:
            yield from self._alone(supply, may_go_on)
            return
        # so that the server has the script, and it is known by which command it runs
        given = self._arguments(Chunk(Targets(()), ()))
        self._script.read(self._client, **given | ({"mode": "plan"} if "mode" in given else {}))
        self._pace = Pace(self._passing(supply.deepest))
        connection: Any = self._client.connection_pool.get_connection()
        going = True
        try:
            while True:
                while going and supply.left and self._pace.room(len(self._under_way)):
                    self._send(connection, supply.take(self._pace.size))
                    going = may_go_on()
                if not self._under_way:
                    return
                sent, reply = self._reply(connection)
                yield sent.chunk, reply
                going = going and not isinstance(reply, Exception) and may_go_on()
        except (redis.ConnectionError, redis.TimeoutError, OSError) as error:
            lost = [sent.chunk for sent in self._under_way]
            self._under_way.clear()
            connection.disconnect()
            yield from ((chunk, error) for chunk in lost)
        finally:
            if self._under_way:  # the caller has gone away: the replies must not be taken for those of others
                connection.disconnect()
            self._client.connection_pool.release(connection)

    def _passing(self, deepest: Targets | None) -> float:
        """Seconds in which the server passes an entry of the list of these jobs; 0 where that is not long enough to matter."""
        if not deepest or deepest.length < LONG or self._mode == "plan":
            return 0.0
        with self._client.pipeline(transaction=False) as pipe:
            pipe.time()
            for _ in range(PROBES):
                pipe.lpos(keys.queue(deepest.queue or ""), "", maxlen=LONG)
                pipe.time()
            clock: list[float] = [seconds + micros / 1e6 for seconds, micros in pipe.execute()[::2]]
        return min(after - before for before, after in pairwise(clock)) / LONG

    def _alone(self, supply: Supply, may_go_on: Callable[[], bool]) -> Iterator[tuple[Chunk, Any]]:
        """The few jobs of single chunks."""
        call = self._script.read if self._mode == "plan" else self._script.run
        going = True
        while going and supply.left:
            chunk = supply.take(FIRST)
            try:
                yield chunk, call(self._client, *self._ids(chunk), **self._arguments(chunk))
            except (redis.RedisError, OSError) as error:
                yield chunk, error
                return
            going = may_go_on()

    def _ids(self, chunk: Chunk) -> tuple[str, ...]:
        return chunk.ids if self._takes_ids else ()

    def _send(self, connection: Any, chunk: Chunk) -> None:
        given = self._script.values(*self._ids(chunk), **self._arguments(chunk))
        command = (self._script.verb(self._client, writes=self._mode == "run"), self._script.digest, 0, *given)
        self._put(connection, _Sent(chunk, given, time.monotonic()), command)

    def _put(self, connection: Any, sent: _Sent, command: tuple[Argument, ...]) -> None:
        """Sends a command between two that read the server's clock, as scripts cannot read a clock on every server."""
        self._under_way.append(sent)
        # a PING would come between the replies
        connection.send_packed_command(connection.pack_commands([("TIME",), command, ("TIME",)]), check_health=False)

    def _reply(self, connection: Any) -> tuple[_Sent, Any]:
        """The chunk that was sent first, and the reply to it; a script that the server has forgotten meanwhile is sent again."""
        while True:
            before, reply, after = _clock(connection), self._answer(connection), _clock(connection)
            sent = self._under_way.popleft()
            if not isinstance(reply, NoScriptError):
                self._pace.heard(len(sent.chunk.ids), max(0.0, after - before), time.monotonic() - sent.at, sent.chunk.passed)
                return sent, reply
            self._put(connection, sent, ("EVAL", self._script.text, 0, *sent.given))

    def _answer(self, connection: Any) -> Any:
        """The next reply, which may be an error of the server."""
        try:
            with self._script.plain_errors(self._client):
                return connection.read_response()
        except redis.ResponseError as error:
            return error


def _clock(connection: Any) -> float:
    """The reply to TIME: the server's clock, in seconds."""
    seconds, micros = connection.read_response()
    return int(seconds) + int(micros) / 1e6
