"""The audit log, in a real SQLite file."""

from __future__ import annotations

import json
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import redis

from qtui_workers.enqueue.queue_service import QueueService
from qtui_workers.errors import InvalidInput
from qtui_workers.processors.audit_log import audit_log
from qtui_workers.server import keys
from tests.support import Server
from tests.workers.support import run_burst

PAYLOAD = {
    "org_id": "o1", "actor_id": "u1", "actor_type": "user", "action": "project.delete", "resource_type": "project",
    "resource_id": "p1", "metadata": {"reason": "x'); DROP TABLE qtui_audit_log; --", "n": [1, None]},
}  # fmt: skip


def rows(path: Path) -> list[dict[str, Any]]:
    with closing(sqlite3.connect(path)) as database:
        database.row_factory = sqlite3.Row
        return [dict(row) for row in database.execute("SELECT * FROM qtui_audit_log")]


def test_a_row_is_written_once_though_the_job_runs_twice(server: Server, service: QueueService, home: Path) -> None:
    results = []
    for _ in range(2):
        service.enqueue("audit_log", PAYLOAD, job_id="audit-1")
        run_burst(server, home)
        results.append(service.status("audit-1").result)
    assert results == [{"job_id": "audit-1", "new": True}, {"job_id": "audit-1", "new": False}]
    (row,) = rows(home / ".local" / "state" / "qtui" / "jobs.sqlite")
    assert {name: row[name] for name in PAYLOAD} | {"metadata": json.loads(row["metadata"])} == PAYLOAD
    assert row["job_id"] == "audit-1"
    assert row["occurred_at"] <= row["recorded_at"]


def test_another_entry_under_the_same_id_fails_and_says_what_differs(
    server: Server, service: QueueService, client: redis.Redis, home: Path
) -> None:
    other = PAYLOAD | {"action": "project.restore", "metadata": {"n": [1, 2]}}
    for payload in (PAYLOAD, other):
        service.enqueue("audit_log", payload, job_id="audit-1")
        run_burst(server, home)
    state = service.status("audit-1")
    assert state.status == "failed"
    assert "has an entry 'audit-1' already, with another action, metadata" in (state.failed_reason or "")
    assert client.hget(keys.job("audit-1"), keys.FIELD_ATTEMPT) == b"1"
    (row,) = rows(home / ".local" / "state" / "qtui" / "jobs.sqlite")
    assert row["action"] == "project.delete"


def test_numbers_and_texts_of_every_kind_are_the_same_when_they_are_read_again(
    service: QueueService, server: Server, home: Path
) -> None:
    metadata = {"n": [0.1, -0.0, 1e308, 2**63, 10**30, True, None], "text": "Zoë \u0000 \U0001f600", "": {}, "b": {"a": 1.0}}
    results = []
    for _ in range(2):
        service.enqueue("audit_log", PAYLOAD | {"metadata": metadata}, job_id="audit-2")
        run_burst(server, home)
        results.append(service.status("audit-2").result)
    assert [result and result["new"] for result in results] == [True, False]


def test_the_database_of_the_environment_is_used(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{home}/my/own.db")
    audit_log(**PAYLOAD)
    assert len(rows(home / "my" / "own.db")) == 1


def test_many_at_once_make_the_table_once_and_lose_no_row(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{home}/many.db")
    with ThreadPoolExecutor(8) as pool:
        assert all(result["new"] for result in pool.map(lambda _: audit_log(**PAYLOAD), range(40)))
    assert len(rows(home / "many.db")) == 40


@pytest.mark.parametrize("url", ["hunter2", "nodatabase://u:hunter2@host/x"])
def test_what_is_no_database_is_reported_without_its_password(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("DATABASE_URL", url)
    with pytest.raises(InvalidInput, match="DATABASE_URL") as told:
        audit_log(**PAYLOAD)
    assert "hunter2" not in str(told.value)


def test_an_actor_of_another_kind_is_refused(service: QueueService) -> None:
    with pytest.raises(InvalidInput, match="payload field 'actor_type'"):
        service.enqueue("audit_log", PAYLOAD | {"actor_type": "robot"})
