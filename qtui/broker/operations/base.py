"""What an operation is, the plan before it is done, and the report after."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from qtui.broker.models import JobRow
from qtui.broker.operations.selection import Selection, Targets
from qtui.broker.status import Status
from qtui_workers.errors import InvalidInput
from qtui_workers.server.scripts import Script

GONE: Final = frozenset({"the job is gone", "there is no such job"})
"""The reasons, given by scripts, that mean: there is no job of that id."""


@dataclass(frozen=True, slots=True)
class Report:
    """What an operation did; the fields are the JSON of the commands. done + skipped + failed = matched."""

    operation: str
    batch: str
    """Names this run; '' for a dry run."""
    dry_run: bool
    matched: int
    done: int
    skipped: int
    """Left as they were, for the reasons given."""
    failed: int
    """Not done, because the server failed."""
    seconds: float
    reasons: dict[str, int] = field(default_factory=dict)
    """Why jobs were skipped or failed, and what to know of those that were done, each with the number of jobs."""


Value = str | int | float
"""What a script can be given."""


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
    """What it means, in half a sentence."""
    parse: Callable[[str], Value]
    """The value for the script, which finds it as `spec.parameter`; raises InvalidInput where the text cannot be one."""


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
    parameter: Parameter | None = None

    def applies_to(self, status: Status | None) -> bool:
        """Whether it can be done to jobs of that status; None, an unknown status, allows nothing."""
        return status in self.statuses

    def value(self, text: str | None) -> Value | None:
        """The value for the script, of what was typed for the parameter; None where the operation has no parameter.

        Raises InvalidInput, in one sentence, where nothing was typed or it is no such value.
        """
        if self.parameter is None:
            return None
        if not text:
            raise InvalidInput(f"{self.name} needs a {self.parameter.metavar}: {self.parameter.hint.lower()}")
        return self.parameter.parse(text)

    def summary(self, report: Report) -> str:
        """The report as a sentence: "9,998 retried; 2 × no longer failed"."""
        parts = [f"{report.done:,} {self.past}"] if report.done or not report.reasons else []
        parts += [f"{number:,} × {reason}" for reason, number in report.reasons.items()]
        return "; ".join(parts)


@dataclass(frozen=True, slots=True)
class Plan:
    """What an operation would do, as far as can be known without doing it."""

    operation: Operation
    text: str | None
    """What was typed for the operation's parameter; None where it has none."""
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
