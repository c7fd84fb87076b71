"""What each of the systems this comes from must do, claim by claim, with the tests that prove it; and the first three of them.

The other two are in `test_rows_template.py`.
"""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import redis
from rq import Queue
from typer.main import get_command

from qtui_workers.cli import make_app
from qtui_workers.define import discovery
from qtui_workers.enqueue.queue_service import QueueService
from qtui_workers.errors import InvalidInput
from qtui_workers.processors.test_job import TestJob
from qtui_workers.processors.test_job import test_job as the_processor
from qtui_workers.rate.limiter import Limits
from qtui_workers.server import keys
from qtui_workers.services.publishing import JobServiceUnavailable, publishing
from tests.support import Server, wait_until
from tests.workers.processors.site import Reply, Site
from tests.workers.processors.test_publish_build import initiate, project
from tests.workers.support import environment, field, log_lines, run_burst, working

TESTS = Path(__file__).parent.parent
HERE = "workers/test_rows.py"
TEMPLATE = "workers/test_rows_template.py"
FETCH, PUBLISH = "workers/processors/test_fetch_area.py", "workers/processors/test_publish_build.py"

ROWS: dict[str, dict[str, list[str]]] = {
    "Shared jobs package": {
        "one place for names and schemas, for producer and worker": [f"{HERE}::test_shared_jobs_package_one_schema"],
        "add_test_job validates, then adds to main-queue": [
            f"{HERE}::test_shared_jobs_package_add_test_job",
            "workers/test_producer.py::test_add_test_job_puts_a_job_on_the_main_queue",
        ],
        "a worker process with its own connection processes the test job and logs it": [
            "workers/test_worker.py::test_what_a_job_logs_is_kept_with_it_and_in_the_log_of_the_worker",
            "workers/test_connection.py::test_a_connection_of_its_own_is_not_one_of_the_pool",
        ],
        "REDIS_URL, and a .env.example": [
            f"{HERE}::test_shared_jobs_package_dotenv",
            "unit/test_settings.py::test_the_example_names_every_variable_with_a_comment_above_the_group",
        ],
    },
    "Publishing builds": {
        "3 attempts, exponential backoff from 2 s": [
            f"{HERE}::test_publishing_builds_attempts_and_limit",
            f"{PUBLISH}::test_a_build_that_fails_is_tried_three_times_and_then_on_record",
        ],
        "keep the last 100 completed, the last 500 failed": [
            f"{PUBLISH}::test_builds_are_retried_kept_and_limited_as_their_options_say",
            "workers/test_engine.py::test_only_the_newest_jobs_are_kept_whatever_their_ages",
        ],
        "5 jobs a minute across all workers": [f"{HERE}::test_publishing_builds_attempts_and_limit"],
        "initiate_publishing stores, queues and returns at once": [
            f"{PUBLISH}::test_a_project_is_built_and_its_artifact_submitted"
        ],
        "Redis away: background job service unavailable, and on record": [
            f"{HERE}::test_publishing_builds_redis_never_up",
            f"{PUBLISH}::test_without_redis_it_says_so_and_so_does_the_record",
        ],
        "the build itself runs": [
            f"{PUBLISH}::test_a_project_is_built_and_its_artifact_submitted",
            f"{PUBLISH}::test_an_artifact_that_is_not_taken_is_submitted_again",
        ],
        "log lines for start, completion, failure, worker error": [
            f"{HERE}::test_publishing_builds_log_lines",
            "workers/test_trouble.py::test_an_absence_of_redis_is_reported_when_it_is_over",
        ],
        "a running job gets 30 s to end": [
            f"{HERE}::test_publishing_builds_shutdown_timeout",
            "workers/test_worker.py::test_sigterm_lets_the_running_job_finish_and_takes_no_more",
            "workers/test_engine.py::test_a_job_that_does_not_end_in_time_is_put_back_at_the_head_with_its_attempts",
        ],
        "starts without Redis: warns, waits, recovers": [
            "workers/test_pool.py::test_workers_that_start_before_redis_say_so_once_and_work_when_it_comes"
        ],
    },
    "Queue architecture": {
        "a worker in its own process, never in the web process": [f"{HERE}::test_queue_architecture_own_process"],
        "strict token bucket in front of an external API": [
            f"{FETCH}::test_every_item_is_kept_and_requested_at_the_rate_of_the_limiter",
            "workers/test_limiter.py::test_no_window_holds_more_than_max_and_two_limiters_are_independent",
            "workers/test_limit_model.py::test_starts_never_exceed_the_limit_whatever_is_late_lost_or_set_back",
        ],
        "a schema for every payload and every return value": [
            f"{HERE}::test_queue_architecture_schemas",
            "workers/test_processor.py::test_a_bad_payload_is_reported_by_field_and_reason",
            "workers/test_processor.py::test_a_result_of_another_type_is_an_error",
        ],
        "compose file with redis, worker": ["test_compose.py::test_there_are_redis_a_worker_and_a_demo"],
        "add a test job, see it processed and logged": [
            "cli/test_enqueue.py::test_a_job_enqueued_here_is_worked_by_the_worker",
            "test_docs.py::test_the_first_round_runs_as_it_is_written_in_an_empty_home",
        ],
    },
    "Job template": {
        "retry policy none, fixed, exponential": [
            f"{TEMPLATE}::test_job_template_retry_policies",
            "workers/test_worker.py::test_a_failing_job_waits_longer_each_time_and_then_fails",
            "unit/test_backoff.py::test_none_retries_at_once",
        ],
        "max retries, JOB_MAX_RETRIES": [f"{TEMPLATE}::test_job_template_job_max_retries"],
        "timeout; risk stuck": [
            "workers/test_engine.py::test_a_job_that_misbehaves_fails_with_the_reason_and_the_next_one_runs",
            "workers/test_engine.py::test_a_job_that_hears_no_alarm_is_killed_after_its_timeout",
        ],
        "concurrency, JOB_CONCURRENCY": [f"{TEMPLATE}::test_job_template_job_concurrency"],
        "priority low, normal, high": ["workers/test_worker.py::test_high_priority_goes_first"],
        "retention by age and count; risk leak": [
            f"{TEMPLATE}::test_job_template_retention_by_age",
            "workers/test_retention_model.py::test_the_newest_are_kept_of_those_that_have_not_expired",
            "workers/test_engine.py::test_only_the_newest_jobs_are_kept_whatever_their_ages",
        ],
        "progress 0-100 from inside a job": [
            f"{TEMPLATE}::test_job_template_status",
            "workers/test_worker.py::test_progress_is_seen_from_another_process_while_the_job_runs",
        ],
        "limiter 100 a second": [f"{TEMPLATE}::test_job_template_hundred_a_second"],
        "events completed, failed, error": [
            f"{TEMPLATE}::test_job_template_events",
            "workers/test_trouble.py::test_a_horse_that_dies_is_reported_with_its_job",
        ],
        "cron jobs, registering again replaces": [
            "workers/test_worker_cron.py::test_two_workers_enqueue_each_tick_once_and_rq_sees_the_cron_job",
            "workers/test_cron.py::test_a_changed_expression_takes_effect_while_the_old_leader_lives",
        ],
        "enqueue and status; an unknown id is not found": [
            f"{TEMPLATE}::test_job_template_status",
            "workers/test_producer.py::test_the_status_of_an_unknown_job_is_not_found",
        ],
        "REDIS_HOST, REDIS_PORT, REDIS_PASSWORD": [
            f"{TEMPLATE}::test_job_template_redis_host_port_password",
            "workers/test_pool.py::test_a_wrong_password_ends_the_pool_and_is_said_once",
        ],
        "counts waiting, active, completed, failed, delayed; risk backlog": [
            f"{TEMPLATE}::test_job_template_counts",
            "broker/test_overview.py::test_an_overview_lists_each_queue_with_the_counts_of_its_windows",
        ],
        "risk lost (persistence)": [
            f"{TEMPLATE}::test_job_template_lost",
            "workers/test_engine.py::test_the_job_of_a_killed_worker_is_taken_up_within_the_lease",
            "chaos/test_chaos.py::test_every_job_ends_exactly_once_whatever_is_killed",
        ],
        "risk duplicate (job id and idempotency)": [
            "workers/test_producer.py::test_a_unique_id_is_refused_the_second_time",
            "workers/processors/test_audit_log.py::test_a_row_is_written_once_though_the_job_runs_twice",
            f"{FETCH}::test_a_job_that_runs_again_replaces_its_file_and_removes_what_a_killed_run_had_begun",
        ],
        "rollback: stop workers, clear a queue": [f"{TEMPLATE}::test_job_template_rollback"],
    },
    "Adding a job": {
        "one file: typed data, typed result, handler": [
            "test_docs.py::test_the_processor_in_the_readme_works",
            "workers/test_processor.py::test_a_module_dropped_into_a_named_package_is_found",
        ],
        "options: attempts, backoff, delay, priority": [
            f"{TEMPLATE}::test_adding_a_job_options",
            "cli/test_enqueue.py::test_options_are_what_the_job_says_afterwards",
        ],
        "options: remove on complete, remove on fail": [f"{TEMPLATE}::test_adding_a_job_removed_at_its_end"],
        "e-mail: three templates, real SMTP": [
            "workers/processors/test_email.py::test_a_mail_arrives_in_both_parts",
            "workers/processors/test_email.py::test_every_template_is_there_in_both_parts",
        ],
        "webhook: signed, attempt number, non-2xx fails and retries": [
            "workers/processors/test_webhook.py::test_a_delivery_verifies_and_keeps_its_id_over_the_attempts"
        ],
        "audit log: a row in a real database": [
            "workers/processors/test_audit_log.py::test_the_database_of_the_environment_is_used",
            "workers/processors/test_audit_log.py::test_a_row_is_written_once_though_the_job_runs_twice",
        ],
        "handler tests": ["test_docs.py::test_the_developers_examples_in_the_readme_work"],
    },
}


