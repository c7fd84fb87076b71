"""Reads windows of the jobs of a status, and counts jobs."""

from __future__ import annotations

import heapq
import random
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import chain
from operator import itemgetter
from typing import Any, Final

import redis

from qtui.broker import rows
from qtui.broker.models import Lifetimes, Window
from qtui.broker.status import COUNTED, Status
from qtui_workers.records import replace
from qtui_workers.server import keys
from qtui_workers.server.replies import reply_of, unless_wrong_type
from qtui_workers.server.rq_format import names_under, parse_number, parse_time
from qtui_workers.server.scripts import Argument, Script
from qtui_workers.text import decode, encode

SORTED: Final = 500
"""If all queues together, or one registry, hold at most so many jobs, a window sorts them all; else it goes by their order."""
MERGED: Final = 200
"""The lists of at most this many queues are merged by one script; of more, the newest jobs are merged here, not the others."""
NEWEST: Final = 2_000
"""So many jobs are read to merge the newest of more queues …"""
LEAST: Final = 100
"""… but at least so many by each script."""
SAMPLES: Final = 64
"""So many ended jobs of a longer list are looked at for how long they are kept."""
SCANNED: Final = 20_000
"""A search for a status that has no list of its own reads at most this many jobs."""
BLOCK: Final = 1_000
"""Number of jobs that one call of a search script reads; it takes about 2 ms of server time."""

_WINDOW: Final = Script.load("window", "qtui.broker")
_FIND: Final = Script.load("find", "qtui.broker")


def queue_names(client: redis.Redis) -> tuple[str, ...]:
    """Every queue that RQ knows, by name; one round trip."""
    return names_of(unless_wrong_type(client.smembers, keys.QUEUES) or ())


def names_of(members: Iterable[bytes | str]) -> tuple[str, ...]:
    """The names in the set of queue keys; members that are not keys of queues are left out."""
    return names_under(keys.QUEUE_PREFIX, members)


def place(queue: str, status: Status) -> str:
    """The key that holds the ids of a status in a queue; KeyError for a status without one."""
    if status.place == "queue":
        return keys.queue(queue)
    if status.registry is None:
        raise KeyError(status)
    return keys.registry(status.registry, queue)


def count_commands(pipe: redis.client.Pipeline, queue: str) -> None:
    """Puts one command for each status of `COUNTED` into a pipeline, in that order."""
    for status in COUNTED:
        count = pipe.llen if status.place == "queue" else pipe.zcard
        count(encode(place(queue, status)))


def counts_of(replies: list[object]) -> dict[Status, int]:
    """The counts in the replies to `count_commands`; a key of the wrong type counts 0. Raises any other error among them."""
    return {status: reply_of(reply) or 0 for status, reply in zip(COUNTED, replies, strict=True)}


def counts(client: redis.Redis, queue: str | None) -> dict[Status, int]:
    """How many jobs each status of `COUNTED` holds in a queue, or in all (None). No cleanup runs, so RQ's own
    counts, which drop expired entries first, may be lower. Two round trips at most."""
    names = queue_names(client) if queue is None else (queue,)
    with client.pipeline(transaction=False) as pipe:
        for name in names:
            count_commands(pipe, name)
        replies = pipe.execute(raise_on_error=False)
    totals = dict.fromkeys(COUNTED, 0)
    for start in range(0, len(replies), len(COUNTED)):
        for status, number in counts_of(replies[start : start + len(COUNTED)]).items():
            totals[status] += number
    return totals


def window(
    client: redis.Redis,
    queue: str | None,
    status: Status,
    offset: int,
    limit: int,
    *,
    oldest_first: bool = False,
    holding: Sequence[str] = (),
    known: Lifetimes = (),
) -> Window:
    """At most `limit` jobs of a status, newest first or `oldest_first`, from `offset` on.

    The order is that of the queue's list (the tail is newest) or of the registry's scores (`scheduled`: the latest due first;
    `finished` and `failed`: RQ scores by expiry, which is the order of their end if all are kept equally long). Of those that
    are kept for different times the newest come first in the order of their end, the window's `in_order` says how many; up
    to `SORTED` of them all do. With queue None, all queues are merged by time, newest first,
    however many jobs they hold; what is read for it is bounded by the number of queues and the limit (`merge.lua`).

    `known`: the `lifetimes` of a window of the same list that was read before: those that are rare are found in time.

    `holding`: with queue None, the queues that hold such jobs, where they are known; else all queues are read. Of more than
    `MERGED` queues together the newest (or oldest) are merged, the window's `in_order` tells how many; the others follow queue by
    queue, by name. Each job is listed once.

    stopped, rate limited and created have no list of their own: at most `SCANNED` jobs are read; the window's
    `scanned` is the number of jobs read, and `complete` says whether these were all jobs.

    One round trip, a few for a search. A job that is gone or damaged is a row with a `problem`; a key of the wrong type is the
    window's `problem`. Raises redis.RedisError if the server cannot answer at all.
    """
    if status.place in ("queue", "registry"):
        return _listed(client, queue, status, offset, limit, oldest_first=oldest_first, holding=holding, known=known)
    found, scanned, complete = search(client, queue, status)
    page = (found[::-1] if oldest_first else found)[offset : offset + limit]
    return Window(queue, status, len(found), offset, rows.named(client, page), scanned=scanned, complete=complete)


