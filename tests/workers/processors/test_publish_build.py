"""Publishing: real builds, a real database and a real server that takes the artifacts."""

from __future__ import annotations

import hashlib
import io
import os
import signal
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import pytest
import redis
from rq.command import send_kill_horse_command

from qtui_workers.define.limit import Limit
from qtui_workers.enqueue.queue_service import QueueService
from qtui_workers.errors import InvalidInput, NotFound, RedisUnavailable
from qtui_workers.processors.publish_build import publish_build
from qtui_workers.server import keys
from qtui_workers.services.build import Plan
from qtui_workers.services.publishing import (
    JobServiceUnavailable,
    PublishingRecord,
    execute_build_and_submit,
    initiate_publishing,
    publishing,
)
from tests.support import Server, wait_until
from tests.workers.processors.site import Reply, Site
from tests.workers.sockets import free_port
from tests.workers.support import environment, field, log_lines, run_burst, working

MAKE = (
    "import os, pathlib; print('made by', os.environ.get('MODE')); "
    "d = pathlib.Path('dist'); d.mkdir(exist_ok=True); (d / 'a').write_text('A')"
)


def project(folder: Path, code: str = MAKE, **plan: Any) -> Path:
    """A project whose build is that Python code."""
    lines = [f"command = {[sys.executable, '-u', '-c', code]!r}", 'environment = { MODE = "release" }']
    folder.mkdir(exist_ok=True)
    (folder / "publish.toml").write_text("\n".join([*lines, *(f"{name} = {value!r}" for name, value in plan.items())]))
    return folder


def initiate(service: QueueService, folder: Path) -> PublishingRecord:
    return initiate_publishing(service, folder, project_id="p1", user_id="u1")


def test_a_project_is_built_and_its_artifact_submitted(
    server: Server, service: QueueService, client: redis.Redis, site: Site, home: Path
) -> None:
    record = initiate(service, project(home / "project"))
    assert (record.status, publishing(record.id)) == ("queued", record)
    assert field(client, record.id, "origin") == b"publishing-builds"
    run_burst(server, home, BUILD_SUBMIT_URL=f"{site.url}/artifacts/", BUILD_SUBMIT_TOKEN="hunter2")
    (put,) = site.asked
    assert (put.method, put.path, put.headers["authorization"]) == ("PUT", f"/artifacts/{record.id}", "Bearer hunter2")
    with tarfile.open(fileobj=io.BytesIO(put.body)) as archive:
        assert archive.getnames() == ["dist", "dist/a"]
    digest = hashlib.sha256(put.body).hexdigest()
    after = publishing(record.id)
    assert (after.status, after.artifact_sha256, after.artifact_bytes) == ("submitted", digest, len(put.body))
    assert service.status(record.id).result["artifact_sha256"] == digest
    lines = [text for _, text in log_lines(client, record.id)]
    assert lines[0] == f"publishing {record.id} of project p1: begins"
    assert "made by release" in lines
    assert lines[-1].startswith(f"publishing {record.id} of project p1: done in")


def test_a_build_that_fails_is_tried_three_times_and_then_on_record(
    server: Server, service: QueueService, client: redis.Redis, site: Site, home: Path
) -> None:
    record = initiate(service, project(home / "project", "print('boom'); raise SystemExit(3)"))
    client.hset(keys.job(record.id), "retry_intervals", "[0, 0]")
    run_burst(server, home, BUILD_SUBMIT_URL=site.url)
    after = publishing(record.id)
    assert (after.status, field(client, record.id, keys.FIELD_ATTEMPT)) == ("failed", b"3")
    assert "ended with 3" in (after.error or "")
    assert [text for _, text in log_lines(client, record.id)].count("boom") == 3
    assert site.asked == []


def test_an_artifact_that_is_not_taken_is_submitted_again(
    server: Server, service: QueueService, client: redis.Redis, site: Site, home: Path
) -> None:
    site.replies = [Reply(503), Reply(201)]
    record = initiate(service, project(home / "project"))
    client.hset(keys.job(record.id), "retry_intervals", "[0, 0]")
    run_burst(server, home, BUILD_SUBMIT_URL=site.url)
    after = publishing(record.id)
    assert (after.status, after.error) == ("submitted", None)
    assert [put.path for put in site.asked] == [f"/{record.id}"] * 2


