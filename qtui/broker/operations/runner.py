"""Plans and runs operations: the ids are read once, then processed in chunks, each by one call of a script."""

from __future__ import annotations

import json
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from math import inf
from typing import Any, Final, Literal

import redis

from qtui.broker import rows
from qtui.broker.operations.base import Operation, Plan, Report, Value
from qtui.broker.operations.selection import Matching, Selection, Targets, take
from qtui.broker.status import STATUSES
from qtui_workers.errors import InvalidInput
from qtui_workers.server.redis_errors import explain, label_of
from qtui_workers.server.rq_format import parse_time
from qtui_workers.text import decode

FIRST: Final = 2
"""Number of jobs in the first chunk: to take a job from the middle of a long queue may take milliseconds."""
LARGEST: Final = 200
"""Maximum number of jobs in one chunk."""
TIGHT: Final = 0.005
"""If a chunk takes more seconds of server time than this, the next one is smaller, so that none blocks the server for 10 ms."""
SAMPLE: Final = 5

LOST: Final = "unknown: the server failed while they were under way, look again"
UNTRIED: Final = "not tried: the server failed before"
STOPPED: Final = "not tried: stopped before"


def _spec(operation: Operation, value: Value | None) -> str:
    """The argument `spec` of `operation.lua`."""
    return json.dumps({"parameter": value, "allowed": dict.fromkeys(operation.statuses, True)}, ensure_ascii=False)


@dataclass(slots=True)
class _Tally:
    """What was done in all chunks so far."""

    done: int = 0
    skipped: int = 0
    failed: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    oldest: float | None = None
    newest: float | None = None

    def add(self, reply: list[Any]) -> None:
        done, skipped, flat, oldest, newest = reply
        self.done += done
        self.skipped += skipped
        for reason, number in zip(flat[::2], flat[1::2], strict=True):
            self.reasons[decode(reason)] += number
        self.oldest = min((t for t in (self.oldest, parse_time(oldest)) if t is not None), default=None)
        self.newest = max((t for t in (self.newest, parse_time(newest)) if t is not None), default=None)


class _Work:
    """The script of an operation on some jobs, and how long the server takes for it.

    Scripts cannot read a clock on every server, so the server time is the time of the round trip minus that of the fastest one.
    """

    def __init__(self, client: redis.Redis, operation: Operation, spec: str, mode: Literal["plan", "run"]) -> None:
        self._client = client
        self._script = operation.script
        self._spec, self._mode = spec, mode
        self._way = inf
        """Seconds that the fastest round trip took."""
        self.seconds = 0.0
        """Server time of the last call, in seconds."""

    def __call__(self, target: Targets, ids: Sequence[str]) -> list[Any]:
        """What `operation.lua` returns for these jobs; raises redis.RedisError."""
        return self._timed(self._mode, target, ids)

    def _timed(self, mode: Literal["plan", "run"], target: Targets, ids: Sequence[str]) -> list[Any]:
        call = self._script.read if mode == "plan" else self._script.run
        began = time.monotonic()
        named = {"spec": self._spec, "mode": mode, "queue": target.queue or "", "status": target.status or ""}
        reply: list[Any] = call(self._client, *ids, **named)
        took = time.monotonic() - began
        self._way = min(self._way, took)
        self.seconds = took - self._way
        return reply

    def measure(self) -> None:
        """Two calls that only read, without jobs: the first may be slow, as it may have to send the script or to connect."""
        for _ in range(2):
            self._timed("plan", Targets(()), ())


