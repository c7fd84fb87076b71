"""Holds: no worker of ours runs jobs of a function, or of a function with a value in its payload, until the hold is released.

Redis cannot see what a job calls, as that is compressed in its record. So the script that takes jobs sends the worker the
holds, where there are any, and a worker that gets such a job gives it back (`qtui_workers/lua/ending.lua`): it waits in RQ's
registry of deferred jobs then, with the hold in its record, and no attempt is used.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, NamedTuple

import redis

from qtui_workers.errors import InvalidInput
from qtui_workers.reading import stored_payload
from qtui_workers.reading.hold import LONGEST, Hold, read, written
from qtui_workers.reading.matching import argument, is_function, is_value
from qtui_workers.reading.prefilter import value_filter
from qtui_workers.server import keys
from qtui_workers.server.format import check_format
from qtui_workers.server.rq_format import decompress
from qtui_workers.server.scripts import Script
from qtui_workers.text import decode, printable

_PLACE: Final = Script.load("place_hold")

MOST: Final = 100
"""Holds at a time: each job that a worker takes is compared with all of them."""


class HeldClaim(NamedTuple):
    """That a job which a worker has taken is held."""

    hold: str
    score: str
    """The score of its place among the deferred jobs."""


def parse(words: Iterable[str]) -> Hold:
    """The hold of a function, and perhaps of `FIELD=VALUE` after it. Raises InvalidInput."""
    function, *rest = words
    if not function or set(function) & set("* =") or not function.isprintable():
        raise InvalidInput(f"'{printable(function, 60)}' is no function: name it as lists of jobs do, such as shop.charge")
    if len(rest) > 1:
        raise InvalidInput("a hold is about one value: hold another one beside it")
    for condition in rest:
        field, sign, value = condition.partition("=")
        if not (field and sign and value) or " " in field or not condition.isprintable():
            raise InvalidInput(
                f"'{printable(condition, 60)}' is no value of a payload: write FIELD=VALUE, such as customer_id=42"
            )
    text = " ".join((function, *rest))
    if len(text) > LONGEST:
        raise InvalidInput(f"what is held has at most {LONGEST} characters")
    return Hold(text)


def place(client: redis.Redis, hold: Hold) -> bool:
    """From now on workers run no such job; False where it is held already. Raises InvalidInput, redis.RedisError."""
    placed: int = _PLACE.run(client, hold=hold.text, mark=written(hold), most=MOST)
    if placed < 0:
        raise InvalidInput(f"there are {MOST} holds already: release some, or pause the queue")
    return placed == 1


def lift(client: redis.Redis, text: str) -> bool:
    """From now on workers run such jobs again; those in hold stay there. False where there was no such hold."""
    check_format(client)
    return bool(client.hdel(keys.HOLDS, text))


def placed(client: redis.Redis) -> tuple[Hold, ...]:
    """All holds, by what they hold."""
    found = client.hgetall(keys.HOLDS)
    return tuple(read(raw) or Hold(decode(text)) for text, raw in sorted(found.items()))


def holding(texts: Iterable[bytes], data: bytes) -> str | None:
    """The first of some holds that holds a job with these data; None where none does. Nothing of the job is run."""
    holds = [_reader(decode(text)) for text in texts]
    name = stored_payload.function_name(data[: stored_payload.PREFIX])
    if name is None:
        return None
    meant = [each for each in holds if each.is_function(name)]
    content = decompress(data, stored_payload.MAX_BYTES)[0] if any(each.path for each in meant) else b""
    return next((each.text for each in meant if each.fits(content)), None)


@dataclass(frozen=True, slots=True)
class _Reader:
    """A hold, ready to be compared with jobs."""

    text: str
    is_function: Callable[[str], bool]
    path: tuple[str, ...]
    may_hold: Callable[[bytes], bool]
    is_value: Callable[[Any], bool]

    def fits(self, content: bytes) -> bool:
        """Whether the payload, uncompressed, has the value."""
        if not self.path:
            return True
        if not self.may_hold(content):
            return False
        call = stored_payload.quick_call(content) or stored_payload.job_call(content)
        return self.is_value(argument(call.args, call.kwargs, self.path))


@lru_cache(MOST)
def _reader(text: str) -> _Reader:
    hold = Hold(text)
    path = tuple(hold.field.split(".")) if hold.field else ()
    return _Reader(
        text, is_function(hold.function), path, value_filter(path[-1] if path else "", hold.value), is_value(hold.value)
    )
