"""Publishing a project: a record in the database, and the job that builds the project and submits its output.

The status of a record goes from queued to building to submitted; a failed attempt sets it to failed, the next one to building
again.
"""

from __future__ import annotations

import logging
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, BinaryIO, Final, Literal
from uuid import uuid4

from pydantic import BaseModel, ConfigDict

from qtui_workers.define.unrecoverable import Unrecoverable
from qtui_workers.enqueue.queue_service import QueueService
from qtui_workers.errors import NotFound, RedisUnavailable
from qtui_workers.reporting.job_recording import progress
from qtui_workers.services import build, outbound
from qtui_workers.services.settings import SubmitSettings
from qtui_workers.statuses import parse
from qtui_workers.text import printable

log = logging.getLogger(__name__)

_STEPS: Final = 3
_SUBMIT_PATIENCE: Final = 60.0
_OPEN: Final = ("queued", "building")
"""Statuses that a record would keep for ever where its job was killed, canceled or removed."""
_QUEUING: Final = timedelta(minutes=1)
"""How long a record may exist before its job does."""


class PublishingRecord(BaseModel):
    """The state of a publishing."""

    model_config = ConfigDict(frozen=True, from_attributes=True)

    id: str
    """Also the id of its job."""
    project_id: str
    user_id: str
    project_dir: Path
    status: Literal["queued", "building", "submitted", "failed"]
    error: str | None = None
    artifact_sha256: str | None = None
    artifact_bytes: int | None = None
    created_at: datetime
    updated_at: datetime


class JobServiceUnavailable(RedisUnavailable):
    """The background job service is away: the publishing is recorded as failed, and nothing is queued."""


class NotSubmitted(Exception):
    """The artifact was not accepted; a later attempt may succeed."""


def initiate_publishing(service: QueueService, project_dir: Path, *, project_id: str, user_id: str) -> PublishingRecord:
    """Records a publishing, enqueues its job and returns at once.

    Raises InvalidInput where the project has no valid `publish.toml` (nothing is recorded then), and JobServiceUnavailable
    where Redis is away (which is recorded).
    """
    project = project_dir.resolve()
    build.Plan.read(project)
    now = datetime.now(UTC)
    record = PublishingRecord(
        id=uuid4().hex,
        project_id=project_id,
        user_id=user_id,
        project_dir=project,
        status="queued",
        created_at=now,
        updated_at=now,
    )
    _insert(record)
    payload = {"publishing_id": record.id, "project_id": project_id, "user_id": user_id}
    try:
        service.enqueue("publish_build", payload, job_id=record.id, unique=True)
    except RedisUnavailable as error:
        sentence = f"background job service unavailable: {error}"
        log.error("publishing %s: %s", record.id, sentence)
        _update(record.id, status="failed", error=sentence)
        raise JobServiceUnavailable(sentence) from error
    log.info("publishing %s of project %s: queued", record.id, printable(project_id, 100))
    return record


def execute_build_and_submit(publishing_id: str) -> PublishingRecord:
    """Builds the project of a publishing, packs what the build made, submits it, and updates the record.

    A publishing that is submitted already is not submitted again. Raises NotFound for an unknown publishing. It also raises,
    and records, InvalidInput for a bad plan, Unrecoverable for a missing setting, BuildFailed and NotSubmitted.
    """
    record = publishing(publishing_id)
    if record.status == "submitted":
        log.info("publishing %s: was submitted before", record.id)
        return record
    try:
        _update(record.id, status="building", error=None)
        plan = build.Plan.read(record.project_dir)
        progress(0, _STEPS, "builds")
        build.run(plan, record.project_dir, log)
        with tempfile.TemporaryFile() as file:
            progress(1, _STEPS, "packs")
            artifact = build.pack(plan, record.project_dir, file)
            progress(2, _STEPS, f"submits {artifact.size:,} bytes")
            _submit(record.id, file, artifact)
    except Exception as error:
        _update(record.id, status="failed", error=printable(str(error) or type(error).__name__, 1_000))
        raise
    _update(record.id, status="submitted", artifact_sha256=artifact.sha256, artifact_bytes=artifact.size)
    progress(_STEPS, _STEPS, "submitted")
    return publishing(record.id)


def publishing(publishing_id: str, service: QueueService | None = None) -> PublishingRecord:
    """The record of a publishing; NotFound where there is none.

    With a service, the record is corrected first where its job no longer can: where the job was killed in its last attempt,
    canceled or removed. Then it may also raise RedisUnavailable.
    """
    record = _read(publishing_id)
    if service is None or record.status not in _OPEN:
        return record
    why = _failure(service, record)
    if why is None:
        return record
    _update(publishing_id, among=_OPEN, status="failed", error=why)
    return _read(publishing_id)


def _failure(service: QueueService, record: PublishingRecord) -> str | None:
    """Why a publishing cannot be submitted any more; None where its job waits, runs or has finished, or may not exist yet."""
    try:
        job = service.status(record.id)
    except NotFound as error:
        young = datetime.now(UTC) - record.created_at < _QUEUING
        return None if young else str(error)
    status = parse(job.status)
    in_vain = status is not None and status.ended and status.outcome != "finished"
    return f"its job is {job.status}: {job.failed_reason or 'nothing more is known'}" if in_vain else None


def _read(publishing_id: str) -> PublishingRecord:
    from qtui_workers.services import database  # heavy

    table = database.publishings
    with database.transaction() as connection:
        row = connection.execute(table.select().where(table.c.id == publishing_id)).first()
    if row is None:
        raise NotFound(f"there is no publishing '{printable(publishing_id, 80)}': initiate_publishing() makes one")
    times = {name: getattr(row, name).replace(tzinfo=UTC) for name in ("created_at", "updated_at")}
    return PublishingRecord.model_validate({**row._mapping, **times})


def _insert(record: PublishingRecord) -> None:
    from qtui_workers.services import database  # heavy

    with database.transaction() as connection:
        connection.execute(database.publishings.insert().values(record.model_dump() | {"project_dir": str(record.project_dir)}))


def _update(publishing_id: str, *, among: tuple[str, ...] = (), **changes: Any) -> None:
    """Changes a record; where statuses are given, only while it has one of them."""
    from qtui_workers.services import database  # heavy

    table = database.publishings
    which = table.update().where(table.c.id == publishing_id)
    if among:
        which = which.where(table.c.status.in_(among))
    with database.transaction() as connection:
        connection.execute(which.values(changes | {"updated_at": datetime.now(UTC)}))


def _submit(publishing_id: str, file: BinaryIO, artifact: build.Artifact) -> None:
    """Sends the artifact by PUT under the publishing's id, so that a second time replaces the first."""
    settings = SubmitSettings.read()
    if not settings.build_submit_url:
        raise Unrecoverable("BUILD_SUBMIT_URL is not set: set it to where artifacts are put, then retry the job")
    headers = {
        "content-type": "application/gzip",
        "content-length": str(artifact.size),
        "digest": f"sha-256={artifact.sha256}",
    }
    if settings.build_submit_token:
        headers["authorization"] = f"Bearer {settings.build_submit_token.reveal()}"
    url = f"{settings.build_submit_url.rstrip('/')}/{publishing_id}"
    answer = outbound.request("PUT", url, content=file, headers=headers, timeout=_SUBMIT_PATIENCE, allow_private=True)
    if not answer.ok:
        raise NotSubmitted(f"the artifact was not taken: {answer.status} {answer.excerpt()}")
