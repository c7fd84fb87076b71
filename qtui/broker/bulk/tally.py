"""What was done in all chunks so far."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from qtui_workers.server.rq_format import parse_time
from qtui_workers.text import decode

MOST_NAMED: Final = 20
"""Ids that are kept for one reason."""


@dataclass(slots=True)
class Tally:
    """Counts of jobs, why some were left as they are, and the ids of some of those."""

    done: int = 0
    skipped: int = 0
    failed: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    ids: dict[str, list[str]] = field(default_factory=dict)
    queues: Counter[str] = field(default_factory=Counter)
    oldest: float | None = None
    newest: float | None = None

    @property
    def seen(self) -> int:
        """Jobs of which it is known what became of them."""
        return self.done + self.skipped

    def add(self, reply: list[Any]) -> None:
        """Add what `operation.lua` returned for a chunk."""
        done, skipped, flat, oldest, newest, named, queues = reply
        self.done += done
        self.skipped += skipped
        for reason, number in zip(flat[::2], flat[1::2], strict=True):
            self.reasons[decode(reason)] += number
        for reason, job_id in zip(named[::2], named[1::2], strict=True):
            self.name(decode(reason), [decode(job_id)])
        for name, number in zip(queues[::2], queues[1::2], strict=True):
            self.queues[decode(name)] += number
        self.oldest = min((t for t in (self.oldest, parse_time(oldest)) if t is not None), default=None)
        self.newest = max((t for t in (self.newest, parse_time(newest)) if t is not None), default=None)

    def merge(self, other: Tally) -> None:
        """Add what was done to other jobs."""
        self.done += other.done
        self.skipped += other.skipped
        self.failed += other.failed
        for reason, number in other.reasons.items():
            self.leave(reason, number, other.ids.get(reason, ()))

    def leave(self, reason: str, number: int, ids: Iterable[str]) -> None:
        """Count jobs that were left for one reason; `ids` are those of some."""
        if number:
            self.reasons[reason] += number
            self.name(reason, ids)

    def name(self, reason: str, ids: Iterable[str]) -> None:
        """Keep some ids for a reason."""
        kept = self.ids.setdefault(reason, [])
        kept += [job_id for job_id in ids if job_id][: MOST_NAMED - len(kept)]
