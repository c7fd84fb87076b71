"""A publishing whose job will not run any more says that it has failed."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
import redis

from qtui_workers.enqueue.queue_service import QueueService
from qtui_workers.server import keys
from qtui_workers.services.publishing import initiate_publishing, publishing
from tests.faults.support import ends, horse_of
from tests.support import Server, wait_until
from tests.workers.support import working


def test_a_publishing_whose_build_was_killed_does_not_stay_at_building(
    server: Server, client: redis.Redis, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = f"sqlite:///{home}/db.sqlite"
    monkeypatch.setenv("DATABASE_URL", database)
    project = tmp_path / "project"
    project.mkdir()
    (project / "publish.toml").write_text('command = ["sleep", "600"]')
    service = QueueService(client)
    record = initiate_publishing(service, project, project_id="p", user_id="u")
    client.hset(keys.job(record.id), "retries_left", 0)
    with working(server, home, "publishing-builds", DATABASE_URL=database) as process:
        wait_until(lambda: publishing(record.id).status == "building", description="it builds")
        os.kill(horse_of(process.pid), signal.SIGKILL)
        ends(client, record.id, "failed")
    assert publishing(record.id, service).status == "failed"
