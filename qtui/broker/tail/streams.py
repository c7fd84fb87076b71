"""Reads several streams onward, each from its own place, and says how many entries were gone before they could be read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import redis
from redis.exceptions import ExecAbortError, NoPermissionError

from qtui_workers.server.replies import is_wrong_type
from qtui_workers.server.wire import packed, pooled_connection, reply_taker
from qtui_workers.text import encode

START: Final = b"0-0"
COUNT: Final = 1_000
"""Entries of a stream that one call reads: with all that a job's log keeps it takes about a millisecond."""

Entry = tuple[bytes, Sequence[bytes]]
"""Its id; names and values in turn."""


class Taken(NamedTuple):
    """What was new in one stream."""

    key: str
    entries: Sequence[Entry]
    lost: int | None
    """How many entries before these were dropped from the stream unread; None: some, but the server does not say how many."""


@dataclass(slots=True)
class _ReadPosition:
    """How far a stream has been read."""

    last: bytes
    number: int | None
    """How many entries the stream had taken by then; None where that is not known."""


class Streams:
    """The streams and how far each has been read. Only one thread at a time may use it; every method raises redis.RedisError.

    The commands are sent and read here, without redis-py's own reading of the replies, which takes several times as long.
    """

    def __init__(self, client: redis.Redis) -> None:
        self._client = client
        self._places: dict[str, _ReadPosition] = {}
        self._says_number = True
        """Whether XINFO may be used, and says how many entries a stream has taken: from Redis 7.0 on."""
        self.is_behind = False
        """Whether there may be more than the last `take` has read."""

    def __contains__(self, key: str) -> bool:
        return key in self._places

    def add(self, key: str, after: bytes | None = None) -> None:
        """Read a stream from its first entry on, or from a place on."""
        self._places[key] = _ReadPosition(after or START, None if after else 0)
        self.is_behind = True

    def open(self, keys: Sequence[str], backlog: int) -> dict[str, list[Entry]]:
        """Read streams from now on; returns the newest entries that each has, oldest first, at most so many."""
        commands = [(b"XREVRANGE", encode(key), b"+", b"-", b"COUNT", b"%d" % max(1, backlog)) for key in keys]
        found = {}
        for key, (facts, entries) in zip(keys, self._with_facts(keys, commands), strict=True):
            newest = entries[0][0] if entries else facts.get(b"last-generated-id", START)
            nothing = 0 if self._says_number and not facts else None
            self._places[key] = _ReadPosition(newest, facts.get(b"entries-added", nothing))
            found[key] = list(reversed(entries))[-backlog:] if backlog else []
        return found

    def place(self, key: str) -> bytes:
        """The id of the last entry that was read of a stream; of one that is not read, the place before its first."""
        return self._places[key].last if key in self._places else START

    def remove(self, key: str) -> None:
        """No longer read a stream."""
        self._places.pop(key, None)

    def wait(self, seconds: float) -> list[str]:
        """The streams that have new entries; waits for them at most so long, and not longer than half the client's patience."""
        if not self._places:
            return []
        timeout = self._client.connection_pool.connection_kwargs.get("socket_timeout")
        longest = min(seconds, timeout / 2) if timeout else seconds
        block = (b"BLOCK", b"%d" % max(1, round(longest * 1000))) if seconds > 0 else ()
        reply = self.call([(b"XREAD", b"COUNT", b"1", *block, *self._streams(self._places))])[0]
        if is_error(reply):
            self._drop_others(reply)
            return self.wait(seconds)
        names = {encode(key): key for key in self._places}
        return [names[key] for key, _ in _pairs(reply) if key in names]

    def take(self, keys: Sequence[str]) -> list[Taken]:
        """The next entries of these streams, at most `COUNT` of each."""
        commands = [(b"XREAD", b"COUNT", b"%d" % COUNT, *self._streams([key])) for key in keys]
        found = []
        self.is_behind = False
        for key, (facts, reply) in zip(keys, self._with_facts(keys, commands), strict=True):
            entries = next((entries for _, entries in _pairs(reply)), ())
            if entries:
                found.append(self._taken(self._places[key], key, entries, facts))
            self.is_behind |= len(entries) >= COUNT
        return found

    def _taken(self, place: _ReadPosition, key: str, entries: Sequence[Entry], facts: Mapping[bytes, Any]) -> Taken:
        added, number, is_full = facts.get(b"entries-added"), place.number, len(entries) >= COUNT
        dropped = added - facts.get(b"length", 0) if added is not None else 0
        lost: int | None = 0
        if added is not None and number is not None:
            lost = max(0, dropped - number) if number <= added else 0  # else the stream was made anew
        elif is_full:
            first = facts.get(b"first-entry")
            lost = 0 if place.last == START or (first and _order(first[0]) <= _order(place.last)) else None
        if added is None or (is_full and number is None):
            place.number = None
        else:
            base = number if number is not None and number <= added else 0
            place.number = max(dropped, base) + len(entries) if is_full else added
        place.last = entries[-1][0]
        return Taken(key, entries, lost)

    def _streams(self, keys: Iterable[str]) -> tuple[bytes, ...]:
        keys = list(keys)
        return (b"STREAMS", *map(encode, keys), *(self._places[key].last for key in keys))

    def _with_facts(self, keys: Sequence[str], commands: Sequence[tuple[bytes, ...]]) -> list[tuple[dict[bytes, Any], Any]]:
        """What XINFO says of each stream, and the reply to a command for it, at the same moment; of no stream nothing."""
        if not self._says_number:
            return self._without_facts(commands)
        both = [
            part for key, command in zip(keys, commands, strict=True) for part in ((b"XINFO", b"STREAM", encode(key)), command)
        ]
        try:
            replies = self.call([(b"MULTI",), *both, (b"EXEC",)])[-1] if both else []
            if isinstance(replies, ExecAbortError):  # where a server has no memory left, it lets nobody begin a transaction
                return self._without_facts(commands)
            if isinstance(replies, redis.ResponseError):
                raise replies
        except NoPermissionError:
            self._says_number = False
            return self._with_facts(keys, commands)
        found = []
        for facts, reply in zip(replies[::2], replies[1::2], strict=True):
            named = (
                {} if is_error(facts) else facts if isinstance(facts, dict) else dict(zip(facts[::2], facts[1::2], strict=True))
            )
            found.append((named, [] if is_error(reply) else reply))
        return found

    def _without_facts(self, commands: Sequence[tuple[bytes, ...]]) -> list[tuple[dict[bytes, Any], Any]]:
        return [({}, None if is_error(reply) else reply) for reply in self.call(commands)]

    def call(self, commands: Sequence[Sequence[bytes]]) -> list[Any]:
        """The replies to commands in one round trip, errors of single ones among them."""
        if not commands:
            return []
        with pooled_connection(self._client) as connection:
            connection.send_packed_command([packed(commands)], check_health=False)
            take = reply_taker(connection)
            replies = [_reply(connection, take()) for _ in commands]
        if denied := next((reply for reply in replies if isinstance(reply, NoPermissionError)), None):
            raise denied
        return replies

    def _drop_others(self, error: redis.ResponseError) -> None:
        """Removes what is no stream; raises the error where it is not about that."""
        kinds = self.call([(b"TYPE", encode(key)) for key in self._places]) if is_wrong_type(error) else []
        others = [key for key, kind in zip(self._places, kinds, strict=False) if kind not in (b"stream", b"none")]
        if not others:
            raise error
        for key in others:
            self.remove(key)


def is_error(reply: Any) -> bool:
    """Whether the reply to a single command is an error."""
    return isinstance(reply, redis.ResponseError)


_WHOLE: Final = frozenset({list, dict, bytes, int, type(None)})
"""The kinds of replies that are what they look like; the others redis-py has to read: errors, messages, what has not come yet."""


def _reply(connection: Any, taken: Any) -> Any:
    """A reply, of which `taken` was found already, perhaps; an error of the server is one too."""
    if taken.__class__ in _WHOLE or is_error(taken):
        return taken
    if isinstance(taken, Exception):
        raise taken
    try:
        return connection.read_response()
    except redis.ResponseError as error:
        return error


def _pairs(reply: Any) -> list[tuple[bytes, Sequence[Entry]]]:
    """The streams in a reply to XREAD, each with its entries, in RESP2 and RESP3."""
    return list(reply.items()) if isinstance(reply, dict) else [(each[0], each[1]) for each in reply or ()]


def _order(entry_id: bytes) -> tuple[int, int]:
    stamp, _, number = entry_id.partition(b"-")
    return int(stamp), int(number or 0)
