"""Reads fields of many jobs with plain commands, the next block while the one before is looked at: no script, so nobody waits."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

import redis

from qtui.broker.rows import DATA_READ
from qtui.broker.search.candidate import Candidate, Need
from qtui_workers.server import keys
from qtui_workers.server.replies import is_wrong_type, reply_of
from qtui_workers.text import decode, encode

BYTES: Final = 1 << 20
"""About so many bytes are on the way at once."""
FIRST, FEWEST, MOST = 100, 10, 500
"""Jobs of the first block, so that the first rows are seen at once, and of the others."""


class Listed(NamedTuple):
    """A job as a list names it."""

    id: bytes
    queue: str
    """'' where it is not known."""
    failed: bool
    """Whether the list is one of jobs that failed."""


Block = Sequence[Listed]


class Reader:
    """What is needed of many jobs, over a connection of its own."""

    def __init__(self, client: redis.Redis, need: Need) -> None:
        self._client = client
        self._need = need
        self._places = need.places
        names = [encode(name) for name in need.places]
        self._fields = _Command("HMGET", keys.JOB_PREFIX, *names)
        self._described = _Command("HMGET", keys.JOB_PREFIX, *(b"description" if name == b"data" else name for name in names))
        self._length = _Command("HSTRLEN", keys.JOB_PREFIX, b"data")
        self._error = _Command("XREVRANGE", keys.RESULTS_PREFIX, b"+", b"-", b"COUNT", b"1")
        self._with_data = "data" in self._places
        self._jobs = self._bytes = 0

    @property
    def size(self) -> int:
        """How many jobs the next block is best made of, from how long the jobs before were."""
        if not self._jobs:
            return FIRST
        return max(FEWEST, min(MOST, BYTES * self._jobs // max(1, self._bytes)))

    def read(self, blocks: Iterator[Block]) -> Iterator[list[Candidate]]:
        """The jobs of each block; raises redis.RedisError."""
        pool = self._client.connection_pool
        connection: Any = pool.get_connection()
        done = False
        try:
            yield from self._talk(connection, blocks)
            done = True
        finally:
            if not done:
                connection.disconnect()  # replies that nobody wants any more may be on the way
            pool.release(connection)

    def _talk(self, connection: Any, blocks: Iterator[Block]) -> Iterator[list[Candidate]]:
        """Of each block the lengths of the payloads are asked for first, as a payload may have any length."""
        measured: Block = next(blocks, ())
        asked: Block = ()
        too_long = asked_too_long = frozenset[int]()
        _send(connection, self._lengths(measured))
        while measured:
            too_long = self._too_long(connection, measured)
            following = next(blocks, ())
            _send(connection, self._lengths(following), self._ask(measured, too_long))
            if asked:
                yield self._received(connection, asked, asked_too_long)
            asked, asked_too_long, measured = measured, too_long, following
        if asked:
            yield self._received(connection, asked, asked_too_long)

    def _too_long(self, connection: Any, block: Block) -> frozenset[int]:
        """The places of the jobs whose payloads are too long to be read."""
        if not self._with_data:
            return frozenset()
        lengths = [_reply(connection) or 0 for _ in block]
        self._bytes += sum(lengths)
        if max(lengths) <= DATA_READ:
            return frozenset()
        return frozenset(place for place, length in enumerate(lengths) if length > DATA_READ)

    def _lengths(self, block: Block) -> bytes:
        return b"".join([self._length(job.id) for job in block]) if self._with_data else b""

    def _ask(self, block: Block, too_long: frozenset[int]) -> bytes:
        parts = []
        fields, error, with_error = self._fields, self._error, self._need.error
        for place, job in enumerate(block):
            parts.append((self._described if place in too_long else fields)(job.id))
            if with_error and job.failed:
                parts.append(error(job.id))
        return b"".join(parts)

    def _received(self, connection: Any, block: Block, too_long: frozenset[int]) -> list[Candidate]:
        found = []
        places, with_error = self._places, self._need.error
        for place, (key, queue, failed) in enumerate(block):
            reply, error = _reply(connection), None
            if with_error and failed:
                error = _traceback(_reply(connection))
                self._bytes += len(error or b"")
            if reply and place in too_long:
                reply[places["data"]] = decode(reply[places["data"]]) or "–"
            found.append(Candidate(key, queue, reply, places, error))
        self._jobs += len(block)
        self._bytes += 100 * len(block)
        self._find_gone(found)
        return found

    def _find_gone(self, found: list[Candidate]) -> None:
        """Marks the jobs that have no hash."""
        doubtful = [job for job in found if not job.damaged and job.raw("status") is None]
        if not doubtful:
            return
        with self._client.pipeline(transaction=False) as pipe:
            for job in doubtful:
                pipe.exists(encode(keys.job(job.id)))
            for job, exists in zip(doubtful, map(reply_of, pipe.execute(raise_on_error=False)), strict=True):
                job.gone = not exists
                job.damaged = job.damaged or job.gone


class _Command:
    """A command that is sent for many keys, as bytes of the protocol, which are put together once."""

    def __init__(self, name: str, prefix: str, *arguments: bytes) -> None:
        self._head = b"*%d\r\n$%d\r\n%s\r\n$" % (2 + len(arguments), len(name), name.encode())
        self._prefix = encode(prefix)
        self._tail = b"\r\n" + b"".join(b"$%d\r\n%s\r\n" % (len(each), each) for each in arguments)

    def __call__(self, key: bytes) -> bytes:
        """For the key that ends so."""
        return b"%s%d\r\n%s%s%s" % (self._head, len(self._prefix) + len(key), self._prefix, key, self._tail)


def _send(connection: Any, *commands: bytes) -> None:
    connection.send_packed_command(commands, check_health=False)  # a PING would come between the replies


def _reply(connection: Any) -> Any:
    """The next reply; None where the key has another type."""
    try:
        return connection.read_response()
    except redis.ResponseError as error:
        if not is_wrong_type(error):
            raise
        return None


def _traceback(entries: Any) -> bytes | None:
    """The traceback in the newest entry of a job's results."""
    values = entries[0][1] if entries else ()
    for name, value in zip(values[::2], values[1::2], strict=False):
        if name == b"exc_string":
            return bytes(value)
    return None
