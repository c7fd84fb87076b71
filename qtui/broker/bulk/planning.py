"""What an operation would do: its number of jobs at once, and the rest as it becomes known."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Final

import redis

from qtui.broker import rows
from qtui.broker.bulk.chunks import Supply
from qtui.broker.bulk.operation import Operation, Plan
from qtui.broker.bulk.operation_calls import calls_of, check_status
from qtui.broker.bulk.selection import Matching, Selection, Targets, is_listed, take
from qtui.broker.bulk.tally import Tally
from qtui.broker.bulk.trash import room
from qtui.broker.lists import jobs
from qtui.broker.models import JobRow
from qtui.broker.trash_room import USUAL, Rules

FEW: Final = 1_000
"""So many jobs are checked at once; of more, the number is given first."""
SAMPLE: Final = 5
REPORT_EVERY: Final = 0.25
"""Seconds between two plans that are given while the jobs are checked."""


def plan(
    client: redis.Redis,
    operation: Operation,
    selection: Selection,
    text: str | None = None,
    *,
    purge: bool | None = False,
    rules: Rules = USUAL,
) -> Plan:
    """What `run` would do now, of all jobs; it writes nothing, and a server from 7.0 on would refuse a write.

    `text` is what was typed for the operation's parameter. Raises InvalidInput if the operation does not apply to the
    selection's status or the text is not a valid value, redis.RedisError if the server fails.
    """
    *_, last = plans(client, operation, selection, text, purge=purge, rules=rules)
    return last


def plans(
    client: redis.Redis,
    operation: Operation,
    selection: Selection,
    text: str | None = None,
    *,
    purge: bool | None = False,
    rules: Rules = USUAL,
    stop: Callable[[], bool] = lambda: False,
) -> Iterator[Plan]:
    """The same plan as it becomes known, at least one; the last one is about all jobs, unless `stop()` was true.

    Of many jobs the first plan has the number and a sample, after a few round trips; the next ones have also been checked. Raises
    the errors of `plan`. `purge`: what deletes jobs is not to use the trash, None: if
    memory is scarce; nor does it where they are too many for it.
    """
    began = time.monotonic()
    calls = calls_of(client, operation, operation.value(text), "plan")
    check_status(operation, selection)
    known = Plan(operation, text, selection, None, 0, 0, (), None, None, {}, 0.0)
    if isinstance(selection, Matching) and is_listed(selection):
        number, sample = _at_once(client, selection)
        known = _roomy(client, replace(known, matched=number, asked=number, doable=number, sample=sample), purge, rules)
        if number > FEW:
            yield replace(known, seconds=_since(began))
            if stop():
                return
    targets = take(client, selection)
    matched = sum(len(target.ids) for target in targets)
    asked = known.asked if known.asked > FEW else None
    known = replace(known, matched=matched, sample=known.sample or _sample(client, targets))
    known = known if known.room else _roomy(client, known, purge, rules)
    tally, reported = Tally(), time.monotonic()
    for _, reply in calls.each(Supply(targets), lambda: not stop()):
        if isinstance(reply, Exception):
            raise reply
        tally.add(reply)
        if time.monotonic() - reported > REPORT_EVERY and tally.seen < matched:
            reported = time.monotonic()
            yield _with(known, tally, asked or matched, began)
    complete = tally.seen == matched
    last = _with(known, tally, asked or (tally.done if complete else matched), began)
    yield replace(last, targets=targets) if complete else last


def _with(known: Plan, tally: Tally, asked: int, began: float) -> Plan:
    return replace(
        known,
        asked=asked,
        checked=tally.seen,
        doable=known.matched - tally.skipped,
        oldest=tally.oldest,
        newest=tally.newest,
        reasons=dict(tally.reasons),
        ids=tally.ids,
        queues=dict(tally.queues.most_common()),
        seconds=_since(began),
    )


def _roomy(client: redis.Redis, known: Plan, purge: bool | None, rules: Rules) -> Plan:
    """The plan with what it means for memory."""
    if not known.operation.deletes or not known.matched:
        return known
    found = room(client, [row.id for row in known.sample], known.matched, rules)
    return replace(known, room=found, purge=(found.is_scarce if purge is None else purge) or not found.fits)


def _since(began: float) -> float:
    return round(time.monotonic() - began, 3)


def _at_once(client: redis.Redis, selection: Matching) -> tuple[int, tuple[JobRow, ...]]:
    """How many jobs a list holds, and the oldest ones, oldest first; one round trip."""
    seen = jobs.window(client, selection.queue, selection.status, 0, SAMPLE, oldest_first=True)
    return seen.total, seen.rows


def _sample(client: redis.Redis, targets: tuple[Targets, ...]) -> tuple[JobRow, ...]:
    first = [(job_id, target.queue or "") for target in targets for job_id in target.ids[:SAMPLE]][:SAMPLE]
    return rows.named(client, first)
