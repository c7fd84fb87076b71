"""What an operation is, the jobs it is done to, the plan before and the report after."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from qtui.broker.models import JobRow
from qtui.broker.scripts import Script
from qtui.broker.status import Status

GONE: Final = frozenset({"the job is gone", "there is no such job"})
"""The reasons of the scripts that mean: no job of that id exists."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """Single jobs, by their ids."""

    ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Matching:
    """All jobs of a status in a queue, or in every queue (None)."""

    queue: str | None
    status: Status


Selection = Chosen | Matching


@dataclass(frozen=True, slots=True)
class Targets:
    """The ids of a selection in one queue, oldest first."""

    ids: tuple[str, ...]
    queue: str = ""
    """'' where single jobs were chosen: their hashes say where they are."""
    status: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """What an operation did; the fields are the JSON of the commands. done + skipped + failed = matched."""

    operation: str
    batch: str
    dry_run: bool
    matched: int
    done: int
    skipped: int
    """Left as they are, for the reasons given."""
    failed: int
    """Not done because the server failed us."""
    seconds: float
    reasons: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Operation:
    """One thing that can be done to jobs. Its script begins with `operation.lua` and ends with `each.lua`."""

    name: str
    """As it is typed: `qtui NAME`."""
    title: str
    """As it is read: on the footer, in the palette, in questions."""
    past: str
    """What was done to a job, for reports: "retried"."""
    key: str
    """An uppercase letter, as it changes something; no two operations share one."""
    hint: str
    """What it does, in half a sentence."""
    order: int
    """Its place among the operations, on the footer and in help."""
    statuses: tuple[Status, ...]
    """The statuses of the jobs to which it applies."""
    script: Script
    danger: bool = False
    """It cannot be taken back."""
    usual: Status | None = None
    """The status that is meant where a command names none; None: it has to be named."""
    deletes: bool = False
    """The job no longer exists afterwards."""

    def applies_to(self, status: Status | None) -> bool:
        """Whether it can be done to jobs of that status; None, an unknown status, allows nothing."""
        return status in self.statuses

    def summary(self, report: Report) -> str:
        """The report as a sentence: "9,998 retried; 2 × no longer failed"."""
        parts = [f"{report.done:,} {self.past}"] if report.done or not report.reasons else []
        parts += [f"{number:,} × {reason}" for reason, number in report.reasons.items()]
        return "; ".join(parts)


@dataclass(frozen=True, slots=True)
class Plan:
    """What an operation would do, as far as can be known without doing it."""

    operation: Operation
    selection: Selection
    targets: tuple[Targets, ...]
    matched: int
    doable: int
    sample: tuple[JobRow, ...]
    """At most five of the jobs, oldest first."""
    oldest: float | None
    """When the oldest of those that can be done ended, or was queued; seconds since the epoch."""
    newest: float | None
    reasons: dict[str, int]
    """What cannot be done and why, and what to know about the rest, each with the number of jobs."""
    seconds: float

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
        )
