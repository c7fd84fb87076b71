"""Corrupt, half missing, gone and hostile records are shown as what they are, and the rest of the list stays whole."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import redis

from qtui.broker import rows
from qtui.broker.lists import jobs
from qtui.broker.models import JobRow
from qtui.broker.one_job import job
from qtui.broker.operations import Chosen, run
from qtui.broker.operations.remove import REMOVE
from qtui.broker.queues import overview
from qtui.broker.status import Status
from qtui_workers.errors import NotFound
from qtui_workers.reading import stored_payload
from qtui_workers.server import keys
from tests.broker import seed
from tests.broker.watching import watching


def _rows(client: redis.Redis, status: Status = Status.FAILED) -> dict[str, JobRow]:
    return {row.id: row for row in jobs.window(client, "hostile", status, 0, 50).rows}


@pytest.mark.parametrize("status", [Status.FAILED, Status.QUEUED])
def test_a_list_with_hostile_records_is_whole(client: redis.Redis, status: Status) -> None:
    seed.hostile(client)
    found = _rows(client, status)
    assert set(found) == {*seed.HOSTILE, "good"}
    assert found["good"].problem is None
    assert found["good"].function == "shop.pay"


def test_each_damaged_record_says_what_is_wrong_with_it(client: redis.Redis) -> None:
    seed.hostile(client)
    problems = {job_id: row.problem for job_id, row in _rows(client).items() if row.problem}
    assert problems == {
        "gone": "the job's hash is gone",
        "list": "the job's key is not a hash",
        "no-data": "the job has no data: half of its hash is missing",
        "garbage": "RQ knows no status '\\udcff\\x00garbage'",
        "weird": "RQ knows no status 'unheard-of'",
    }


def test_a_job_of_five_megabytes_does_not_travel(client: redis.Redis) -> None:
    seed.hostile(client)
    _rows(client)
    client.config_resetstat()
    row = _rows(client)["huge"]
    assert row.function == "shop.pay"
    assert int(client.info("stats")["total_net_output_bytes"]) < 50_000


def test_a_huge_job_whole_is_cut_and_says_so(client: redis.Redis) -> None:
    seed.hostile(client)
    client.config_resetstat()
    detail = job.load(client, "huge")
    assert int(client.info("stats")["total_net_output_bytes"]) < 1_200_000
    assert detail.payload_bytes > 5_000_000
    assert any("only the first" in problem for problem in detail.problems)


def test_a_pickle_that_would_run_a_command_runs_nothing(client: redis.Redis, tmp_path: Path) -> None:
    mark = tmp_path / "it ran"
    seed.hostile(client, command=f"touch '{mark}'")
    _rows(client)
    detail = job.load(client, "pickled")
    assert detail.row.function == "shop.pay"
    assert detail.payload["args"] == [{"__object__": "posix.system", "args": [f"touch '{mark}'"]}]
    assert not mark.exists()


@pytest.mark.parametrize("job_id", [*seed.HOSTILE, "good"])
def test_every_hostile_job_can_be_looked_at_whole(client: redis.Redis, job_id: str) -> None:
    seed.hostile(client)
    detail = job.load(client, job_id)
    assert detail.row.id == job_id
    assert bool(detail.problems) == (job_id in ("huge", "gone", "list", "no-data", "garbage", "weird"))
    json.dumps([detail.payload, detail.meta, detail.result])


@pytest.mark.parametrize("job_id", seed.HOSTILE)
def test_every_hostile_job_can_be_removed(client: redis.Redis, job_id: str) -> None:
    seed.hostile(client)
    client.delete(keys.queue("hostile"))
    assert run(client, REMOVE, Chosen((job_id,))).done == 1
    assert client.exists(keys.job(job_id), keys.results(job_id)) == 0
    assert client.zscore(keys.registry("failed", "hostile"), job_id) is None
    assert client.zcard(keys.registry("failed", "hostile")) == len(seed.HOSTILE)


def test_a_job_that_is_nowhere_is_not_found(client: redis.Redis) -> None:
    with pytest.raises(NotFound, match="there is no job 'nobody␛'"):
        job.load(client, "nobody\x1b")


@pytest.mark.parametrize("key", [keys.queue("hostile"), keys.registry("failed", "hostile"), keys.registry("wip", "hostile")])
def test_a_queue_whose_key_has_the_wrong_type_counts_nothing_and_stays_listed(client: redis.Redis, key: str) -> None:
    seed.hostile(client)
    client.delete(key)
    client.set(key, "not what it should be")
    (queue,) = overview.load(client).queues
    assert queue.name == "hostile"
    assert 0 in queue.counts.values()
    statuses = {"queue": Status.QUEUED, "failed": Status.FAILED, "wip": Status.STARTED}
    window = jobs.window(client, "hostile", statuses[key.split(":")[1]], 0, 10)
    assert (window.total, window.rows) == (0, ())
    assert window.problem == f"{key}: a key of the wrong type"


@pytest.mark.parametrize("key", [keys.QUEUES, keys.WORKERS, keys.SUSPENDED])
def test_an_overview_survives_a_set_of_the_wrong_type(client: redis.Redis, key: str) -> None:
    seed.everything(client)
    client.delete(key)
    client.set(key, "x")
    seen = overview.load(client)
    assert seen.suspended == (key == keys.SUSPENDED)
    assert bool(seen.queues) == (key != keys.QUEUES)


def test_keys_of_the_wrong_type_around_a_job_are_reported(client: redis.Redis) -> None:
    seed.hostile(client)
    for key in (keys.log("good"), keys.dependents("good"), keys.dependencies("good")):
        client.set(key, "x")
    detail = job.load(client, "good")
    assert {p.removesuffix(": a key of the wrong type") for p in detail.problems} >= {
        keys.log("good"),
        keys.dependents("good"),
        keys.dependencies("good"),
    }


@pytest.mark.parametrize(
    "meta", [b"\xff", b"[]", b'{"progress": "x"}', b'{"progress": 1e999}', b'{"progress": {"done": null}}', b"{" * 900]
)
def test_progress_that_makes_no_sense_is_none(meta: bytes) -> None:
    assert rows.progress(None, stored_payload.decode(meta).value) is None
    assert rows.progress(meta, None) is None


@pytest.mark.parametrize("meta", [b"\xff" * 5_000, b"[]", b'{"progress": 1, "a": {"b": [1, 2, {"c": 1e999}]}}', b"{" * 900])
def test_a_meta_of_a_running_job_that_cannot_be_read_is_bounded(client: redis.Redis, meta: bytes) -> None:
    running = seed.everything(client).first(Status.STARTED)
    client.hset(keys.job(running), "meta", meta)
    (row,) = rows.named(client, [(running, "")])
    assert sum(len(name) + len(value) for name, value in row.meta.items()) < 100


def test_looking_at_hostile_records_asks_for_nothing_unbounded(client: redis.Redis) -> None:
    seed.hostile(client)
    with watching(client) as seen:
        _rows(client)
    assert not [command for command in seen.by_scripts if command.split()[0] in ("HGETALL", "HVALS", "KEYS")]
