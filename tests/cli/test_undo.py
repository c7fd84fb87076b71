"""`qtui remove` and `qtui undo`, `qtui audit`, and a command that is told to end."""

from __future__ import annotations

import json
import os
import signal
import stat
from pathlib import Path

import pytest
import redis

from qtui import commands
from qtui.broker.diagnosis import acknowledged
from qtui_workers.server import keys
from tests.broker import seed
from tests.broker.seed import copies
from tests.cli.support import Qtui, keyspace
from tests.support import reads_with, wait_until

FAILED = keys.registry("failed", "mail")


def test_what_was_removed_last_is_put_back(qtui: Qtui, client: redis.Redis) -> None:
    ids = seed.failed(client, count=3)
    before = keyspace(client)
    removed = qtui("remove", *ids[:2], "--yes")
    assert removed.out == "2 removed\n"
    batch = removed.err.split()[2]
    assert removed.err == f"qtui undo {batch} puts them back\n"
    assert client.zcard(FAILED) == 1
    (listed,) = qtui("undo", "--list", "--json").json
    assert (listed["batch"], listed["jobs"], listed["removed"]) == (batch, 2, 2)
    assert 0 < listed["expires_seconds"] <= 24 * 3600
    assert listed["bytes"] > 1000
    assert batch in qtui("undo", "--list").out
    undone = qtui("undo")
    assert undone.out == "2 put back\n"
    assert "Put 2 jobs back on" in undone.err
    after = keyspace(client)
    assert after.keys() - before.keys() == {keys.AUDIT.encode()}
    assert all(after[name] == content for name, content in before.items() if client.type(name) != b"zset")
    assert "nothing in the trash" in qtui.fails(4, "undo")
    assert qtui("undo", "--list").out == "The trash is empty.\n"
    assert qtui("undo", "--list", "--json").json == []


def test_a_batch_is_put_back_by_its_name(qtui: Qtui, client: redis.Redis) -> None:
    first, second = seed.failed(client, count=2)
    batch = qtui("remove", first, "--yes", "--json").json["batch"]
    qtui("remove", second, "--yes")
    assert qtui("undo", batch, "--json").json["done"] == 1
    assert client.zrange(FAILED, 0, -1) == [first.encode()]
    assert "no batch" in qtui.fails(4, "undo", batch)


def test_purged_jobs_leave_nothing_and_the_report_says_so(qtui: Qtui, client: redis.Redis) -> None:
    (job_id,) = seed.failed(client)
    report = qtui("remove", job_id, "--yes", "--purge", "--json").json
    assert (report["done"], report["undo"]) == (1, False)
    assert "nothing in the trash" in qtui.fails(4, "undo")


def test_what_is_too_large_for_the_trash_is_refused_unless_told(qtui: Qtui, client: redis.Redis, tmp_path: Path) -> None:
    (job_id,) = seed.failed(client)
    (config := tmp_path / "config.toml").write_text("[trash]\nmax_mib = 0\n")
    settings = {"QTUI_CONFIG": str(config)}
    assert "Too large for the trash" in qtui.fails(5, "remove", job_id, "--yes", **settings)
    assert client.exists(keys.job(job_id))
    assert qtui("remove", job_id, "--yes", "--purge", **settings).out == "1 removed\n"


def test_every_change_is_in_the_audit(qtui: Qtui, client: redis.Redis) -> None:
    first, second = seed.failed(client, count=2)
    assert qtui("audit").out == "No changes yet.\n"
    batch = qtui("remove", first, "--yes", "--json").json["batch"]
    qtui("retry", "--all", "--queue", "mail", "--yes")
    qtui("pause", "mail")
    qtui("resume", "mail")
    acknowledged.acknowledge(client, "abcdef12", "", 0)
    qtui("failures", "ack", "abcdef12", "--note", "known")
    qtui("undo")
    qtui("enqueue", "test_job")
    found = qtui("audit", "--json").json
    assert [(each["what"], each["jobs"], each["done"]) for each in found] == [
        ("enqueue", 1, 1), ("undo", 1, 1), ("failures ack", None, None), ("resume", None, None), ("pause", None, None),
        ("retry", 1, 1), ("remove", 1, 1),
    ]  # fmt: skip
    removed, retried = found[-1], found[-2]
    assert (removed["ids"], removed["batch"], removed["outcome"]) == ([first], batch, "1 removed")
    assert (retried["about"], retried["outcome"]) == ("failed jobs in mail", "1 retried")
    assert all("@" in each["by"] and each["connection"] and each["at"] for each in found)
    assert len(qtui("audit", "--json", "--limit", "2").json) == 2
    assert "pause" in qtui("audit").out
    assert qtui("audit", "--json", "--local").json == found
    assert second