def plan(client: redis.Redis, operation: Operation, selection: Selection, text: str | None = None) -> Plan:
    """What `run` would do now; it writes nothing, and a server from 7.0 on would refuse a write.

    `text` is what was typed for the operation's parameter. Raises InvalidInput if the operation does not apply to the
    selection's status or the text is not a valid value, redis.RedisError if the server fails.
    """
    began = time.monotonic()
    work = _Work(client, operation, _spec(operation, operation.value(text)), "plan")
    targets = _take(client, operation, selection)
    tally = _Tally()
    for target, ids in _chunks(targets, work):
        tally.add(work(target, ids))
    first = [(job_id, target.queue or "") for target in targets for job_id in target.ids[:SAMPLE]][:SAMPLE]
    return Plan(
        operation=operation,
        text=text,
        selection=selection,
        targets=targets,
        matched=tally.done + tally.skipped,
        doable=tally.done,
        sample=rows.named(client, first),
        oldest=tally.oldest,
        newest=tally.newest,
        reasons=dict(tally.reasons),
        seconds=round(time.monotonic() - began, 3),
    )


def run(
    client: redis.Redis,
    operation: Operation,
    what: Selection | Plan,
    text: str | None = None,
    *,
    on_progress: Callable[[int, int], object] = lambda _worked_off, _matched: None,
    stop: Callable[[], bool] = lambda: False,
) -> Report:
    """Applies the operation to the jobs that a selection matches now, or to exactly those of a plan, with the plan's `text`.

    Each chunk is one script, all or nothing, and blocks the server for less than about 10 ms. After each chunk
    `on_progress(jobs processed, total jobs)` is called; if `stop()` is true before a chunk, the remaining jobs are left. A
    failing server ends the run: the report says what was done and what was not. Raises the errors of `plan`, but only before
    the first chunk.
    """
    began = time.monotonic()
    value = operation.value(what.text if isinstance(what, Plan) else text)
    work = _Work(client, operation, _spec(operation, value), "run")
    targets = what.targets if isinstance(what, Plan) else _take(client, operation, what)
    matched = sum(len(target.ids) for target in targets)
    tally = _Tally()
    for target, ids in _chunks(targets, work):
        if stop():
            left = matched - tally.done - tally.skipped
            tally.skipped += left
            tally.reasons[STOPPED] += left
            break
        try:
            tally.add(work(target, ids))
        except (redis.RedisError, OSError) as error:
            _give_up(tally, error, len(ids), matched - tally.done - tally.skipped, label_of(client))
            break
        on_progress(tally.done + tally.skipped, matched)
    return Report(
        operation=operation.name,
        batch=uuid.uuid4().hex[:12],
        dry_run=False,
        matched=matched,
        done=tally.done,
        skipped=tally.skipped,
        failed=tally.failed,
        seconds=round(time.monotonic() - began, 3),
        reasons=dict(tally.reasons),
    )


def _give_up(tally: _Tally, error: Exception, chunk: int, left: int, label: str) -> None:
    """Counts what is left. If the server replied with an error, nothing of the chunk was done; without a reply, it is unknown."""
    refused = isinstance(error, redis.ResponseError)
    tally.failed = left
    tally.reasons[f"not done: {explain(error, label)}" if refused else LOST] += chunk
    if left > chunk:
        tally.reasons[UNTRIED] += left - chunk


def _chunks(targets: tuple[Targets, ...], work: _Work) -> Iterator[tuple[Targets, tuple[str, ...]]]:
    """The ids in chunks; the size of each depends on how long the server took for the previous one."""
    size = FIRST
    if sum(len(target.ids) for target in targets) > size:
        work.measure()
    for target in targets:
        start = 0
        while start < len(target.ids):
            chunk = target.ids[start : start + size]
            yield target, chunk
            start += len(chunk)
            fitting = int(len(chunk) * TIGHT / work.seconds) if work.seconds > TIGHT else size * 2
            size = max(1, min(LARGEST, fitting))


def _take(client: redis.Redis, operation: Operation, selection: Selection) -> tuple[Targets, ...]:
    if isinstance(selection, Matching) and not operation.applies_to(selection.status):
        known = ", ".join(STATUSES[status].title for status in operation.statuses)
        raise InvalidInput(f"{STATUSES[selection.status].title} jobs: {operation.name} applies to {known} jobs only")
    return take(client, selection)