def _listed(
    client: redis.Redis,
    queue: str | None,
    status: Status,
    offset: int,
    limit: int,
    *,
    oldest_first: bool,
    holding: Sequence[str],
    known: Lifetimes,
) -> Window:
    arguments: dict[str, Argument] = {
        "spec": rows.SPEC,
        "status": status,
        "all": int(queue is None),
        "queue": queue or "",
        "offset": offset,
        "limit": limit,
        "sorted": SORTED,
        "backwards": int(oldest_first),
        "bare": 0,
        "most": MERGED,
        "samples": SAMPLES,
        "phase": f"{random.random():.4f}",  # noqa: S311  # no secret: which jobs are looked at
        "known": " ".join(f"{low:.0f}:{high:.0f}" for low, high in known),
        "now": "",
        "clock": time.time(),
    }
    names = holding if queue is None else ()
    if len(names) > MERGED:
        return _of_many(client, names, status, arguments)
    total, wrong, found, spans, in_order, held = _WINDOW.read(client, *names, **arguments)
    if found is None:
        return _of_many(client, [decode(name) for name in held[::2]], status, arguments)
    kept = tuple((float(low), float(high)) for low, high in zip(spans[::2], spans[1::2], strict=True))
    window = _window(queue, status, total, offset, found, wrong)
    return replace(window, in_order=in_order, lifetimes=kept, oldest_first=oldest_first)


