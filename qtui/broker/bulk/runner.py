"""Runs operations: the ids are read once, then processed in chunks, each by one call of a script."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable
from typing import Any

import redis

from qtui.broker.audit import UNRECORDED, Audit
from qtui.broker.bulk.chunked_run import run_in_chunks
from qtui.broker.bulk.chunks import Supply
from qtui.broker.bulk.operation import Operation, Plan, Report
from qtui.broker.bulk.operation_calls import calls_of, check_status
from qtui.broker.bulk.selection import Chosen, Selection, Targets, first_of, take
from qtui.broker.trash_room import USUAL


def run(
    client: redis.Redis,
    operation: Operation,
    what: Selection | Plan,
    text: str | None = None,
    *,
    on_taken: Callable[[tuple[Targets, ...]], object] = lambda _targets: None,
    audit: Audit = UNRECORDED,
    again: str = "",
    on_progress: Callable[[int, int], object] = lambda _worked_off, _matched: None,
    stop: Callable[[], bool] = lambda: False,
) -> Report:
    """Applies the operation to the jobs that a selection matches now, or to those of a plan, with the plan's `text`.

    `on_taken` is called with the jobs before anything is done to them. A plan that has not checked all jobs is carried out on as
    many as it has counted, the oldest ones. Each chunk is one script, all or nothing, and blocks the server for less than about
    10 ms. After each chunk `on_progress(jobs processed, total jobs)` is called; if `stop()` is true before a chunk, the remaining
    jobs are left. A failing server ends the run: the report says what was done and what was not. What deletes jobs puts them into
    the trash, unless the plan says otherwise. `again`: the command that would do the rest, for the audit. Raises the errors of
    `plan`, but only before the first chunk.
    """
    began = time.monotonic()
    batch = uuid.uuid4().hex[:12]
    plan = what if isinstance(what, Plan) else None
    selection = plan.selection if plan else what
    assert not isinstance(selection, Plan)
    ids = selection.ids if isinstance(selection, Chosen) else ()
    about = "" if ids else str(selection)
    with audit.change(client, operation.name, f"{about} {(plan.text if plan else text) or ''}".strip(), ids) as change:
        targets = targets_of(client, operation, what)
        on_taken(targets)
        supply = Supply(targets)
        change.batch, change.jobs = batch, supply.left
        kept = {}
        if operation.deletes and not (plan and plan.purge):
            kept = _trash(plan, batch, audit.about(operation.name) | {"about": str(selection), "removed": supply.left})
        calls = calls_of(client, operation, operation.value(plan.text if plan else text), "run", **kept)
        tally = run_in_chunks(client, calls, supply, on_progress, stop)
        report = Report.of(operation.name, batch, change.jobs, tally, began, undo=bool(kept and tally.done))
        change.done, change.outcome = report.done, operation.summary(report)
        change.left = again if supply.left else ""
    return report


def _trash(plan: Plan | None, batch: str, about: dict[str, Any]) -> dict[str, Any]:
    """What the script has to know about the trash."""
    room = plan.room if plan else None
    rules = room.rules if room else USUAL
    size = room.bytes if room else None
    return {"trash": {"batch": batch, "seconds": rules.seconds, "about": json.dumps({**about, "bytes": size})}}


def targets_of(client: redis.Redis, operation: Operation, what: Selection | Plan) -> tuple[Targets, ...]:
    """The jobs of a selection or a plan. Raises InvalidInput, redis.RedisError."""
    if isinstance(what, Plan):
        found = what.targets if what.targets is not None else first_of(take(client, what.selection), what.matched)
    else:
        check_status(operation, what)
        found = take(client, what)
    return tuple(each.for_head() for each in found) if operation.to_head else found
