"""Jobs that a worker cannot run: they are left for workers that can, and a worker in the wrong place harms nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import redis
from rq import Callback, Queue, Retry
from rq.rate_limit import RateLimit
from rq.registry import ScheduledJobRegistry
from rq.serializers import JSONSerializer

from qtui.broker.lists import jobs
from qtui.broker.search.sorting import NEWEST
from qtui.broker.status import Status
from qtui.screens.parts.columns import job_columns
from qtui_workers.reporting import events
from qtui_workers.server import keys
from tests.support import Server, wait_until
from tests.workers import refused
from tests.workers.support import field, run_burst, working

DRAW = f"{refused.MODULE}.draw"
KNOWN = {"QTUI_PROCESSORS": refused.MODULE}
CANNOT: dict[str, tuple[str, dict[str, Any], str]] = {
    "unknown-processor": ("my_app.pictures.draw_all", {}, "NotAllowed: my_app.pictures.draw_all is no registered processor"),
    "unknown-field": (DRAW, {"name": "a", "size": 3}, "OtherVersion: payload field 'size': there is no such field"),
    "missing-field": (DRAW, {}, "OtherVersion: payload field 'name': is required"),
    "unknown-choice": (DRAW, {"name": "a", "format": "webp"}, "OtherVersion: payload field 'format': must be 'png' or 'jpeg'"),
    "unknown-module": (f"{refused.MODULE}.nothing.give", {}, "Missing: Invalid attribute name"),
    "pickle": ("", {"value": 1}, "PickleRefused: the job is pickled"),
}


def enqueue(client: redis.Redis, queue: str, path: str, payload: dict[str, Any], **options: Any) -> str:
    """Three attempts, as a newer producer allows them."""
    pickled = not path
    serializer = None if pickled else JSONSerializer
    wanted: Any = refused.give if pickled else path
    job = Queue(queue, connection=client, serializer=serializer).enqueue(wanted, kwargs=payload, retry=Retry(max=2), **options)
    return str(job.id)


def counts(client: redis.Redis, queue: str) -> dict[str, int]:
    return {status.value: count for status, count in jobs.counts(client, queue).items() if count}


@pytest.mark.parametrize("mode", [[], ["--in-process"]])
def test_a_job_that_a_worker_cannot_run_waits_for_another_with_its_attempts_as_they_were(
    server: Server, client: redis.Redis, home: Path, mode: list[str]
) -> None:
    ids = {}
    for kind, (path, payload, _) in CANNOT.items():
        ids[kind] = enqueue(client, kind, path, payload)
        special = {"on_failure": Callback(f"{refused.MODULE}.failed")}
        ids[f"{kind} with a callback"] = enqueue(client, kind, path, payload, **special)
    allowed = ("--allow", f"{refused.MODULE}.nothing", "--allow", f"{refused.MODULE}.failed")
    log = run_burst(server, home, *CANNOT, *allowed, *mode, **KNOWN)
    now = client.time()[0]
    for kind, job_id in ids.items():
        queue = kind.partition(" ")[0]
        why = CANNOT[queue][2]
        (row,) = [row for row in jobs.window(client, queue, Status.SCHEDULED, 0, 9).rows if row.id == job_id]
        assert (row.status, row.attempts, row.retries_left) == (Status.SCHEDULED, 0, 2)
        assert row.error is not None
        assert row.error.startswith(f"refused: {why}")
        columns = job_columns(Status.SCHEDULED, NEWEST, with_queue=False, now=lambda: now)
        assert row.refused == row.error == columns[-1].text(row)
        assert row.scheduled_for is not None
        assert now - 5 < row.scheduled_for <= now + 3
        assert counts(client, queue) == {"scheduled": 2}
        assert f"cannot be run here ({why[:40]}" in log
    assert client.keys("rq:execution*") + client.keys("rq:wip:*") == []
    assert client.exists("callbacks") == 0
    refusals = [event for event in events.read(client) if event.kind == "refused"]
    assert {event.source.job for event in refusals} == set(ids.values())
    assert "Traceback" not in log


def test_a_worker_that_can_run_it_takes_it_beside_one_that_cannot(server: Server, client: redis.Redis, home: Path) -> None:
    (home / "newer.py").write_text(Path(refused.__file__).read_text("utf-8"))
    path = "newer.draw"
    with working(server, home, "pictures", log_name="old.log"):
        job_id = enqueue(client, "pictures", path, {"name": "a"})
        wait_until(lambda: field(client, job_id, keys.FIELD_REFUSED), description="the older worker refuses it")
        assert json.loads(field(client, job_id, keys.FIELD_REFUSED) or b"{}")["times"] >= 1
        with working(server, home, "pictures", QTUI_PROCESSORS="newer", PYTHONPATH=f"{Path.cwd()}:{home}"):
            wait_until(lambda: field(client, job_id, "status") == b"finished", description="it is finished", timeout=60)
    assert client.hmget(keys.job(job_id), keys.FIELD_REFUSED, keys.FIELD_ATTEMPT, "retries_left") == [None, b"1", b"2"]
    assert client.zcard(keys.registry("failed", "pictures")) == 0


@pytest.mark.parametrize("mode", [[], ["--in-process"]])
def test_it_fails_with_the_reason_where_no_worker_could_run_it_in_time(
    server: Server, client: redis.Redis, home: Path, mode: list[str]
) -> None:
    plain = enqueue(client, "a", "my_app.draw", {})
    missing = enqueue(client, "b", f"{refused.MODULE}.nothing.give", {})
    special = enqueue(client, "c", DRAW, {"size": 3, "name": "a"}, on_failure=Callback(f"{refused.MODULE}.failed"))
    ids = [plain, missing, special]
    with working(server, home, "a", "b", "c", "--allow", refused.MODULE, "--refuse-after", "3s", *mode, **KNOWN):
        for job_id in ids:
            wait_until(lambda job_id=job_id: field(client, job_id, "status") == b"failed", description="it fails", timeout=60)
    for queue, job_id in zip("abc", ids, strict=True):
        assert client.zrange(keys.registry("failed", queue), 0, -1) == [job_id.encode()]
        assert client.hmget(keys.job(job_id), keys.FIELD_REFUSED, keys.FIELD_ATTEMPT) == [None, b"1"]
        (row,) = jobs.window(client, queue, Status.FAILED, 0, 9).rows
        assert row.error is not None
        assert row.error.startswith(
            ("qtui_workers.engine.job.", "qtui_workers.define.unrecoverable.", "NotAllowed", "Other", "Missing")
        )
    assert client.lrange("callbacks", 0, -1) == [special.encode()]


def test_at_once_where_the_worker_must_not_leave_it_for_others(server: Server, client: redis.Redis, home: Path) -> None:
    ids = [enqueue(client, "pictures", "my_app.draw", {}) for _ in range(8)]
    run_burst(server, home, "pictures", "--refuse-after", "0")
    assert {field(client, job_id, "status") for job_id in ids} == {b"failed"}


def test_a_worker_in_the_wrong_place_leaves_the_queue_alone(server: Server, client: redis.Redis, home: Path) -> None:
    ids = [enqueue(client, "default", "", {"value": number}) for number in range(120)]
    log = run_burst(server, home, "default")
    assert counts(client, "default") == {"queued": 117, "scheduled": 3}
    assert log.count("cannot be run here") == 3
    assert "unable to run 3 jobs in a row of queue default, and takes none for 10 s (PickleRefused: the job is pickled" in log
    (trouble,) = [event for event in events.read(client) if event.kind == "worker_error"]
    assert "default" in str(trouble.details["error"])
    with working(server, home, "default", "--allow-pickle", "--allow", refused.MODULE):
        statuses = lambda: {field(client, job_id, "status") for job_id in ids}  # noqa: E731
        wait_until(lambda: statuses() == {b"finished"}, description="all are finished", timeout=60)
    assert [int(field(client, job_id, "retries_left") or 0) for job_id in ids] == [2] * 120


def test_a_job_that_runs_ends_a_row_of_refusals(server: Server, client: redis.Redis, home: Path) -> None:
    for _ in range(3):
        for _ in range(2):
            enqueue(client, "pictures", "my_app.draw", {})
        enqueue(client, "pictures", DRAW, {"name": "a"})
    log = run_burst(server, home, "pictures", **KNOWN)
    assert counts(client, "pictures") == {"scheduled": 6, "finished": 3}
    assert "in a row" not in log


def test_what_a_job_itself_does_wrong_is_its_failure(server: Server, client: redis.Redis, home: Path) -> None:
    nested = enqueue(client, "pictures", DRAW, {"name": "nested"})
    wrong = enqueue(client, "pictures", DRAW, {"name": 7})
    run_burst(server, home, "pictures", **KNOWN)
    assert [field(client, job_id, "status") for job_id in (nested, wrong)] == [b"failed", b"failed"]


def test_a_refused_job_gives_its_place_in_a_concurrency_limit_back(server: Server, client: redis.Redis, home: Path) -> None:
    limit = RateLimit("drawing", 1)
    first = enqueue(client, "pictures", "my_app.draw", {}, rate_limit=limit)
    second = enqueue(client, "pictures", DRAW, {"name": "a"}, rate_limit=limit)
    run_burst(server, home, "pictures", **KNOWN)
    assert field(client, second, "status") == b"finished"
    assert ScheduledJobRegistry("pictures", connection=client).get_job_ids() == [first]


def test_a_canceled_or_retried_job_is_refused_no_more(server: Server, client: redis.Redis, home: Path) -> None:
    job_id = enqueue(client, "pictures", "my_app.draw", {})
    run_burst(server, home, "pictures", **KNOWN)
    Queue("pictures", connection=client, serializer=JSONSerializer).fetch_job(job_id).cancel()  # type: ignore[union-attr]
    assert counts(client, "pictures") == {"canceled": 1}
    assert jobs.window(client, "pictures", Status.CANCELED, 0, 9).rows[0].error is None
