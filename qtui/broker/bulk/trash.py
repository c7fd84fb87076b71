"""The trash: removed jobs are kept there for a while, and are put back as they were."""

from __future__ import annotations

import json
import time
import uuid
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, cast

import redis

from qtui.broker.audit import UNRECORDED, Audit
from qtui.broker.bulk.chunked_run import run_in_chunks
from qtui.broker.bulk.chunks import Calls, Supply
from qtui.broker.bulk.operation import Report
from qtui.broker.bulk.queue_positions import UNPLACED, NotAllPlaced, Places, Walker, bring
from qtui.broker.bulk.selection import Targets
from qtui.broker.bulk.tally import MOST_NAMED, Tally
from qtui.broker.trash_room import Room, Rules
from qtui_workers.errors import NotFound
from qtui_workers.server import keys
from qtui_workers.server.redis_errors import explain, label_of
from qtui_workers.server.replies import reply_of, unless_wrong_type
from qtui_workers.server.rq_format import parse_int
from qtui_workers.server.scripts import Script
from qtui_workers.text import decode, encode, printable

FEW: Final = 1_000
"""So many jobs are put straight to their places in queues; more go to the head first, and are then brought there together."""
ASTRAY: Final = "put back, but not to its place in the queue, as others changed the middle of it meanwhile"
BROUGHT: Final = "put back before, and now in its place"
PAGE: Final = 20_000
"""Entries of the list of places that are read at once; four describe a job."""
WALK: Final = 24 * 3600
"""Seconds in which an undo that brings jobs to their places ends."""

_UNDO: Final = Script.load("undo", "qtui.broker")
_PLACED: Final = Script.load("placed", "qtui.broker")


@dataclass(frozen=True, slots=True)
class Batch:
    """What one removal has put into the trash."""

    id: str
    by: str
    connection: str
    at: float
    """When it was removed; seconds since the epoch."""
    about: str
    """Which jobs, in words."""
    removed: int | None
    """How many jobs were to be removed."""
    jobs: int
    """How many of them are in the trash."""
    unplaced: int
    """How many were put back, but still have to be brought to their places in queues."""
    bytes: int | None
    """About how much memory these take."""
    expires_seconds: float | None
    """In how many seconds they are deleted."""


def room(client: redis.Redis, sample: list[str], jobs: int, rules: Rules) -> Room:
    """What removing so many jobs means, estimated from a sample of their ids; what may not be read is None. Two round trips."""
    with client.pipeline(transaction=False) as pipe:
        pipe.info("memory")
        for job_id in sample:
            pipe.memory_usage(encode(keys.job(job_id)))
            pipe.memory_usage(encode(keys.results(job_id)))
        memory, *sizes = pipe.execute(raise_on_error=False)
    known = [size for size in sizes if isinstance(size, int)]
    each = sum(known) / len(sample) if sample and known else None
    most = memory.get("maxmemory") if isinstance(memory, dict) else None
    return Room(
        rules,
        None if each is None else int(each * jobs),
        sum(batch.bytes or 0 for batch in batches(client)),
        memory["used_memory"] / most if most else None,
    )


def batches(client: redis.Redis) -> list[Batch]:
    """What is in the trash, the newest first; two round trips. Batches that have expired are left out."""
    names = [decode(name) for name in unless_wrong_type(client.zrevrange, keys.TRASH, 0, -1) or ()]
    with client.pipeline(transaction=False) as pipe:
        for name in names:
            pipe.hmget(encode(keys.trash_about(name)), "about", "jobs")
            pipe.pttl(encode(keys.trash_about(name)))
            pipe.llen(encode(keys.trash_places(name)))
        replies = [reply_of(reply) for reply in pipe.execute(raise_on_error=False)]
    found = (_batch(*each) for each in zip(names, replies[::3], replies[1::3], replies[2::3], strict=True))
    return [batch for batch in found if batch]


