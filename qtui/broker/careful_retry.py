"""Retries with care, as what has failed may fail again: a few jobs first, so many a second, or spread over some time.

The first two go on only while few of the retried jobs fail again, so somebody has to stay and watch. What is spread is enqueued
by RQ's scheduler, and the jobs that are not due yet can be taken back.
"""

from __future__ import annotations

import time
import uuid
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

import redis

from qtui.broker import clock
from qtui.broker.audit import UNRECORDED, Audit
from qtui.broker.bulk.chunked_run import STOPPED, run_in_chunks
from qtui.broker.bulk.chunks import Supply
from qtui.broker.bulk.operation_calls import calls_of
from qtui.broker.bulk.runner import targets_of
from qtui.broker.bulk.selection import Targets
from qtui.broker.bulk.tally import MOST_NAMED, Tally
from qtui.broker.operations import Matching, Operation, Parameter, Plan, Report
from qtui.broker.operations import run as run_at_once
from qtui.broker.operations.retry import RETRY
from qtui.broker.search.expression import parse as parse_expression
from qtui.broker.search.expression import quoted
from qtui.broker.status import Status, parse
from qtui_workers.define.durations import parse_duration
from qtui_workers.errors import InvalidInput, Refused
from qtui_workers.server import keys
from qtui_workers.server.replies import reply_of
from qtui_workers.server.scripts import Script
from qtui_workers.text import decode, encode, printable

LOOK_EVERY: Final = 0.5
"""Seconds between two looks at what became of the retried jobs."""
ENOUGH: Final = 10
"""The share of jobs that fail again is known when so many have ended."""
WATCHED: Final = 1_000
"""At a rate, so many of the newest retried jobs are watched."""

_BATCH: Final = Parameter("batch", "ID", prompt="which one?", hint="The batch of a retry that was spread", parse=str)
SPREAD: Final = replace(RETRY, past="scheduled", script=Script.load("spread", "qtui.broker"))
TAKE_BACK: Final = Operation(
    name="cancel",
    title="Take back",
    past="taken back, and failed again as before",
    key="C",
    hint="The jobs of a retry that are not due yet are failed again, as before",
    statuses=(Status.SCHEDULED,),
    parameter=_BATCH,
    script=Script.load("take_back", "qtui.broker"),
)


@dataclass(frozen=True, slots=True)
class Care:
    """How carefully jobs are retried."""

    canary: int = 0
    """So many first; the others only when these have ended."""
    rate: float | None = None
    """So many a second."""
    over: float | None = None
    """Seconds over which the jobs are spread."""
    most_failing: float = 0.1
    """It stops where a larger share of the retried jobs fails again."""
    patience: float = 600.0
    """Seconds within which the first ones have to end."""

    def __post_init__(self) -> None:
        if self.rate is not None and self.over is not None:
            raise InvalidInput("--rate and --over cannot both be had: the one waits here, the other leaves it to the scheduler")

    @property
    def is_any(self) -> bool:
        """Whether it is more than retrying everything at once."""
        return bool(self.canary) or self.rate is not None or self.over is not None

    def __str__(self) -> str:
        """In words: "canary 5, then over 30 min"."""
        rest = "at once"
        if self.rate is not None:
            rest = f"{self.rate:g} a second"
        elif self.over is not None:
            rest = f"over {self.over / 60:g} min"
        return f"canary {self.canary}, then {rest}" if self.canary else rest

    @property
    def short(self) -> str:
        """In a few words: "canary 5, over 30 min"."""
        rest = f"{self.rate:g}/s" if self.rate is not None else f"over {self.over / 60:g} min" if self.over is not None else ""
        return ", ".join(filter(None, (f"canary {self.canary}" if self.canary else "", rest))) or "now"

    @property
    def options(self) -> list[str]:
        """The options of the command that does the same."""
        found = ["--canary", str(self.canary)] if self.canary else []
        found += ["--rate", f"{self.rate:g}/s"] if self.rate is not None else []
        return found + (["--over", f"{self.over:g}s"] if self.over is not None else [])


AT_ONCE: Final = Care()
CHOICES: Final = (AT_ONCE, Care(canary=5), Care(canary=5, over=1_800.0), Care(over=1_800.0), Care(rate=50.0))
"""What the dashboard offers."""


def read_rate(text: str) -> float:
    """Jobs a second, from "50/s", "300/m" or "10"; raises InvalidInput."""
    number, _, unit = text.partition("/")
    seconds = {"": 1, "s": 1, "m": 60, "min": 60, "h": 3600}.get(unit.strip())
    try:
        rate = float(number) / (seconds or 0)
    except (ValueError, ZeroDivisionError):
        rate = 0.0
    if not 0 < rate < 100_000:
        raise InvalidInput(f"'{printable(text, 40)}' is not a rate: write jobs a second or a minute, such as 50/s")
    return rate


