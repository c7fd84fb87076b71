"""Our worker and producer beside those of RQ itself."""

from __future__ import annotations

from pathlib import Path

import redis
from rq import Queue
from rq.job import Job

from qtui_workers.enqueue.queue_service import QueueService
from qtui_workers.server import keys
from tests.support import Server
from tests.workers.support import MODULE, add, log_lines, run_burst, run_stock


def test_a_stock_worker_runs_a_job_of_the_service(server: Server, client: redis.Redis, home: Path) -> None:
    service = QueueService(client)
    job_id = service.enqueue("report", {"steps": 2, "seconds_per_step": 0}).id
    run_stock(server, home, "-S", "json", "main-queue")
    state = service.status(job_id)
    assert (state.status, state.result) == ("finished", {"title": "Report", "steps": 2})
    assert state.attempt is None  # such a worker does not count
    assert state.progress is not None
    assert state.progress["done"] == 2
    assert ("INFO", "step 2 of 2 done") in log_lines(client, job_id)


def test_a_stock_program_reads_the_result_of_its_pickled_job(server: Server, client: redis.Redis, home: Path) -> None:
    job = Queue("default", connection=client).enqueue(add, 2, right=3, meta={"who": {1, 2}})
    run_burst(server, home, "default", "--allow-pickle", "--allow", MODULE)
    mine = Job.fetch(job.id, connection=client)
    assert (mine.get_status(), mine.return_value(), mine.meta) == ("finished", 5, {"who": {1, 2}})


def test_a_stock_program_reads_the_result_of_its_json_job(server: Server, client: redis.Redis, home: Path) -> None:
    job = Queue("default", connection=client, serializer="json").enqueue(add, 2, 3)
    run_burst(server, home, "default", "--allow", MODULE)
    assert Job.fetch(job.id, connection=client, serializer="json").return_value() == 5


def test_a_retry_of_a_pickled_job_stays_as_it_was(server: Server, client: redis.Redis, home: Path) -> None:
    job = Queue("default", connection=client).enqueue(add, 2, "x")
    run_burst(server, home, "default", "--allow-pickle", "--allow", MODULE)
    failed = Job.fetch(job.id, connection=client)
    assert failed.get_status() == "failed"
    before = client.hget(keys.job(job.id), "data")
    failed.requeue()
    run_stock(server, home, "default")
    again = Job.fetch(job.id, connection=client)
    assert (again.args, again.get_status()) == ((2, "x"), "failed")
    assert client.hget(keys.job(job.id), "data") == before


def test_dependents_of_a_job_of_ours_are_enqueued_by_our_worker(server: Server, client: redis.Redis, home: Path) -> None:
    parent = QueueService(client).add_test_job({})
    queue = Queue("main-queue", connection=client, serializer="json")
    child = queue.enqueue("qtui_workers.processors.test_job.test_job", depends_on=parent)
    run_burst(server, home)
    assert Job.fetch(child.id, connection=client, serializer="json").get_status() == "finished"