def test_what_was_refused_is_no_change(qtui: Qtui, client: redis.Redis) -> None:
    qtui.fails(4, "remove", "nosuch", "--yes")
    qtui.fails(4, "pause", "nosuch")
    qtui.fails(2, "enqueue", "test_job", "nosuch=1")
    assert qtui("audit", "--json").json == []


def test_the_file_of_the_audit_is_private_and_where_it_cannot_be_written_the_change_goes_on(
    qtui: Qtui, client: redis.Redis
) -> None:
    first, second = seed.failed(client, count=2)
    qtui("retry", first, "--yes")
    (file,) = qtui.home.rglob("audit.jsonl")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert json.loads(file.read_text())["what"] == "retry"
    file.unlink()
    file.mkdir()
    answer = qtui("retry", second, "--yes")
    assert answer.out == "1 retried\n"
    assert f"the audit file {file} was not written: Is a directory" in answer.err
    file.rmdir()
    file.symlink_to("/dev/full")
    assert f"the audit file {file} was not written: No space left on device" in qtui("pause", "mail").err
    file.unlink()
    file.mkdir()
    assert len(qtui("audit", "--json").json) == 3


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_a_run_after_its_chunk_and_the_command_that_goes_on_is_printed(
    qtui: Qtui, client: redis.Redis, number: int
) -> None:
    if reads_with(client) == "EVALSHA":
        pytest.skip("where there is no EVALSHA_RO, a pause of writes holds up the scripts that only read, too")
    (model,) = seed.failed(client)
    copies(client, model, 300)
    client.client_pause(30_000, all=False)  # only writes wait
    with qtui.running("retry", "--all", "--queue", "mail", "--yes") as process:
        wait_until(lambda: client.info("clients")["blocked_clients"], description="the first chunk waits")
        os.kill(process.pid, number)
        wait_until(lambda: not is_pending(process.pid, number), description="the signal has come")
        client.client_unpause()
        out, err = process.communicate(timeout=30)
    left = client.zcard(FAILED)
    assert 0 < client.llen(keys.queue("mail")) == 301 - left < 301
    assert process.returncode == 128 + number
    assert "stopped; to go on: qtui retry" in err
    assert "--queue mail" in err
    assert "not tried: stopped before" in out
    (entry,) = qtui("audit", "--json").json
    assert entry["left"].startswith("qtui retry")
    assert (entry["jobs"], entry["done"]) == (301, 301 - left)


def is_pending(pid: int, number: int) -> bool:
    """Whether a process has not taken a signal yet."""
    status = Path(f"/proc/{pid}/status").read_text()
    pending = [int(line.split()[1], 16) for line in status.splitlines() if line.startswith(("SigPnd", "ShdPnd"))]
    return any(mask >> (number - 1) & 1 for mask in pending)


def test_every_command_that_a_read_only_connection_refuses_is_recorded() -> None:
    sources = {path.stem: path.read_text() for path in Path(commands.__file__).parent.glob("*.py")}
    refused = {name for name, text in sources.items() if "read_only(" in text or ".read_only" in text} - {"connection"}
    assert refused >= {"operation", "pause", "resume", "worker", "release", "undo", "edit", "limits"}
    assert {name for name in refused if "changing(" not in sources[name] and "audit_of(" not in sources[name]} == set()
