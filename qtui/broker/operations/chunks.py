"""Sends a script in chunks: none holds the server for long, and over a slow line several are on their way at once."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import ceil, inf
from statistics import median
from typing import Any, Final, Literal

import redis
from redis.exceptions import NoScriptError

from qtui.broker.operations.selection import Targets
from qtui_workers.server.scripts import Argument, Script

FIRST: Final = 2
"""Number of jobs in the first chunk: to take a job from the middle of a long queue may take milliseconds."""
LARGEST: Final = 400
"""Maximum number of jobs in one chunk."""
TIGHT: Final = 0.002
"""Seconds of server time that a chunk is meant to take, so that one that takes much longer still blocks for less than 10 ms."""
AHEAD: Final = 0.006
"""Seconds of server time that all chunks under way may take: the server may run them one right after the other."""
MOST_AHEAD: Final = 6
"""Maximum number of chunks under way."""

Mode = Literal["plan", "run"]


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some jobs of one target."""

    target: Targets
    ids: tuple[str, ...]
    start: int = 0
    """The place of the first of them among the ids of the target."""


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

    Scripts cannot read a clock on every server. The server begins a chunk when it arrives and the one before is done, so its
    time is that from then until its reply, without what the fastest round trip takes.
    """

    def __init__(self) -> None:
        self.size = FIRST
        """Number of jobs of the next chunk."""
        self.way = inf
        """Seconds that the fastest round trip took."""
        self._each: deque[float] = deque(maxlen=3)
        self._heard = 0.0

    def room(self, under_way: int) -> bool:
        """Whether one more chunk may be sent while so many are under way."""
        if not under_way or not self._each:
            return not under_way
        chunk = self.size * median(self._each)
        return under_way < min(MOST_AHEAD, AHEAD / chunk, 1 + ceil(self.way / chunk) if self.way > TIGHT / 2 else 1)

    def heard(self, sent: float, now: float, jobs: int) -> None:
        """A reply about so many jobs came now; times are of `time.monotonic()`."""
        self.way = min(self.way, now - sent)
        seconds = max(0.0, now - max(sent + self.way, self._heard))
        self._heard = now
        self._each.append(max(seconds / jobs, 1e-7))
        self.size = max(1, min(LARGEST, self.size * 2, int(TIGHT / median(self._each))))


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

        `may_go_on` is asked before a chunk is sent: if not, those under way are still waited for. After an error nothing more
        is sent; if it was one of the line, each chunk under way is given with it. Raises redis.RedisError and OSError only
        before the first chunk is sent.
        """
        if supply.left <= FIRST:
            yield from self._alone(supply, may_go_on)
            return
        self._measure()
        connection: Any = self._client.connection_pool.get_connection()
        going = True
        try:
            while True:
                while going and supply.left and self._pace.room(len(self._under_way)):
                    if going := may_go_on():
                        self._send(connection, supply.take(self._pace.size))
                if not self._under_way:
                    return
                reply = self._reply(connection)
                sent = self._under_way.popleft()
                self._pace.heard(sent.at, time.monotonic(), len(sent.chunk.ids))
                going = going and not isinstance(reply, Exception)
                yield sent.chunk, reply
        except (redis.ConnectionError, redis.TimeoutError, OSError) as error:
            lost = [sent.chunk for sent in self._under_way]
            self._under_way.clear()
            connection.disconnect()
            yield from ((chunk, error) for chunk in lost)
        finally:
            if self._under_way:  # who asked has gone away: the replies must not be taken for those of others
                connection.disconnect()
            self._client.connection_pool.release(connection)

    def _alone(self, supply: Supply, may_go_on: Callable[[], bool]) -> Iterator[tuple[Chunk, Any]]:
        """The few jobs of single chunks."""
        call = self._script.read if self._mode == "plan" else self._script.run
        while supply.left and may_go_on():
            chunk = supply.take(FIRST)
            try:
                reply = call(self._client, *self._ids(chunk), **self._arguments(chunk))
            except (redis.RedisError, OSError) as error:
                yield chunk, error
                return
            yield chunk, reply

    def _ids(self, chunk: Chunk) -> tuple[str, ...]:
        return chunk.ids if self._takes_ids else ()

    def _measure(self) -> None:
        """How long the way takes: two calls without jobs, as the first may have to send the script or to connect."""
        given = self._arguments(Chunk(Targets(()), ()))
        for _ in range(2):
            began = time.monotonic()
            self._script.read(self._client, **given | ({"mode": "plan"} if "mode" in given else {}))
            self._pace.way = min(self._pace.way, time.monotonic() - began)

    def _send(self, connection: Any, chunk: Chunk) -> None:
        given = self._script.values(*self._ids(chunk), **self._arguments(chunk))
        self._under_way.append(_Sent(chunk, given, time.monotonic()))
        connection.send_command(self._script.verb(self._client, writes=self._mode == "run"), self._script.digest, 0, *given)

    def _reply(self, connection: Any) -> Any:
        """The reply to the chunk that was sent first; a script that the server has forgotten meanwhile is sent again."""
        while True:
            try:
                with self._script.plain_errors(self._client):
                    return connection.read_response()
            except NoScriptError:
                sent = self._under_way.popleft()
                self._under_way.append(sent)
                connection.send_command("EVAL", self._script.text, 0, *sent.given)
            except redis.ResponseError as error:
                return error
