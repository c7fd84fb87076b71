"""Runs operations: the ids are read once, then processed in chunks, each by one call of a script."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from dataclasses import replace
from typing import Final

import redis

from qtui.broker.operations.base import Operation, Plan, Report
from qtui.broker.operations.calls import calls_of, check_status
from qtui.broker.operations.chunks import Chunk, Supply
from qtui.broker.operations.selection import Selection, Targets, first_of, take
from qtui.broker.operations.tally import MOST_NAMED, Tally
from qtui_workers.server.redis_errors import explain, label_of

LOST: Final = "unknown: the server failed while they were under way, look again"
UNTRIED: Final = "not tried: the server failed before"
STOPPED: Final = "not tried: stopped before"


def run(
    client: redis.Redis,
    operation: Operation,
    what: Selection | Plan,
    text: str | None = None,
    *,
    on_taken: Callable[[tuple[Targets, ...]], object] = lambda _targets: None,
    on_progress: Callable[[int, int], object] = lambda _worked_off, _matched: None,
    stop: Callable[[], bool] = lambda: False,
) -> Report:
    """Applies the operation to the jobs that a selection matches now, or to those of a plan, with the plan's `text`.

    `on_taken` is called with the jobs before anything is done to them. A plan that has not checked all jobs is carried out on as
    many as it has counted, the oldest ones. Each chunk is one script, all or nothing, and blocks the server for less than about
    10 ms. After each chunk `on_progress(jobs processed, total jobs)` is called; if `stop()` is true before a chunk, the remaining
    jobs are left. A failing server ends the run: the report says what was done and what was not. Raises the errors of `plan`, but
    only before the first chunk.
    """
    began = time.monotonic()
    batch = new_batch()
    calls = calls_of(client, operation, operation.value(what.text if isinstance(what, Plan) else text), "run")
    targets = _targets(client, operation, what)
    on_taken(targets)
    supply = Supply([replace(each, ids=each.ids[::-1]) for each in targets] if operation.to_head else targets)
    matched = supply.left
    tally = Tally()
    trouble: Exception | None = None
    for chunk, reply in calls.each(supply, lambda: not stop()):
        if isinstance(reply, Exception):
            _failed(tally, reply, chunk, label_of(client))
            trouble = reply
            continue
        tally.add(reply)
        on_progress(tally.seen, matched)
    _leave(tally, supply, UNTRIED if trouble else STOPPED)
    return Report(
        operation=operation.name,
        batch=batch,
        dry_run=False,
        matched=matched,
        done=tally.done,
        skipped=tally.skipped,
        failed=tally.failed,
        seconds=round(time.monotonic() - began, 3),
        reasons=dict(tally.reasons),
        ids=tally.ids,
    )


def new_batch() -> str:
    """A name for a run."""
    return uuid.uuid4().hex[:12]


def _targets(client: redis.Redis, operation: Operation, what: Selection | Plan) -> tuple[Targets, ...]:
    if isinstance(what, Plan):
        return what.targets if what.targets is not None else first_of(take(client, what.selection), what.matched)
    check_status(operation, what)
    return take(client, what)


def _failed(tally: Tally, error: Exception, chunk: Chunk, label: str) -> None:
    """If the server replied with an error, nothing of the chunk was done; without a reply, it is unknown."""
    refused = isinstance(error, redis.ResponseError)
    tally.failed += len(chunk.ids)
    tally.leave(f"not done: {explain(error, label)}" if refused else LOST, len(chunk.ids), chunk.ids)


def _leave(tally: Tally, supply: Supply, reason: str) -> None:
    """Counts the jobs that were not sent at all."""
    if reason == STOPPED:
        tally.skipped += supply.left
    else:
        tally.failed += supply.left
    tally.leave(reason, supply.left, supply.rest(MOST_NAMED))