def _of_many(client: redis.Redis, names: Sequence[str], status: Status, arguments: dict[str, Argument]) -> Window:
    """The same for many queues: the first are merged from the ends of their lists, then one queue follows the other.

    Each script looks at some queues. Three round trips at most.
    """
    offset, limit, backwards = int(arguments["offset"]), int(arguments["limit"]), arguments["backwards"] == 1
    blocks = [names[start : start + MERGED] for start in range(0, len(names), MERGED)]
    most = max(LEAST, NEWEST // len(blocks))
    plain = arguments | {"sorted": 0, "samples": 0, "known": ""}
    replies = _WINDOW.read_many(client, [plain | {"offset": 0, "limit": most, "bare": 1}] * len(blocks), blocks)
    merged = _merged(replies, status, backwards=backwards)
    taken = Counter(queue for _, queue, *_ in merged)
    held = list(chain.from_iterable(reply[5] for reply in replies))
    left = {name: count - taken[name] for name, count in zip(held[::2], held[1::2], strict=True)}
    found = rows.replies(client, [(job_id, queue, score) for job_id, queue, score, _ in merged[offset : offset + limit]])
    parts = _parts(left, max(0, offset - len(merged)), limit - len(found))
    if parts:
        calls = [plain | {"all": 0, "queue": name, "offset": taken[name] + first, "limit": count} for name, first, count in parts]
        found += [row for reply in _WINDOW.read_many(client, calls) for row in reply[2]]
    total = sum(reply[0] for reply in replies)
    window = _window(None, status, total, offset, found, [place for reply in replies for place in reply[1]])
    in_order = len(merged) if len(merged) < total else None
    return replace(window, in_order=in_order, then="queue by queue", oldest_first=backwards)


def _merged(replies: Sequence[Any], status: Status, *, backwards: bool) -> list[list[bytes]]:
    """The first jobs of all blocks of queues as one list, as far as it is known: until all that was read of a block is used up.

    Of each queue they are the first of its list, whatever its order, so that the others can be counted from there on.
    """
    lists = [reply[2] for reply in replies]
    unread = [reply[0] > len(reply[2]) for reply in replies]
    time = (lambda entry: entry[3]) if status.time else lambda entry: parse_number(entry[3]) or 0.0
    tagged = [[(time(entry), number, entry) for entry in some] for number, some in enumerate(lists)]
    found: list[list[bytes]] = []
    used = [0] * len(lists)
    for _, number, entry in heapq.merge(*tagged, key=itemgetter(0), reverse=not backwards):
        found.append(entry)
        used[number] += 1
        if unread[number] and used[number] == len(lists[number]):
            break
    return found


def _parts(left: Mapping[bytes, int], offset: int, limit: int) -> list[tuple[bytes, int, int]]:
    """Where `limit` jobs from `offset` on are, if one queue follows the other: queue, the first, and how many."""
    found = []
    for name in sorted(left):
        count = min(left[name] - offset, limit)
        if count > 0:
            found.append((name, offset, count))
            limit -= count
        offset = max(0, offset - left[name])
    return found


def _window(queue: str | None, status: Status, total: int, offset: int, found: Iterable[Any], wrong: list[bytes]) -> Window:
    problem = f"{', '.join(decode(key) for key in wrong[:5])}: a key of the wrong type" if wrong else None
    return Window(queue, status, total, offset, tuple(rows.read(reply, status) for reply in found), problem=problem)


Found = tuple[list[tuple[str, str]], int, bool]
"""The (id, queue) of every job found, the number of jobs read, and whether these were all jobs."""


def search(
    client: redis.Redis, queue: str | None, status: Status, bound: int = SCANNED, stop: Callable[[], bool] = lambda: False
) -> Found:
    """Searches for the jobs of a status that has no list of its own; newest first.

    `stop` is called before each round trip of a walk through the keyspace.
    """
    if status.place == "hash":
        return _created(client, queue, bound, stop)
    if status.place == "limit":
        limits = client.smembers(keys.RATE_LIMIT_KEYS)
        places = [(keys.rate_limited(decode(limit)), "") for limit in sorted(limits)]
    else:
        names = queue_names(client) if queue is None else (queue,)
        places = [(place(name, status), name) for name in names]
    return _among(client, places, status, queue, bound)


def _among(client: redis.Redis, places: list[tuple[str, str]], status: Status, queue: str | None, bound: int) -> Found:
    """Searches sorted sets in blocks."""
    with client.pipeline(transaction=False) as pipe:
        for key, _ in places:
            pipe.zcard(encode(key))
        sizes = [reply_of(reply) or 0 for reply in pipe.execute(raise_on_error=False)]
    calls: list[dict[str, Argument]] = []
    owners: list[str] = []
    scanned, times = 0, " ".join(status.times)
    for (key, owner), size in zip(places, sizes, strict=True):
        for start in range(0, size, BLOCK):
            length = min(BLOCK, size - start, bound - scanned)
            if length > 0:
                last = start + length - 1
                calls.append({"place": key, "first": start, "last": last, "status": status, "queue": queue or "", "times": times})
                owners.append(owner)
                scanned += length
    replies = _FIND.read_many(client, calls)
    found = {
        (decode(job_id), owner): parse_time(since)
        for reply, owner in zip(replies, owners, strict=True)
        for job_id, since in zip(reply[::2], reply[1::2], strict=True)
    }
    return _newest_first(found), scanned, scanned == sum(sizes)


def _created(client: redis.Redis, queue: str | None, bound: int, stop: Callable[[], bool]) -> Found:
    """Searches for jobs that are in no list, only a hash: reads the keyspace with SCAN, about `bound` keys at most."""
    found: dict[tuple[str, str], float | None] = {}
    cursor, scanned = 0, 0
    while scanned < bound:
        cursor, page = client.scan(cursor, match=keys.job("*"), count=BLOCK, _type="hash")
        scanned += len(page)
        with client.pipeline(transaction=False) as pipe:
            for key in page:
                pipe.hmget(key, ["status", "origin", *Status.CREATED.times])
            replies = [reply_of(reply) for reply in pipe.execute(raise_on_error=False)]
        for key, reply in zip(page, replies, strict=True):
            status, origin, *times = reply or (None, None)
            if decode(status) == Status.CREATED and queue in (None, decode(origin)):
                found[decode(key).removeprefix(keys.JOB_PREFIX), decode(origin)] = parse_time(next(filter(None, times), None))
        if cursor == 0 or stop():
            break
    return _newest_first(found), scanned, cursor == 0


def _newest_first(found: Mapping[tuple[str, str], float | None]) -> list[tuple[str, str]]:
    """Those of which it is not known since when at the end."""
    return sorted(found, key=lambda job: -(found[job] or 0.0))