def _batch(name: str, fields: list[bytes | None] | None, pttl: int, places: int | None) -> Batch | None:
    about, number = fields or (None, None)
    jobs = parse_int(number)
    try:
        given = json.loads(decode(about or b""))
        at = float(given["at"])
    except (ValueError, TypeError, KeyError):
        return None
    removed, size = (given.get(name) if isinstance(given.get(name), int) else None for name in ("removed", "bytes"))
    return Batch(
        id=printable(name, 40),
        by=printable(str(given.get("by") or ""), 100),
        connection=printable(str(given.get("connection") or ""), 100),
        at=at,
        about=printable(str(given.get("about") or ""), 400),
        removed=removed,
        jobs=max(0, jobs or 0),
        unplaced=(places or 0) // 4,
        bytes=int(size * min(1.0, (jobs or 0) / removed)) if size is not None and removed else None,
        expires_seconds=pttl / 1000 if pttl >= 0 else None,
    )


def find(client: redis.Redis, name: str | None, here: str = "") -> Batch:
    """The batch of that name, or the one that was removed last; raises NotFound if there is none.

    `here`: the options of the connection, for commands.
    """
    known = batches(client)
    if not known:
        raise NotFound("there is nothing in the trash: nothing was removed, its time there is over, or it was put back already")
    if name is None:
        return known[0]
    for batch in known:
        if batch.id == name:
            return batch
    raise NotFound(
        f"there is no batch '{printable(name, 40)}' in the trash: its time there is over, or it was put back already; "
        f"qtui undo --list{here} shows what there is"
    )


def undo(
    client: redis.Redis,
    batch: Batch,
    *,
    audit: Audit = UNRECORDED,
    again: str = "",
    on_progress: Callable[[int, int], object] = lambda _worked_off, _matched: None,
    stop: Callable[[], bool] = lambda: False,
) -> Report:
    """Puts the jobs of a batch back, in chunks as operations are run; what cannot be put back stays in the trash.

    What one that ended in the middle has left is done, too.
    `again`: the command that does the rest where it is stopped.
    """
    began = time.monotonic()
    aside = batch.jobs > FEW or batch.unplaced > 0
    calls = Calls(
        client,
        _UNDO,
        "run",
        lambda chunk: {"batch": batch.id, "most": len(chunk.ids), "aside": str(int(aside))},
        takes_ids=False,
    )
    with audit.change(client, "undo", batch.about) as change:
        change.batch, change.jobs = batch.id, batch.jobs
        supply = Supply([Targets(("",) * batch.jobs)])
        tally = run_in_chunks(client, calls, supply, on_progress, stop)
        if aside:
            tally.leave(BROUGHT, batch.unplaced, ())
            _to_places(Walker(client, batch.id, uuid.uuid4().hex, stop), tally)
        report = Report.of("undo", batch.id, tally.seen + tally.failed, tally, began)
        change.done, change.outcome = report.done, summary(report)
        change.left = again if supply.left or is_unplaced(report) else ""
    return report


def is_unplaced(report: Report) -> bool:
    """Whether some jobs that were put back still have to be brought to their places."""
    return any(reason.startswith(UNPLACED) for reason in report.reasons)


def _to_places(walker: Walker, tally: Tally) -> None:
    """Brings the jobs that were put back at the head of their queues to their places; what keeps some from theirs is noted."""
    client, name = walker.client, walker.batch
    try:
        client.set(encode(keys.trash_walk(name)), walker.name, ex=WALK)
        queues, read = _places(client, name)
        astray = [left for queue, places in queues.items() for left in bring(walker, queue, places)]
        tally.leave(ASTRAY, len(astray), map(decode, astray[:MOST_NAMED]))
        _PLACED.run(client, batch=name, walk=walker.name, read=read)
    except (NotAllPlaced, redis.RedisError, OSError) as error:
        reason = str(error) if isinstance(error, NotAllPlaced) else f"{UNPLACED} ({explain(error, label_of(client))})"
        tally.leave(reason, tally.done + tally.reasons.pop(BROUGHT, 0), ())


def _places(client: redis.Redis, batch: str) -> tuple[dict[str, Places], int]:
    """Where jobs of a batch are to stand, by queue, and how many entries of the list say so."""
    found: defaultdict[str, Places] = defaultdict(Places)
    read = 0
    while page := cast("list[bytes]", client.lrange(encode(keys.trash_places(batch)), read, read + PAGE - 1)):
        for at in range(0, len(page), 4):
            found[decode(page[at])].note(*page[at + 1 : at + 4])
        read += len(page)
    return found, read


def summary(report: Report) -> str:
    """What was put back, as a sentence."""
    return report.summary("put back")
