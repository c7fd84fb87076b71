"""What an operation is, the plan made before it is run, and the report made afterwards."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from qtui.broker.bulk.selection import Selection, Targets
from qtui.broker.bulk.tally import Tally
from qtui.broker.models import JobRow
from qtui.broker.status import Status
from qtui.broker.trash_room import Room
from qtui_workers.errors import InvalidInput
from qtui_workers.server.scripts import Script

GONE: Final = frozenset({"the job is gone", "there is no such job"})
"""The reasons returned by scripts that mean: no job has this id."""


FOR_GOOD: Final = "This cannot be taken back."


@dataclass(frozen=True, slots=True)
class Report:
    """What an operation did; the fields are the JSON of the commands. done + skipped + failed = matched."""

    operation: str
    batch: str
    """The name of this run; '' for a dry run."""
    dry_run: bool
    matched: int
    done: int
    skipped: int
    """Jobs left as they were; `reasons` says why."""
    failed: int
    """Jobs that were not changed, or perhaps were, because the server failed."""
    seconds: float
    reasons: dict[str, int] = field(default_factory=dict)
    """Why jobs were skipped or failed, and notes on those that were done, each with the number of jobs."""
    ids: dict[str, list[str]] = field(default_factory=dict)
    """For each reason the ids of the first jobs that were skipped or failed (`tally.MOST_NAMED`)."""
    undo: bool = False
    """Whether `qtui undo BATCH` puts back what was done."""

    @classmethod
    def of(cls, operation: str, batch: str, matched: int, tally: Tally, began: float, *, undo: bool = False) -> Report:
        """What was done to jobs from `began` (time.monotonic) until now."""
        return cls(
            operation=operation,
            batch=batch,
            dry_run=False,
            matched=matched,
            done=tally.done,
            skipped=tally.skipped,
            failed=tally.failed,
            seconds=round(time.monotonic() - began, 3),
            reasons=dict(tally.reasons),
            ids=tally.ids,
            undo=undo,
        )

    def summary(self, past: str) -> str:
        """The report as a sentence, such as "9,998 retried; 2 × no longer failed"; `past` says what was done to jobs."""
        past = past.replace("their queues", "its queue") if self.done == 1 else past
        parts = [f"{self.done:,} {past}"] if self.done or not self.reasons else []
        parts += [f"{number:,} × {reason}" for reason, number in self.reasons.items()]
        return "; ".join([*(part.removesuffix(".") for part in parts[:-1]), *parts[-1:]])


Value = str | int | float
"""What a script accepts as the value of a parameter."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """What an operation needs to know beside the jobs: one value, typed in the dashboard or as an option of the command."""

    name: str
    """The command's option is `--NAME`; questions read "NAME VALUE": "Move 3 jobs to bulk on prod?"."""
    metavar: str
    """What stands for the value in the help: "QUEUE"."""
    prompt: str
    """What the dashboard asks: "To which queue?"."""
    hint: str
    """What the value means, in half a sentence."""
    parse: Callable[[str], Value]
    """Returns the value that the script reads as `spec.parameter`; raises InvalidInput if the text is not a valid value."""
    is_queue: bool = False
    """Whether it is the queue in which the jobs are afterwards."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One thing that can be done to jobs; its script requires `operation.lua`, which says how it has to be written."""

    name: str
    """The name typed on the command line: `qtui NAME`."""
    title: str
    """The name shown to people: on the footer, in the palette, in questions."""
    past: str
    """What was done to a job, for reports: "retried"."""
    key: str
    """An uppercase letter, because the operation changes something; no two operations share a key."""
    hint: str
    """What it does, in half a sentence."""
    statuses: tuple[Status, ...]
    """The statuses of the jobs to which it applies."""
    script: Script
    order: int = 0
    """Its place among the operations that are found, on the footer and in help."""
    lasting: str = ""
    """What cannot be undone, as a sentence: the dialog then asks for more than a letter. '' if it can be undone or repeated."""
    risk: str = ""
    """A note of its script (`spec.risk`) on jobs for which it is as grave as what cannot be undone; '' if there is none."""
    error: str = ""
    """The error of jobs that it ends as failed, with the time in place of {now}; the script reads it, as RQ stores tracebacks,
    as `spec.error`."""
    usual: Status | None = None
    """The status that is used if a command names none; None: a command must name one."""
    deletes: bool = False
    """Whether the job no longer exists afterwards."""
    enqueues: bool = False
    """Whether the jobs wait for a worker afterwards, so that it matters who listens to their queue."""
    parameter: Parameter | None = None
    to_head: bool = False
    """Whether jobs go to the head of their queue: then the last one is done first, so that they keep their order."""

    def applies_to(self, status: Status | None) -> bool:
        """Whether it can be done to jobs in this status; False for None, which is an unknown status."""
        return status in self.statuses

    def value(self, text: str | None) -> Value | None:
        """The value for the script, parsed from the text typed for the parameter; None if the operation has no parameter.

        Raises InvalidInput, in one sentence, if nothing was typed or the text is not a valid value.
        """
        if self.parameter is None:
            return None
        if not text:
            article = "an" if self.parameter.metavar[0] in "AEIOU" else "a"
            raise InvalidInput(f"{self.name} needs {article} {self.parameter.metavar}: {self.parameter.hint.lower()}")
        return self.parameter.parse(text)

    def summary(self, report: Report) -> str:
        """The report as a sentence: "9,998 retried; 2 × no longer failed"."""
        return report.summary(self.past)