def read_share(text: str) -> float:
    """A share between 0 and 1, from "10%"; raises InvalidInput."""
    try:
        share = float(text.removesuffix("%")) / 100
    except ValueError:
        share = -1.0
    if not 0 <= share <= 1:
        raise InvalidInput(f"'{printable(text, 40)}' is not a share: write a percentage, such as 10%")
    return share


def read_seconds(text: str) -> float:
    """Seconds, from a length of time such as "30m"; raises InvalidInput."""
    seconds = parse_duration(text).total_seconds()
    if not 1 <= seconds <= 30 * 86_400:
        raise InvalidInput("jobs are spread over 1 second to 30 days")
    return seconds


def batch_of(batch: str) -> Matching:
    """The jobs of a retry that was spread, which are not due yet."""
    return Matching(None, Status.SCHEDULED, parse_expression(f"batch:{quoted(batch)}"))


def check(client: redis.Redis, care: Care, queues: Sequence[str]) -> None:
    """Raises Refused where jobs would be scheduled that no scheduler enqueues."""
    if care.over is None:
        return
    for queue in queues:
        if not client.exists(encode(keys.scheduler_lock(queue))):
            raise Refused(
                f"no scheduler is alive for {printable(queue, 100)}: nobody would enqueue what is due. "
                "Start one (any qtui-worker, or rq worker --with-scheduler), or retry at a rate, such as 50/s"
            )


def run(
    client: redis.Redis,
    plan: Plan,
    care: Care,
    *,
    audit: Audit = UNRECORDED,
    again: str = "",
    here: str = "",
    on_progress: Callable[[int, int], object] = lambda _worked_off, _matched: None,
    on_step: Callable[[str], object] = lambda _text: None,
    on_taken: Callable[[tuple[Targets, ...]], object] = lambda _targets: None,
    stop: Callable[[], bool] = lambda: False,
) -> Report:
    """Carries out a plan, with care where it is a retry.

    `on_step` is called with what is done or waited for, in words; with '' where only the jobs that are left are retried.
    `here`: the options of the connection, for commands.
    The rest is as in `operations.run`; where it stops by itself, the report says why. Raises Refused, redis.RedisError or
    OSError before the first job is changed.
    """
    if not care.is_any:
        return run_at_once(
            client, plan.operation, plan, audit=audit, again=again, on_progress=on_progress, on_taken=on_taken, stop=stop
        )
    began = time.monotonic()
    targets = targets_of(client, RETRY, plan)
    on_taken(targets)
    ids = tuple(job_id for target in targets for job_id in target.ids)
    status = next((target.status for target in plan.targets or () if target.status), None)
    check(client, care, tuple(plan.queues) or _queues(client, ids))
    batch = uuid.uuid4().hex[:12]
    with audit.change(client, RETRY.name, f"{plan.selection} {care}", ()) as change:
        change.batch, change.jobs = batch, len(ids)
        work = _Work(client, ids, status, on_progress, on_step, stop)
        if care.canary:
            work.canary(care)
        if care.over is not None:
            work.spread(care.over, batch, here)
        elif care.rate is not None:
            work.at_rate(care)
        else:
            on_step("")
            work.send(work.left)
        tally = work.end()
        report = Report.of(RETRY.name, batch, len(ids), tally, began)
        change.done, change.outcome = report.done, RETRY.summary(report)
        change.left = again if tally.reasons.keys() & {STOPPED, work.why} else ""
    return report


def _queues(client: redis.Redis, ids: Sequence[str]) -> tuple[str, ...]:
    """The queues of some jobs."""
    found: set[str] = set()
    for start in range(0, len(ids), 1_000):
        with client.pipeline(transaction=False) as pipe:
            for job_id in ids[start : start + 1_000]:
                pipe.hget(encode(keys.job(job_id)), "origin")
            found.update(decode(reply_of(reply)) for reply in pipe.execute(raise_on_error=False))
    return tuple(sorted(found - {""}))


Fate = Literal["waits", "finished", "failed", "held"]


