"""Builds a project and submits what the build made; `qtui_workers.services.publishing.initiate_publishing` queues it."""

from __future__ import annotations

import logging

from pydantic import BaseModel, Field

from qtui_workers.define.decorator import processor
from qtui_workers.define.limit import Limit
from qtui_workers.define.payload import Payload
from qtui_workers.reporting.current_job import logged

log = logging.getLogger(__name__)


class PublishBuild(Payload):
    """Which publishing; only its record holds the folder of its project."""

    publishing_id: str = Field(min_length=1, max_length=200, description="The id of the publishing's record.")
    project_id: str = Field(min_length=1, max_length=200, description="The project that is published.")
    user_id: str = Field(min_length=1, max_length=200, description="Who publishes it.")


class Published(BaseModel):
    """A submitted build."""

    publishing_id: str
    artifact_sha256: str
    artifact_bytes: int


@processor(
    queue="publishing-builds",
    attempts=3,
    backoff="exponential:2s",
    timeout=1_800,
    keep_finished=100,
    keep_failed=500,
    limit=Limit(max=5, per=60),
)
def publish_build(payload: PublishBuild) -> Published:
    """Builds a project, packs what the build made and submits it."""
    from qtui_workers.services.publishing import execute_build_and_submit  # heavy

    with logged(log, f"publishing {payload.publishing_id} of project {payload.project_id}"):
        record = execute_build_and_submit(payload.publishing_id)
    assert record.artifact_sha256 is not None
    assert record.artifact_bytes is not None
    return Published(publishing_id=record.id, artifact_sha256=record.artifact_sha256, artifact_bytes=record.artifact_bytes)