def test_without_redis_it_says_so_and_so_does_the_record(own_server: Server, home: Path) -> None:
    with own_server.client() as client:
        own_server.kill()
        with pytest.raises(JobServiceUnavailable, match=r"^background job service unavailable: Redis at ") as told:
            initiate(QueueService(client), project(home / "project"))
    assert isinstance(told.value, RedisUnavailable)
    (record,) = _records()
    assert (record.status, record.error) == ("failed", str(told.value))


def test_where_redis_never_was_it_says_so_too_and_so_does_the_record(home: Path) -> None:
    service = QueueService.of(f"redis://127.0.0.1:{free_port()}/0")
    with pytest.raises(JobServiceUnavailable, match=r"^background job service unavailable: Redis at .* does not run"):
        initiate(service, project(home / "project"))
    (record,) = _records()
    assert record.status == "failed"


def _records() -> list[PublishingRecord]:
    from qtui_workers.services import database

    with database.transaction() as connection:
        ids = [row.id for row in connection.execute(database.publishings.select())]
    return [publishing(one) for one in ids]


def test_a_record_whose_job_was_killed_is_put_right_where_it_is_read(
    server: Server, service: QueueService, client: redis.Redis, home: Path
) -> None:
    record = initiate(service, project(home / "project", CHILDREN))
    client.hset(keys.job(record.id), "retries_left", 0)
    with working(server, home, "publishing-builds", "--name", "w1"):
        pids(home / "project")
        send_kill_horse_command(client, "w1")
        wait_until(lambda: field(client, record.id, "status") == b"failed", description="the job has failed")
    assert publishing(record.id).status == "building"
    after = publishing(record.id, service)
    assert (after.status, publishing(record.id)) == ("failed", after)
    assert (after.error or "").startswith("its job is failed: killed by signal 9")


def test_a_record_whose_job_was_canceled_is_put_right_where_it_is_read(service: QueueService, home: Path) -> None:
    record = initiate(service, project(home / "project"))
    assert publishing(record.id, service) == record
    service.cancel(record.id)
    assert publishing(record.id, service).error == "its job is canceled: nothing more is known"


