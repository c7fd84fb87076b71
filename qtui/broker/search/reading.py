"""Reads fields of many jobs with plain commands, the next block while the one before is looked at: no script, so nobody waits."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cache
from itertools import compress
from typing import Any, Final, NamedTuple

import redis

from qtui.broker.rows import DATA_READ
from qtui.broker.search.candidate import Candidate, Need
from qtui_workers.server import keys
from qtui_workers.server.replies import is_wrong_type, reply_of
from qtui_workers.server.wire import pooled_connection, reply_taker
from qtui_workers.text import decode, encode

BYTES: Final = 1 << 20
"""About so many bytes are on the way at once."""
FIRST, FEWEST, MOST = 100, 10, 500
"""Jobs of the first block, so that the first rows are seen at once, and of the others."""


class Stretch(NamedTuple):
    """Jobs that follow each other in a list."""

    ids: Sequence[bytes]
    queue: str
    """'' where it is not known."""
    failed: bool
    """Whether the list is one of jobs that failed."""
    order: Sequence[float] = ()
    """Of each the number by which the list is in order, the greatest first; empty where a field of the jobs says that."""

    def first(self, number: int) -> Stretch:
        """So many of them."""
        return self._replace(ids=self.ids[:number], order=self.order[:number])

    def after(self, number: int) -> Stretch:
        """The others."""
        return self._replace(ids=self.ids[number:], order=self.order[number:])


class Block:
    """Jobs that are read together."""

    def __init__(self, stretches: Sequence[Stretch]) -> None:
        self.stretches = stretches
        self.ids = [job_id for stretch in stretches for job_id in stretch.ids]
        self.failed = [job_id for stretch in stretches if stretch.failed for job_id in stretch.ids]
        self.too_long = frozenset[int]()
        """The places of the jobs whose payloads are too long to be read."""


def blocks(stretches: Iterator[Stretch], size: Callable[[], int]) -> Iterator[Block]:
    """The jobs in blocks of as many as `size` says before each."""
    taken: list[Stretch] = []
    room = size()
    for stretch in stretches:
        while len(stretch.ids) >= room:
            yield Block([*taken, stretch.first(room)])
            stretch, taken = stretch.after(room), []
            room = size()
        taken.append(stretch)
        room -= len(stretch.ids)
    if any(stretch.ids for stretch in taken):
        yield Block(taken)


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
        self.gone = 0
        """Jobs read so far that have no hash."""

    def size(self) -> int:
        """How many jobs the next block is best made of, from how long the jobs before were."""
        if not self._jobs:
            return FIRST
        return max(FEWEST, min(MOST, BYTES * self._jobs // max(1, self._bytes)))

    def read(self, blocks: Iterator[Block]) -> Iterator[list[Candidate]]:
        """The jobs of each block; raises redis.RedisError."""
        with pooled_connection(self._client) as connection:
            yield from self._talk(_Wire(connection), blocks)

    def _talk(self, wire: _Wire, blocks: Iterator[Block]) -> Iterator[list[Candidate]]:
        """The lengths of the payloads of each block are read first, as a payload may have any length."""
        measured = next(blocks, None)
        asked: Block | None = None
        wire.send(self._lengths(measured))
        while measured:
            self._measure(wire, measured)
            following = next(blocks, None)
            wire.send(self._lengths(following), self._ask(measured))
            if asked:
                yield self._received(wire, asked)
            asked, measured = measured, following
        if asked:
            yield self._received(wire, asked)

    def _lengths(self, block: Block | None) -> bytes:
        return self._length.all(block.ids) if block and self._with_data else b""

    def _measure(self, wire: _Wire, block: Block) -> None:
        if not self._with_data:
            return
        lengths = [length or 0 for length in wire.replies(int, len(block.ids))]
        self._bytes += sum(lengths)
        if max(lengths) > DATA_READ:
            block.too_long = frozenset(place for place, length in enumerate(lengths) if length > DATA_READ)

    def _ask(self, block: Block) -> bytes:
        if block.too_long:
            fields = [(self._described if place in block.too_long else self._fields) for place in range(len(block.ids))]
            asked = b"".join([command.all([job_id]) for command, job_id in zip(fields, block.ids, strict=True)])
        else:
            asked = self._fields.all(block.ids)
        return asked + self._error.all(block.failed) if self._need.error else asked

    def _received(self, wire: _Wire, block: Block) -> list[Candidate]:
        replies = wire.replies(list, len(block.ids))
        errors = wire.replies(list, len(block.failed)) if self._need.error else []
        for place in block.too_long:
            if fields := replies[place]:
                fields[self._places["data"]] = decode(fields[self._places["data"]]) or "–"
        found: list[Candidate] = []
        for stretch in block.stretches:
            start = len(found)
            own = zip(stretch.ids, replies[start : start + len(stretch.ids)], strict=True)
            found += [Candidate(key, stretch.queue, reply, self._places) for key, reply in own]
            for job, number in zip(found[start:], stretch.order, strict=False):  # most have none
                job.listed_at = number
        if errors:
            self._give(errors, found, block)
        self._jobs += len(block.ids)
        self._bytes += 100 * len(block.ids)
        self._find_gone([job for job, reply in zip(found, replies, strict=True) if reply and reply[0] is None])
        return found

    def _give(self, errors: list[Any], found: list[Candidate], block: Block) -> None:
        """Gives the failed jobs their tracebacks."""
        flags = [stretch.failed for stretch in block.stretches for _ in stretch.ids]
        for job, entries in zip(compress(found, flags), errors, strict=True):
            job.stored_error = traceback = _traceback(entries)
            self._bytes += len(traceback or b"")

    def _find_gone(self, doubtful: list[Candidate]) -> None:
        """Marks the jobs that have no hash."""
        if not doubtful:
            return
        with self._client.pipeline(transaction=False) as pipe:
            for job in doubtful:
                pipe.exists(encode(keys.job(job.id)))
            for job, exists in zip(doubtful, map(reply_of, pipe.execute(raise_on_error=False)), strict=True):
                job.gone = not exists
                job.damaged = job.damaged or job.gone
                self.gone += job.gone


class _Command:
    """A command that is sent for many keys, as bytes of the protocol, which are put together once for each length of key."""

    def __init__(self, name: str, prefix: str, *arguments: bytes) -> None:
        head = b"*%d\r\n$%d\r\n%s\r\n$" % (2 + len(arguments), len(name), name.encode())
        start = encode(prefix)
        self._tail = b"\r\n" + b"".join(b"$%d\r\n%s\r\n" % (len(each), each) for each in arguments)
        self._head = cache(lambda length: b"%s%d\r\n%s" % (head, len(start) + length, start))

    def all(self, keys: Sequence[bytes]) -> bytes:
        """For the keys that end so."""
        if not keys:
            return b""
        if len(set(map(len, keys))) == 1:
            head = self._head(len(keys[0]))
            return head + (self._tail + head).join(keys) + self._tail
        return b"".join([self._head(len(key)) + key + self._tail for key in keys])


class _Wire:
    """A connection to which many commands are sent in one go, and whose replies are taken from hiredis without a detour."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._next = reply_taker(connection)

    def send(self, *commands: bytes) -> None:
        """Sends them."""
        self._connection.send_packed_command(commands, check_health=False)  # a PING would come between the replies

    def replies(self, kind: type, number: int) -> list[Any]:
        """The next replies, all of that kind; None for each where the key has another type. Raises the errors of redis-py."""
        take = self._next
        found: list[Any] = []
        for _ in range(number):
            reply = take()
            found.append(reply if reply.__class__ is kind else self._other(reply, kind))
        return found

    def _other(self, reply: Any, kind: type) -> Any:
        """What stands for a reply that is not of the kind: an error, a message of another sort, or not all of one yet."""
        try:
            while reply.__class__ is not kind:
                if isinstance(reply, Exception):
                    raise reply
                reply = self._connection.read_response()
        except redis.ResponseError as error:
            if not is_wrong_type(error):
                raise
            return None
        return reply


def _traceback(entries: Any) -> bytes | None:
    """The traceback in the newest entry of a job's results."""
    values = entries[0][1] if entries else ()
    for name, value in zip(values[::2], values[1::2], strict=False):
        if name == b"exc_string":
            return bytes(value)
    return None