@cache
def names_in(path: str) -> set[str]:
    """The names of the tests in a file, also those in its classes."""
    tree = ast.parse((TESTS / path).read_text("utf-8"))
    found = [node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    return {name for name in found if name.startswith("test_")}


NAMED = [one for claims in ROWS.values() for tests in claims.values() for one in tests]


@pytest.mark.parametrize("named", sorted(set(NAMED)))
def test_what_is_named_as_proof_is_there(named: str) -> None:
    path, _, name = named.partition("::")
    assert name in names_in(path)


def test_every_row_has_a_story_that_names_it_and_every_story_is_named() -> None:
    for row in ROWS:
        prefix = f"test_{row.lower().replace(' ', '_')}_"
        mine = {f"{path}::{name}" for path in (HERE, TEMPLATE) for name in names_in(path) if name.startswith(prefix)}
        assert mine
        assert mine <= set(NAMED)


@pytest.fixture
def service(client: redis.Redis) -> QueueService:
    return QueueService(client)


@pytest.fixture
def site() -> Any:
    with Site() as site:
        yield site


def test_shared_jobs_package_one_schema(server: Server, service: QueueService, client: redis.Redis, home: Path) -> None:
    """Producer and worker refuse a payload in the same words, as they read the same processor."""
    assert discovery.get("test_job") is the_processor
    with pytest.raises(InvalidInput) as told:
        service.enqueue("test_job", {"seconds": -1})
    by_hand = Queue(the_processor.queue, connection=client, serializer="json").enqueue(the_processor.path, seconds=-1)
    run_burst(server, home)
    assert (service.status(by_hand.id).failed_reason or "").endswith(str(told.value))


def test_shared_jobs_package_add_test_job(service: QueueService, client: redis.Redis) -> None:
    with pytest.raises(InvalidInput, match="did you mean 'message'"):
        service.add_test_job({"mesage": "hi"})
    assert client.dbsize() == 0
    job_id = service.add_test_job(TestJob(message="hi"))
    assert client.lrange(keys.queue("main-queue"), 0, -1) == [job_id.encode()]


def test_shared_jobs_package_dotenv(server: Server, service: QueueService, home: Path) -> None:
    """The example with its REDIS_URL filled in is all that a producer and a worker are given."""
    example = (TESTS.parent / ".env.example").read_text("utf-8")
    (home / ".env").write_text(example.replace("REDIS_URL=\n", f"REDIS_URL={server.url}\n"))
    python = "from qtui_workers import QueueService as Q, connect"
    script = f"""
        set -a; . ./.env; set +a
        {sys.executable} -c '{python}; print(Q(connect()).add_test_job({{"message": "hi"}}))'
        exec {sys.executable} -m qtui_workers.cli --burst
    """
    run: dict[str, Any] = {"cwd": home, "env": environment(home), "capture_output": True, "text": True, "timeout": 60}
    done = subprocess.run(["bash", "-euc", script], **run)
    assert done.returncode == 0, done.stderr
    assert service.status(done.stdout.strip()).result == {"message": "hi", "attempt": 1}


def test_publishing_builds_attempts_and_limit(
    server: Server, service: QueueService, client: redis.Redis, site: Site, home: Path
) -> None:
    """Of seven builds that two workers could do at once, five begin within a minute."""
    folder = project(home / "project")
    ids = [initiate(service, folder).id for _ in range(7)]
    first, second = json.loads(field(client, ids[0], "retry_intervals") or b"")
    assert field(client, ids[0], "retries_left") == b"2"
    assert 2 <= first < 4 <= second < 6
    with (
        working(server, home, "publishing-builds", BUILD_SUBMIT_URL=site.url),
        working(server, home, "publishing-builds", log_name="second.log", BUILD_SUBMIT_URL=site.url),
    ):
        wait_until(lambda: len(site.asked) == 5, description="five are submitted", timeout=60)
        wait_until(lambda: [publishing(one).status for one in ids].count("submitted") == 5, description="and on record")
        limit = Limits(client).state("publishing-builds")
    assert (limit.max, limit.per, limit.used, limit.waiting) == (5, 60.0, 5, 2)
    assert limit.next_free_in > 0
    assert [publishing(one).status for one in ids].count("queued") == 2


def test_publishing_builds_redis_never_up(home: Path) -> None:
    with redis.Redis(unix_socket_path=str(home / "nobody")) as client:
        with pytest.raises(JobServiceUnavailable, match=r"^background job service unavailable: ") as told:
            initiate(QueueService(client), project(home / "project"))
        assert told.value.exit_code == 3


def test_publishing_builds_log_lines(server: Server, service: QueueService, client: redis.Redis, site: Site, home: Path) -> None:
    """Start, completion and failure stand in the job's own log and in the worker's."""
    site.replies = [Reply(201), Reply(503)]
    good, bad = (initiate(service, project(home / "project")).id for _ in range(2))
    client.hset(keys.job(bad), "retries_left", 0)
    said = run_burst(server, home, BUILD_SUBMIT_URL=site.url)
    for job_id, ending in ((good, ("INFO", "done in")), (bad, ("ERROR", "failed: the artifact was not taken: 503"))):
        lines = log_lines(client, job_id)
        assert lines[0] == ("INFO", f"publishing {job_id} of project p1: begins")
        assert lines[-1][0] == ending[0]
        assert ending[1] in lines[-1][1]
        assert all(text in said for text in (lines[0][1], lines[-1][1]))


def test_publishing_builds_shutdown_timeout() -> None:
    (option,) = (one for one in get_command(make_app()).params if "--shutdown-timeout" in one.opts)
    assert option.default == 30


def test_queue_architecture_own_process(server: Server, service: QueueService, home: Path) -> None:
    """Who enqueues has nothing of the worker in its process: no module, no thread, no child."""
    code = (
        "import os, sys, threading; from qtui_workers import QueueService, connect\n"
        "print(QueueService(connect()).add_test_job({}))\n"
        "print([m for m in sys.modules if m.startswith('qtui_workers.engine')], threading.active_count())\n"
        "try: os.waitpid(-1, os.WNOHANG)\n"
        "except ChildProcessError: print('no child')"
    )
    variables = environment(home, REDIS_URL=server.url)
    done = subprocess.run([sys.executable, "-c", code], env=variables, capture_output=True, text=True, check=True)
    job_id, *told = done.stdout.splitlines()
    assert told == ["[] 1", "no child"]
    assert service.status(job_id).status == "queued"
    run_burst(server, home)
    assert service.status(job_id).status == "finished"


@pytest.mark.parametrize("processor", discovery.discover().processors.values(), ids=lambda one: one.name)
def test_queue_architecture_schemas(processor: discovery.AnyProcessor) -> None:
    """Both are there, and neither takes what it does not know: a payload refuses it, a result leaves it out."""
    assert processor.payload.model_json_schema()["additionalProperties"] is False
    assert processor.result.model_json_schema()["properties"]
