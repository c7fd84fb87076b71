"""Holding a function, or a function with a value in its payload; releasing it; and what is held."""

from __future__ import annotations

import getpass
import socket
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import redis

from qtui.broker import clock
from qtui.broker.lists import jobs
from qtui.broker.models import WorkerRow
from qtui.broker.operations import Chosen, Matching, Operation, Parameter, Plan, Report, plan, run
from qtui.broker.search.expression import parse as parse_expression
from qtui.broker.search.expression import quoted
from qtui.broker.search.scan import Scan, Scope
from qtui.broker.status import Status
from qtui.broker.workers import registered_workers
from qtui_workers.enqueue import holds
from qtui_workers.reading.hold import Hold, read
from qtui_workers.records import replace
from qtui_workers.server import keys
from qtui_workers.server.replies import reply_of
from qtui_workers.server.scripts import Script
from qtui_workers.text import decode, encode

BLOCK: Final = 1_000
"""Held jobs read in one round trip."""

_WHAT: Final = Parameter("hold", "FUNCTION", prompt="which function?", hint="What is held", parse=str)
HOLD: Final = Operation(
    name="hold",
    title="Hold",
    past="held",
    key="H",
    hint="No qtui-worker runs such a job until it is released",
    statuses=(Status.QUEUED,),
    parameter=_WHAT,
    script=Script.load("hold", "qtui.broker"),
)
"""Puts the jobs into hold that are queued already."""
PUT_BACK: Final = Operation(
    name="release",
    title="Release",
    past="put back at the head of their queues",
    key="H",
    hint="Such jobs run again, and those in hold go back to the head of their queue",
    statuses=(Status.DEFERRED,),
    parameter=_WHAT,
    to_head=True,
    script=Script.load("put_back", "qtui.broker"),
)
Progress = Callable[[int, int], object]


@dataclass(frozen=True, slots=True)
class Held:
    """A hold, and the jobs that wait in it."""

    hold: Hold
    placed: bool
    """False: it was released, but jobs are left in it: release it again."""
    waiting: dict[str, int]
    """How many jobs wait in it, by queue."""

    @property
    def count(self) -> int:
        """How many jobs wait in it."""
        return sum(self.waiting.values())


@dataclass(frozen=True, slots=True)
class HoldPreview:
    """What a hold would be about now."""

    filter: str
    """The expression that such jobs fit."""
    plan: Plan
    """The queued jobs that would be put into hold at once."""
    queues: tuple[str, ...]
    """The queues in which they wait."""
    unaware: tuple[WorkerRow, ...]
    """Workers that know no hold, and so go on running such jobs: those on these queues; all, where no such job is queued."""


def load(client: redis.Redis) -> tuple[Held, ...]:
    """Every hold with its jobs, by what is held; reads a field of each held job. Raises redis.RedisError."""
    placed = {hold.text: Held(hold, True, {}) for hold in holds.placed(client)}
    for queue, marks in _marks(client):
        for mark in marks:
            hold = read(mark)
            if hold is not None:
                found = placed.setdefault(hold.text, Held(hold, False, {}))
                found.waiting[queue] = found.waiting.get(queue, 0) + 1
    return tuple(placed[text] for text in sorted(placed))


def _marks(client: redis.Redis) -> Iterator[tuple[str, list[bytes]]]:
    """What is written in each held job, by queue, in blocks."""
    names = jobs.queue_names(client)
    registries = [encode(jobs.place(name, Status.DEFERRED)) for name in names]
    # The scores of held jobs are above those of all others.
    counts = _replies(client, [("ZCOUNT", key, keys.HELD_FROM, "+inf") for key in registries])
    for name, key, count in zip(names, registries, counts, strict=True):
        for start in range(0, count or 0, BLOCK):
            (ids,) = _replies(client, [("ZREVRANGE", key, start, min(count, start + BLOCK) - 1)])
            marks = _replies(client, [("HGET", encode(keys.job(decode(one))), keys.FIELD_HELD) for one in ids or ()])
            yield name, [mark for mark in marks if mark]


def _replies(client: redis.Redis, commands: Sequence[tuple[Any, ...]]) -> list[Any]:
    """The replies of commands in one round trip; None where a key has the wrong type."""
    with client.pipeline(transaction=False) as pipe:
        for command in commands:
            pipe.execute_command(*command)  # type: ignore[no-untyped-call]  # redis-py gives it no types
        return [reply_of(reply) for reply in pipe.execute(raise_on_error=False)]


def expression(hold: Hold) -> str:
    """The filter that jobs fit which the hold is about."""
    value = f" payload.{hold.field}:{quoted(hold.value)}" if hold.field else ""
    return f"func:{quoted(hold.function)}{value}"


def preview(client: redis.Redis, hold: Hold) -> HoldPreview:
    """What a hold would be about now; writes nothing. Raises InvalidInput, redis.RedisError."""
    found = plan(client, HOLD, _queued(hold), hold.text)
    queues = sorted({target.queue or "" for target in found.targets or ()})
    strangers = [row for row in registered_workers.load(client) if not row.is_silent and row.knows_holds is False]
    return HoldPreview(
        filter=expression(hold),
        plan=found,
        queues=tuple(queues),
        unaware=tuple(row for row in strangers if not queues or set(queues) & set(row.queues)),
    )


def place(client: redis.Redis, hold: Hold, reason: str = "") -> bool:
    """From now on no qtui-worker runs such a job; False where it was held already. Raises InvalidInput, redis.RedisError.

    Jobs that are queued already are put into hold when a worker takes them; `sweep` does so at once.
    """
    parse_expression(expression(hold))
    now = clock.of_reply(client.time()).seconds
    return holds.place(client, replace(hold, by=_who(), at=now, reason=reason))


def sweep(client: redis.Redis, hold: Hold, *, on_progress: Progress = lambda _done, _all: None) -> Report:
    """Puts the jobs into hold that are queued already, in their order; raises redis.RedisError."""
    return run(client, HOLD, _queued(hold), hold.text, on_progress=on_progress)


def plan_release(client: redis.Redis, text: str) -> Plan:
    """Which jobs would be put back; writes nothing. Raises redis.RedisError."""
    return plan(client, PUT_BACK, _waiting(client, text), text)


def release(client: redis.Redis, text: str, *, on_progress: Progress = lambda _done, _all: None) -> tuple[bool, Report]:
    """Such jobs run again, and those in hold go back to the head of their queue in their order. Raises redis.RedisError.

    Returns whether there was such a hold, and what became of the jobs. It may be repeated where it was interrupted.
    """
    lifted = holds.lift(client, text)
    return lifted, run(client, PUT_BACK, _waiting(client, text), text, on_progress=on_progress)


def _queued(hold: Hold) -> Matching:
    """The queued jobs that the hold is about."""
    return Matching(None, Status.QUEUED, parse_expression(expression(hold)))


def _waiting(client: redis.Redis, text: str) -> Chosen:
    """The jobs that wait in the hold, those that were held first before the others."""
    scope = Scope(None, (Status.DEFERRED,), parse_expression(f"held:{quoted(text)}"))
    scan = Scan(client, scope, clock.of_reply(client.time()).seconds)
    return Chosen(tuple(job.id for block in scan for job in block)[::-1])


def _who() -> str:
    """The user, and the machine."""
    try:
        user = getpass.getuser()
    except (OSError, KeyError):  # a container whose user has no name
        user = "?"
    return f"{user}@{socket.gethostname()}"