@dataclass(frozen=True, slots=True)
class Plan:
    """What an operation would do, as far as it is known without doing it."""

    operation: Operation
    text: str | None
    """What was typed for the operation's parameter; None where it has none."""
    selection: Selection
    targets: tuple[Targets, ...] | None
    """The jobs; None where not all of them have been checked."""
    matched: int
    doable: int
    """Jobs of which nothing is known that forbids it."""
    sample: tuple[JobRow, ...]
    """At most five of the jobs, oldest first."""
    oldest: float | None
    """When the oldest job that can be changed ended, or was queued; seconds since the epoch."""
    newest: float | None
    reasons: dict[str, int]
    """Why jobs cannot be changed, and notes on those that can, each with the number of jobs."""
    seconds: float
    checked: int = 0
    """Jobs that were looked at one by one."""
    asked: int = 0
    """The number that the question names; it stays the same while more becomes known."""
    ids: dict[str, list[str]] = field(default_factory=dict)
    """As in the report."""
    queues: dict[str, int] = field(default_factory=dict)
    """The queues of the jobs that were checked and can be changed, each with their number, the largest first."""
    room: Room | None = None
    """What it means for memory; None where it deletes nothing."""
    purge: bool = False
    """Whether the jobs are deleted at once, without the trash."""

    @property
    def destinations(self) -> tuple[str, ...]:
        """The queues in which the jobs wait for a worker afterwards; none where they wait for none."""
        if not self.operation.enqueues or not self.doable:
            return ()
        if self.operation.parameter and self.operation.parameter.is_queue:
            return (self.text or "",)
        return tuple(self.queues) or tuple(filter(None, [getattr(self.selection, "queue", None)]))

    @property
    def lasting(self) -> str:
        """What of it cannot be undone, as a sentence; '' if all can."""
        if self.operation.risk in self.reasons:
            return f"{self.operation.risk[0].upper()}{self.operation.risk[1:]}."
        if self.operation.deletes:
            return FOR_GOOD if self.purge else ""
        return self.operation.lasting

    @property
    def is_grave(self) -> bool:
        """Whether it needs more than a letter: it cannot be undone, or takes jobs away."""
        return bool(self.lasting) or self.operation.deletes

    def report(self) -> Report:
        """The plan as the report of a dry run."""
        return Report(
            operation=self.operation.name,
            batch="",
            dry_run=True,
            matched=self.matched,
            done=self.doable,
            skipped=self.matched - self.doable,
            failed=0,
            seconds=self.seconds,
            reasons=self.reasons,
            ids=self.ids,
        )
