"""What an attempt used, and why a process died."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest
import redis
from rq import Callback, Queue

from qtui_workers.engine.process.attempt_usage import Meter
from qtui_workers.engine.process.death_reason import why_it_died
from qtui_workers.engine.process.memory_cgroup import MemoryCgroup
from qtui_workers.reporting import events
from qtui_workers.server import keys
from tests.support import Server
from tests.workers import engine
from tests.workers.support import run_burst

MIB = 1024 * 1024
GIB = 1024 * MIB
LARGE = 200 * MIB


def test_memory_and_processor_time_are_those_of_one_attempt() -> None:
    """In a process of its own, and not a child of this one: it would begin with the peak of this one (execve(2))."""
    code = (
        "from qtui_workers.engine.process.attempt_usage import Meter; import subprocess, sys\n"
        "meter = Meter()\n"
        "def used(work):\n meter.begin(); work(); usage = meter.end(); print(usage.peak_memory // 1048576, usage.cpu > 0.05)\n"
        f"used(lambda: bytearray({LARGE}).count(1)); used(lambda: None); used(lambda: sum(range(20_000_000)))\n"
        f"used(lambda: subprocess.run([sys.executable, '-c', 'bytearray({LARGE}).count(1)']))\n"
    )
    command = ["/bin/sh", "-c", '"$@"; exit $?', "sh", sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    large, small, busy, child = [line.split() for line in done.stdout.splitlines()]
    assert [int(peak) >= 200 for peak, _ in (large, small, busy, child)] == [True, False, False, True]
    assert (small[1], busy[1], child[1]) == ("False", "True", "True")


def test_what_jobs_used_that_rq_s_own_code_ends_is_on_record(server: Server, client: redis.Redis, home: Path) -> None:
    queue = Queue("default", connection=client)
    special = {"on_success": Callback(engine.on_success)}
    jobs = [queue.enqueue(engine.give, **special), queue.enqueue(engine.fail, **special)]
    jobs.append(queue.enqueue(engine.leave, 3, **special))
    run_burst(server, home, "default", "--allow-pickle", "--allow", engine.MODULE)
    for job in jobs:
        ((_, result),) = client.xrange(keys.results(job.id))
        peak, cpu = result[keys.FIELD_USED.encode()].split()
        assert (int(peak) > MIB, 0 <= float(cpu) < 60) == (True, True)
    details = {event.source.job: event.details for event in events.read(client) if event.kind in ("completed", "failed")}
    assert all(details[job.id]["cpu"] is not None for job in jobs)


def test_a_peak_that_cannot_be_set_back_is_not_taken_for_that_of_the_next_attempt(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("qtui_workers.engine.process.attempt_usage._RESET", tmp_path / "missing" / "clear_refs")
    meter = Meter()
    meter.begin()
    held = bytearray(2 * LARGE)
    held[::4096] = b"x" * len(held[::4096])
    assert (meter.end().peak_memory or 0) > LARGE
    del held
    meter.begin()
    assert meter.end().peak_memory is None


@pytest.mark.parametrize(
    ("groups", "files", "kills", "limit"),
    [
        ("0::/app.service\n", {"app.service/memory.events": "oom 4\noom_kill 3\n", "app.service/memory.max": "max\n"}, 3, None),
        (
            "0::/pod/app\n",
            {"pod/app/memory.events": "oom_kill 0\n", "pod/app/memory.max": "max\n", "pod/memory.max": "9\n"},
            0,
            9,
        ),
        ("0::/\n", {"memory.events": "oom_kill 1\n", "memory.max": f"{2 * GIB}\n"}, 1, 2 * GIB),
        ("0::/../../host/path\n", {"memory.events": "oom_kill 2\n"}, 2, None),
        ("4:cpu,memory:/a\n0::/\n", {"memory/a/memory.oom_control": "under_oom 0\noom_kill 5\n"}, 5, None),
        ("4:memory:/docker/1\n", {"memory/memory.oom_control": "oom_kill 5\n", "memory/memory.limit_in_bytes": "7\n"}, 5, 7),
        ("4:memory:/\n", {"memory/memory.limit_in_bytes": "9223372036854771712\n", "memory/memory.oom_control": "x"}, None, None),
        ("nonsense", {}, None, None),
    ],
)
def test_what_the_control_group_says_in_both_versions(
    tmp_path: Path, groups: str, files: dict[str, str], kills: int | None, limit: int | None
) -> None:
    (tmp_path / "proc/self").mkdir(parents=True)
    (tmp_path / "proc/self/cgroup").write_text(groups)
    for name, text in files.items():
        file = tmp_path / "sys/fs/cgroup" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    group = MemoryCgroup(tmp_path)
    assert (group.kills(), group.limit()) == (kills, limit)


def test_a_system_without_control_groups_says_nothing(tmp_path: Path) -> None:
    group = MemoryCgroup(tmp_path)
    assert (group.kills(), group.limit()) == (None, None)


@pytest.mark.parametrize(
    ("status", "for_memory", "limit", "why"),
    [
        (signal.SIGKILL, True, 2 * GIB, "killed by the kernel, out of memory (peak 1.9 GiB, limit 2.0 GiB)"),
        (signal.SIGKILL, True, None, "killed by the kernel, out of memory (peak 1.9 GiB)"),
        (signal.SIGKILL, False, None, "killed by signal 9 (SIGKILL, sent by another process)"),
        (signal.SIGKILL, None, None, "killed by signal 9 (SIGKILL: by hand, or by the kernel, out of memory; peak 1.9 GiB)"),
        (signal.SIGSEGV, True, None, "killed by signal 11 (segmentation fault)"),
        (signal.SIGUSR1, False, None, "killed by signal 10 (SIGUSR1, sent by another process)"),
        (40, False, None, "killed by signal 40 (sent by another process)"),
        (3 << 8, False, None, "its process exited with code 3 before the job had ended"),
    ],
)
def test_why_a_process_died(status: int, for_memory: bool | None, limit: int | None, why: str) -> None:
    told = why_it_died(int(status), for_memory=for_memory, peak=1_940 * MIB, limit=limit)
    assert told == f"{why}. Work-horse terminated unexpectedly"
