"""The jobs that a job waits for, those that wait for it, and those that it was edited from and as."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import redis

from qtui.broker import rows
from qtui.broker.models import JobDetail, JobRow

MOST: Final = 50
"""At most this many jobs are read."""


@dataclass(frozen=True, slots=True)
class Related:
    """A job that has to do with another one."""

    relation: str
    """What it is to the other one: "waits for", "needed by", "edited from" or "edited as"."""
    row: JobRow

    @property
    def blocks(self) -> bool:
        """Whether the other job waits for it in vain: it has ended otherwise than well, or is gone."""
        status = self.row.status
        return self.relation == WAITS_FOR and (status is None or (bool(status.outcome) and status.outcome != "finished"))


WAITS_FOR: Final = "waits for"


def load(client: redis.Redis, detail: JobDetail) -> tuple[Related, ...]:
    """The related jobs, at most `MOST`, in one round trip; those that it waits for in vain come first."""
    named = [
        *((WAITS_FOR, job_id) for job_id in detail.depends_on),
        *(("edited from", job_id) for job_id in detail.edited_from),
        *(("edited as", job_id) for job_id in detail.edited_as),
        *(("needed by", job_id) for job_id in detail.dependents),
    ][:MOST]
    found = rows.named(client, [(job_id, "") for _, job_id in named])
    related = [Related(relation, row) for (relation, _), row in zip(named, found, strict=True)]
    return tuple(sorted(related, key=lambda each: not each.blocks))
