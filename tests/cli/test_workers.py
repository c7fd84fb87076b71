"""`qtui workers`: what every worker does, and how much memory it holds."""

from __future__ import annotations

from pathlib import Path

import redis
from rq import Queue, Worker

from qtui.broker.workers import registered_workers
from qtui_workers.server import keys
from tests.broker.both_kinds import worker
from tests.cli.support import Qtui
from tests.support import Server, wait_until
from tests.workers import engine

MIB = 1024 * 1024
LARGE = 200 * MIB


def test_a_heartbeat_tells_how_much_memory_worker_and_horse_hold(
    qtui: Qtui, server: Server, client: redis.Redis, home: Path
) -> None:
    def held() -> tuple[int | None, int | None]:
        (row,) = [row for row in registered_workers.load(client) if row.name == "w1"]
        return row.memory, row.horse_memory

    with worker("qtui-worker", server, home), worker("rq worker", server, home, "stock", "other"):
        wait_until(lambda: held()[0] is not None, description="the worker tells its memory")
        assert 10 * MIB < (held()[0] or 0) < LARGE
        job = Queue("default", connection=client).enqueue(engine.hold_memory, LARGE, 600)
        wait_until(lambda: (held()[1] or 0) > LARGE, description="a heartbeat tells that of its horse", timeout=30)
        told = {row["name"]: row for row in qtui("workers", "--json").json}
        assert told["w1"]["memory_bytes"] < LARGE < told["w1"]["horse_memory_bytes"]
        assert told["w1"]["busy_since"] is not None
        stock = [told["stock"][name] for name in ("memory_bytes", "horse_memory_bytes", "busy_since", "stopping")]
        assert stock == [None, None, None, False]
        mine, theirs = sorted(qtui("workers").out.splitlines()[1:], reverse=True)
        assert "MiB" in mine
        assert "MiB" not in theirs
        assert Worker.find_by_key(keys.worker("w1"), connection=client).get_current_job_id() == job.id
        assert qtui("worker", "w1", "shutdown").out == "w1: shutdown was sent\n"
        wait_until(lambda: qtui("workers", "--json").json[-1]["stopping"], description="it says that it is stopping")
        assert qtui("worker", "w1", "stop-job").out.endswith(" was sent\n")


def test_what_nobody_reports_is_not_known(qtui: Qtui, client: redis.Redis) -> None:
    client.sadd(keys.WORKERS, keys.worker("w1"))
    for raw in ("", "-", "- -", "-5 x", "1 2 3", "\x00"):
        client.hset(keys.worker("w1"), mapping={"state": "idle", keys.FIELD_MEMORY: raw})
        (told,) = qtui("workers", "--json").json
        assert told["horse_memory_bytes"] is None
        assert told["memory_bytes"] in (None, 1)