class _Work:
    """The jobs of one retry: those that are left, and what becomes of those that were retried."""

    def __init__(
        self,
        client: redis.Redis,
        ids: tuple[str, ...],
        status: Status | None,
        on_progress: Callable[[int, int], object],
        on_step: Callable[[str], object],
        stop: Callable[[], bool],
    ) -> None:
        self._client = client
        self._ids = ids
        self._status = status
        self._on_progress = on_progress
        self._on_step = on_step
        self._stop = stop
        self._at = 0
        self._tally = Tally()
        self._watched: list[str] = []
        """Retried jobs of which it is not known yet what became of them."""
        self._fates: Counter[Fate] = Counter()
        self.why = ""
        """Why the rest is not tried."""

    @property
    def left(self) -> int:
        """How many jobs are still to be retried."""
        return 0 if self.why or self._tally.failed else len(self._ids) - self._at

    def send(self, number: int) -> None:
        """Retry the next jobs at once."""
        self._send(RETRY, number)

    def spread(self, seconds: float, batch: str, here: str) -> None:
        """Schedule all that are left; `here`: as in `run`."""
        self._on_step(f"scheduling over {seconds / 60:g} min")
        began = int(clock.now(self._client).seconds)
        found = self._send(SPREAD, self.left, over=seconds, number=max(1, self.left), at=began, batch=batch)
        if found.done:
            taken_back = (
                f"scheduled over {seconds / 60:g} min; qtui cancel --batch {batch}{here} takes back those that are not due yet"
            )
            self._tally.reasons[taken_back] += found.done

    def _send(self, operation: Operation, count: int, **more: str | float) -> Tally:
        ids = self._ids[self._at : self._at + max(0, count)]
        before = self._at
        calls = calls_of(self._client, operation, None, "run", **more)
        supply = Supply([Targets(ids, None, self._status)])
        found = run_in_chunks(
            self._client, calls, supply, lambda done, _: self._on_progress(before + done, len(self._ids)), self._stop
        )
        self._at += len(ids)
        self._tally.merge(found)
        self._watched = [*self._watched, *ids][-WATCHED:]
        return found

    def canary(self, care: Care) -> None:
        """Retry the first few, and wait until they have ended."""
        self.send(min(care.canary, self.left))
        number, end = len(self._watched), time.monotonic() + care.patience
        while not self.why:
            self._look()
            self._judge(care, enough=1)
            if self.why or not self._watched:
                return
            canary = f"canary: {self._fates['finished']} of {number} finished"
            self._on_step(f"{canary}, waiting for the others")
            if time.monotonic() > end:
                self.why = f"not tried: {len(self._watched)} of the first {number} have not ended within {care.patience:g} s"
            self._pause(LOOK_EVERY)

    def at_rate(self, care: Care) -> None:
        """Retry so many a second, as long as few of them fail again."""
        assert care.rate is not None
        began, sent, looked = time.monotonic(), 0, 0.0
        while self.left:
            due = int((time.monotonic() - began) * care.rate) + 1 - sent
            if due > 0:
                self.send(min(due, self.left))
                sent += due
            if time.monotonic() - looked > LOOK_EVERY:
                looked = time.monotonic()
                self._look()
                self._judge(care, enough=ENOUGH)
                self._on_step(f"{care.rate:g} a second; {self._fates['failed']} of {self._ended} failed again")
            self._pause(min(LOOK_EVERY, max(0.01, 1 / care.rate)))

    def end(self) -> Tally:
        """What was done, and what was not."""
        rest = self._ids[self._at :]
        if self._tally.failed:
            self._tally.failed += len(rest)
        else:
            self._tally.skipped += len(rest)
        self._tally.leave(self.why or STOPPED, len(rest), rest[:MOST_NAMED])
        return self._tally

    @property
    def _ended(self) -> int:
        return self._fates["finished"] + self._fates["failed"]

    def _look(self) -> None:
        """Find out what became of the jobs that were retried."""
        with self._client.pipeline(transaction=False) as pipe:
            for job_id in self._watched:
                pipe.hmget(encode(keys.job(job_id)), "status", keys.FIELD_HELD)
            fates = [_fate(reply_of(reply)) for reply in pipe.execute(raise_on_error=False)] if self._watched else []
        self._fates.update(fate for fate in fates if fate != "waits")
        self._watched = [job_id for job_id, fate in zip(self._watched, fates, strict=True) if fate == "waits"]

    def _judge(self, care: Care, *, enough: int) -> None:
        """Stop where too many have failed again."""
        failed, ended = self._fates["failed"], self._ended
        if self._fates["held"]:
            self.why = "not tried: retried jobs are in hold, where nobody runs them"
        elif ended >= enough and failed > care.most_failing * ended:
            most = f"{care.most_failing * 100:g} %"
            self.why = f"not tried: {failed} of {ended} retried jobs failed again, more than {most}"

    def _pause(self, seconds: float) -> None:
        if self._stop():
            self.why = self.why or STOPPED
        elif not self.why:
            time.sleep(seconds)


def _fate(reply: Sequence[bytes | None] | None) -> Fate:
    """What became of a job that was retried; a job that is gone has ended, and its result was not to be kept."""
    raw, held = reply or (None, None)
    status = parse(decode(raw))
    if status is None or status is Status.FINISHED or status is Status.CANCELED:
        return "finished"
    if status is Status.DEFERRED and held:
        return "held"
    if status.failed or status is Status.SCHEDULED:  # an attempt has failed, and another one will follow
        return "failed"
    return "waits"