def test_a_submitted_publishing_is_not_built_again(
    service: QueueService, site: Site, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BUILD_SUBMIT_URL", site.url)
    record = initiate(service, project(home / "project"))
    first, second = execute_build_and_submit(record.id), execute_build_and_submit(record.id)
    assert first == second
    assert len(site.asked) == 1


def test_the_build_does_not_see_the_passwords_of_the_worker(
    service: QueueService, site: Site, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BUILD_SUBMIT_URL", site.url)
    monkeypatch.setenv("SMTP_PASSWORD", "hunter2")
    code = "import os, pathlib; pathlib.Path('dist').write_text(repr(sorted(os.environ)))"
    execute_build_and_submit(initiate(service, project(home / "project", code)).id)
    assert "SMTP_PASSWORD" not in (home / "project" / "dist").read_text()
    assert "'MODE'" in (home / "project" / "dist").read_text()


# A build whose own child would go on, and tells where it is.
CHILDREN = (
    "import os, pathlib, subprocess, sys, time; "
    "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)']); "
    "pathlib.Path('part').write_text(f'{os.getpid()} {child.pid}'); os.rename('part', 'pids'); time.sleep(600)"
)


def gone(pid: int) -> bool:
    """Whether that process has ended; one that nobody has waited for yet has."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def pids(folder: Path) -> list[int]:
    wait_until((folder / "pids").exists, description="the build runs")
    return [int(pid) for pid in (folder / "pids").read_text().split()]


def test_a_build_that_takes_too_long_ends_with_all_its_processes(
    server: Server, service: QueueService, client: redis.Redis, site: Site, home: Path
) -> None:
    folder = project(home / "project", CHILDREN)
    record = initiate(service, folder)
    client.hset(keys.job(record.id), mapping={"timeout": 2, "retries_left": 0})
    run_burst(server, home, BUILD_SUBMIT_URL=site.url)
    assert publishing(record.id).status == "failed"
    wait_until(lambda: all(gone(pid) for pid in pids(folder)), description="the build's processes end")


def test_a_build_ends_when_what_runs_it_is_killed(service: QueueService, home: Path) -> None:
    folder = project(home / "project", CHILDREN)
    record = initiate(service, folder)
    code = f"from qtui_workers.services.publishing import execute_build_and_submit as go; go({record.id!r})"
    process = subprocess.Popen([sys.executable, "-c", code], env=environment(home), stderr=subprocess.DEVNULL)
    running = pids(folder)
    assert not any(gone(pid) for pid in running)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    wait_until(lambda: all(gone(pid) for pid in running), description="the build's processes end")


def test_a_build_is_over_when_its_command_has_ended_whoever_keeps_its_output_open(
    service: QueueService, site: Site, home: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("BUILD_SUBMIT_URL", site.url)
    # A daemon of the build has left its process group, so that nothing ends it with the build.
    code = (
        "import pathlib, subprocess, sys; "
        "daemon = [sys.executable, '-c', 'import time; time.sleep(600)']; "
        "pathlib.Path('pids').write_text(str(subprocess.Popen(daemon, start_new_session=True).pid)); "
        f"print('x' * 100_000); print('the last line'); {MAKE}"
    )
    folder = project(home / "project", code)
    try:
        with caplog.at_level("INFO"):
            record = execute_build_and_submit(initiate(service, folder).id)
        assert (record.status, len(site.asked)) == ("submitted", 1)
        assert "the last line" in caplog.text
        assert caplog.text.count("x" * 8_192) == 12
        assert not any(gone(pid) for pid in pids(folder))
    finally:
        for pid in pids(folder):
            os.kill(pid, signal.SIGKILL)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "command"),
        ("command = []", "command"),
        ('command = "make dist"', "command"),
        ('command = ["make"]\noutput = "../other"', "output"),
        ('command = ["make"]\noutput = "/etc"', "output"),
        ('command = ["make"]\nshell = true', "shell"),
        ("command = [", "not TOML"),
    ],
)
def test_a_bad_plan_is_reported_before_anything_is_queued(
    service: QueueService, client: redis.Redis, home: Path, text: str, reason: str
) -> None:
    (home / "publish.toml").write_text(text)
    with pytest.raises(InvalidInput, match=rf"publish\.toml.*{reason}"):
        initiate(service, home)
    assert client.keys("*") == []
    assert not (home / ".local").exists()


def test_an_output_that_leads_out_of_the_project_is_not_packed(
    service: QueueService, site: Site, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BUILD_SUBMIT_URL", site.url)
    code = "import os; os.symlink('/etc', 'dist')"
    record = initiate(service, project(home / "project", code))
    with pytest.raises(Exception, match="has made no 'dist'"):
        execute_build_and_submit(record.id)
    assert site.asked == []


def test_a_command_that_is_not_there_is_reported(service: QueueService, home: Path, caplog: pytest.LogCaptureFixture) -> None:
    (home / "publish.toml").write_text('command = ["no-such-program"]')
    record = initiate(service, home)
    with caplog.at_level("INFO"), pytest.raises(Exception, match="ended with 127"):
        execute_build_and_submit(record.id)
    assert "no-such-program cannot be started: No such file or directory" in caplog.text


def test_an_unknown_publishing_is_not_found() -> None:
    with pytest.raises(NotFound, match="no publishing 'x'"):
        publish_build(publishing_id="x", project_id="p", user_id="u")


def test_builds_are_retried_kept_and_limited_as_their_options_say() -> None:
    options = publish_build.options
    assert (options.attempts, options.keep_finished, options.keep_failed) == (3, 100, 500)
    assert options.backoff.intervals(2) == [2, 4]
    assert options.limit == Limit(max=5, per=60)


def test_a_plan_has_an_output_by_default() -> None:
    assert Plan(command=("make",)).output == "dist"
