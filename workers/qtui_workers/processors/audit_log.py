"""An entry of the audit log: a row in a database, written once, however often its job runs."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import Annotated, Literal

from pydantic import BaseModel, Field, JsonValue, StringConstraints

from qtui_workers.define.decorator import processor
from qtui_workers.define.payload import Payload
from qtui_workers.define.unrecoverable import Unrecoverable
from qtui_workers.reporting.current_job import current_job_id, enqueued_at, logged

log = logging.getLogger(__name__)

Name = Annotated[str, StringConstraints(min_length=1, max_length=200)]


class AuditLog(Payload):
    """Who did what to which resource."""

    org_id: Name = Field(description="The organization in which it happened.")
    actor_id: Name = Field(description="Who did it.")
    actor_type: Literal["user", "api_key", "system"] = Field(description="What the actor is.")
    action: Name = Field(description="What was done, such as project.delete.")
    resource_type: Name = Field(description="What kind of thing it was done to.")
    resource_id: Name = Field(description="Which one.")
    metadata: dict[str, JsonValue] = Field(default_factory=dict, description="Whatever else is worth keeping.")


class AuditLogged(BaseModel):
    """A row of the audit log."""

    job_id: str
    """Its primary key."""
    new: bool
    """False where an earlier run of the job had written the row already."""


@processor(queue="audit-log", attempts=10, backoff="exponential:2s", timeout=60)
def audit_log(payload: AuditLog) -> AuditLogged:
    """Writes a row into the audit log, once; fails where a row of this job's id holds something else."""
    from qtui_workers.services import database  # heavy

    job_id, entry = current_job_id(), payload.model_dump()
    row = entry | {"job_id": job_id, "occurred_at": enqueued_at(), "recorded_at": datetime.now(UTC)}
    with logged(log, f"audit {payload.action}"), database.transaction() as connection:
        before = database.insert_once(connection, database.audit_log, row)
        if before is not None and (others := [name for name, value in entry.items() if before[name] != value]):
            raise Unrecoverable(
                f"the audit log has an entry '{job_id}' already, with another {', '.join(others)}: this one is not written; "
                "enqueue it with another id, or with none"
            )
    return AuditLogged(job_id=job_id, new=before is None)
