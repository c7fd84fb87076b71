"""Sentry and OpenTelemetry hear of every job of ours as they do of one of RQ's, and our jobs cost what they cost without them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import redis
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import use_span
from rq import Queue, Retry

from qtui_workers.enqueue.queue_service import QueueService
from qtui_workers.server import keys
from tests.support import Server
from tests.workers import traced
from tests.workers.support import environment, field, log_lines, run
from tests.workers.traced import MODULE

ALLOW = ("--allow", MODULE, "--allow-pickle")
EARLY = "import sys, tests.workers.traced; sys.argv = ['qtui-worker', *sys.argv[1:]]; from qtui_workers.cli import main; main()"
SILENT = 60
HEARD = {
    "add": ["consume default", "perform", "handle_job_success default", f"transaction {MODULE}.add"],
    "silent": ["consume default", "perform", "handle_job_success default", f"transaction {MODULE}.silent"],
    "fail": ["consume default", "perform", "handle_job_failure default", f"transaction {MODULE}.fail", "error ValueError"],
}


def told(client: redis.Redis) -> list[tuple[str, str]]:
    """What the tools have heard of, each with its trace."""
    lines = [line.decode().split(" ", 1)[1] for line in client.lrange("told", 0, -1)]
    return [(what, trace) for what, _, trace in (line.rpartition(" ") for line in lines)]


@pytest.mark.parametrize("first", ["our worker", "the tools"])
@pytest.mark.parametrize("how", ["isolated", "in-process"])
def test_they_hear_of_every_job_which_is_ended_by_us(
    server: Server, client: redis.Redis, home: Path, first: str, how: str
) -> None:
    queue = Queue("default", connection=client)
    jobs = [queue.enqueue(traced.add, 1, 2), queue.enqueue(traced.fail)]
    jobs += [queue.enqueue(traced.silent) for _ in range(SILENT)]
    options = ["--burst", "--url", server.url, "default", *ALLOW, *(["--in-process"] if how == "in-process" else [])]
    client.config_resetstat()
    if first == "our worker":
        done = run(home, *options, TRACED=server.url)
    else:
        variables = environment(home, TRACED=server.url)
        command = [sys.executable, "-c", EARLY, *options]
        done = subprocess.run(command, env=variables, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    wanted = HEARD["add"] + HEARD["fail"] + HEARD["silent"] * SILENT
    assert sorted(what for what, _ in told(client)) == sorted(wanted)
    calls = {name: int(stats["calls"]) for name, stats in client.info("commandstats").items()}
    assert calls["cmdstat_evalsha"] + calls.get("cmdstat_eval", 0) < len(jobs) + 20, "one round trip a job"
    assert calls.get("cmdstat_watch", 0) < 5, "RQ's own code has ended none"
    assert [field(client, job.id, "status") for job in jobs] == [b"finished", b"failed", *[b"finished"] * SILENT]
    assert jobs[0].return_value() == 3
    assert log_lines(client, jobs[0].id) == [("INFO", "adding")]
    assert done.stderr.count("adding") == 1


def test_sentry_hears_of_a_failure_when_no_attempt_is_left(server: Server, client: redis.Redis, home: Path) -> None:
    Queue("default", connection=client).enqueue(traced.fail, retry=Retry(max=1))
    run(home, "--burst", "--url", server.url, "default", *ALLOW, TRACED=server.url)
    heard = [what for what, _ in told(client)]
    assert (heard.count(f"transaction {MODULE}.fail"), heard.count("error ValueError")) == (2, 1)


def test_they_hear_of_a_job_whose_process_died(server: Server, client: redis.Redis, home: Path) -> None:
    """From the worker itself, where they were there before it."""
    job = Queue("default", connection=client).enqueue(traced.leave)
    command = [sys.executable, "-c", EARLY, "--burst", "--url", server.url, "default", *ALLOW]
    subprocess.run(command, env=environment(home, TRACED=server.url), capture_output=True, check=True)
    assert [what for what, _ in told(client)] == ["handle_job_failure default"]
    assert field(client, job.id, "status") == b"failed"


def test_sentry_s_trace_of_the_program_that_enqueues_goes_on_in_the_job(server: Server, client: redis.Redis, home: Path) -> None:
    variables = {"TRACED": server.url, "QTUI_PROCESSORS": MODULE}
    command = [sys.executable, "-c", f"from {MODULE} import *; enqueue_within_a_transaction()"]
    done = subprocess.run(command, env=environment(home, **variables), capture_output=True, text=True, check=True)
    run(home, "--burst", "--url", server.url, "default", **variables)
    assert next(at for what, at in told(client) if what == f"transaction {MODULE}.increase") == done.stdout.strip()


def test_what_the_instrumentor_puts_around_jobs_on_this_version_of_rq_is_heard(
    server: Server, client: redis.Redis, home: Path
) -> None:
    Queue("default", connection=client).enqueue(traced.silent)
    run(home, "--burst", "--url", server.url, "default", *ALLOW, TRACED=server.url, TRACED_AS_IS="1")
    assert {"consume default", "perform"} <= {what for what, _ in told(client)}


def test_the_trace_of_the_program_that_enqueues_goes_on_in_the_job(
    server: Server, client: redis.Redis, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QTUI_PROCESSORS", MODULE)
    service, span = QueueService(client), TracerProvider().get_tracer("web").start_span("a request")
    with use_span(span):
        job_id = service.enqueue("increase").id
    untraced = service.enqueue("increase").id
    trace = f"{span.get_span_context().trace_id:032x}"
    assert f'"traceparent": "00-{trace}-'.encode() in (field(client, job_id, "meta") or b"")
    assert field(client, untraced, "meta") is None
    run(home, "--burst", "--url", server.url, "default", TRACED=server.url, QTUI_PROCESSORS=MODULE)
    assert next(at for what, at in told(client) if what == "consume default") == trace
    assert client.hget(keys.job(job_id), "status") == b"finished"
