"""What each worker did in the last ten minutes, from events and from looking: what is not known is never called idle."""

from __future__ import annotations

import time
from pathlib import Path

import redis
from rq import Queue
from rq.command import send_stop_job_command

from qtui.broker.models import WorkerRow
from qtui.broker.workers import workers_at_work
from qtui.broker.workers.lanes import MOST, SPAN, SPANS, UNKNOWN, Cell, Entry, Lane, Lanes
from qtui_workers.records import replace
from qtui_workers.server import keys
from tests.broker import seed
from tests.broker.both_kinds import worker
from tests.broker.watching import watching
from tests.support import Server, wait_until
from tests.workers import engine

AT = 1_763_800_200.0
"""The end of a span."""
IDLE = Cell("idle")
ROW = WorkerRow(
    name="w", host="h", pid=1, status="idle", queues=("mail",), current_job=None, successful=0, failed=0,
    started_at=AT - 3600, heartbeat_seconds=0.0, stale=False, version="3.0", knows_holds=True,
)  # fmt: skip
STOCK = replace(ROW, knows_holds=False)


def event(before: float, kind: str, name: str = "w") -> Entry:
    """An event so many seconds before `AT`."""
    return f"{int((AT - before) * 1000)}-0".encode(), {b"event": kind.encode(), b"worker": name.encode()}


def lane(*looks: tuple[float, WorkerRow, list[Entry]], begun: float | None = None) -> Lane:
    """The lane after some looks, each so many seconds before `AT`."""
    lanes, drawn = Lanes(), [()]
    for before, row, entries in looks:
        drawn = lanes.look([(row, begun)], entries, AT - before)
    return drawn[0]


def states(drawn: Lane) -> list[str]:
    return [cell.state for cell in drawn]


def test_events_tell_when_a_worker_was_busy_and_that_an_attempt_failed() -> None:
    told = [event(95, "started"), event(80, "completed"), event(50, "started"), event(46.5, "retrying"), event(20, "progress")]
    drawn = lane((1, ROW, told))
    assert drawn[-8:] == (IDLE, Cell("busy", 3), Cell("busy", 5), IDLE, Cell("failed", 2), IDLE, IDLE, IDLE)
    assert set(drawn[:-8]) == {IDLE}
    assert len(drawn) == SPANS


def test_a_job_that_began_before_all_known_events_or_runs_still() -> None:
    assert states(lane((1, ROW, [event(31, "completed")])))[-4:] == ["busy", "busy", "idle", "idle"]
    runs = replace(ROW, status="busy", current_job="j")
    assert states(lane((1, runs, [event(31, "started")])))[-4:] == ["idle", "busy", "busy", "busy"]
    assert states(lane((1, runs, []), begun=AT - 40))[-4:] == ["idle", "busy", "busy", "busy"]


def test_what_is_not_known_is_not_idle() -> None:
    young = replace(ROW, started_at=AT - 40)
    assert states(lane((1, young, [])))[-4:] == ["unknown", "idle", "idle", "idle"]
    full = [event(31, "started", "another")] * (MOST - 1) + [event(2, "started", "another")]
    assert states(lane((1, ROW, full)))[-4:] == ["unknown", "idle", "idle", "idle"]
    assert states(lane((1, ROW, [event(40, "started")])))[-4:] == ["idle", "idle", "unknown", "unknown"]


def test_events_that_were_lost_between_two_looks_leave_a_gap() -> None:
    busy = replace(ROW, status="busy", current_job="j")
    full = [event(20, "queued", "")] * MOST
    drawn = lane((59, busy, [event(60, "started")]), (1, ROW, full))
    assert states(drawn)[-5:] == ["idle", "busy", "unknown", "idle", "idle"]


def test_of_a_stock_worker_only_what_was_seen_is_known() -> None:
    assert set(lane((1, STOCK, []))) == {UNKNOWN}
    assert states(lane(*((SPAN + 3 - n, STOCK, []) for n in range(SPAN))))[-3:] == ["unknown", "idle", "idle"]
    runs = replace(STOCK, status="busy", current_job="j")
    assert states(lane((1, runs, []), begun=AT - 40))[-4:] == ["unknown", "busy", "busy", "busy"]
    apart = lane((44, STOCK, []), (43, STOCK, []), (2, STOCK, []), (1, STOCK, []))
    assert states(apart)[-4:] == ["unknown", "idle", "unknown", "idle"]
    done, lost = replace(STOCK, successful=1), replace(STOCK, successful=1, failed=1)
    assert states(lane((3, STOCK, []), (2, done, [])))[-1] == "busy"
    assert states(lane((3, STOCK, []), (2, lost, [])))[-1] == "failed"


def test_a_silent_worker_is_so_since_its_last_heartbeat() -> None:
    lost = replace(ROW, heartbeat_seconds=50.0, late=True, current_job="j")
    drawn = lane((1, lost, [event(100, "started")]))
    assert states(drawn)[-8:] == ["idle", "busy", "busy", "busy", "silent", "silent", "silent", "silent"]
    gone = replace(ROW, heartbeat_seconds=None, stale=True, knows_holds=None)
    later = lane((40, ROW, []), (1, gone, []))
    assert states(later)[-4:] == ["idle", "silent", "silent", "silent"]


def test_the_second_look_asks_only_for_what_is_new() -> None:
    lanes = Lanes()
    assert lanes.command(AT)[3] == f"{int(AT - SPAN * SPANS)}000-0".encode()
    lanes.look([(ROW, None)], [event(5, "started", "another")], AT)
    assert lanes.command(AT + 1)[3] == b"(" + event(5, "started")[0]
    assert lanes.command(AT + 3600)[3] == f"{int(AT + 3600 - SPAN * SPANS)}000-0".encode()


def test_real_workers_of_both_kinds(server: Server, client: redis.Redis, home: Path) -> None:
    lanes = Lanes()

    def seen() -> dict[str, Lane]:
        return {each.worker.name: each.lane for each in workers_at_work.load(client, lanes)}

    def newest(name: str) -> set[str]:
        return set(states(seen()[name])[-2:])

    with worker("qtui-worker", server, home), worker("rq worker", server, home, "stock", "other"):
        first = seen()
        assert set(states(first["w1"])) == {"unknown", "idle"}
        assert set(first["stock"]) == {UNKNOWN}
        jobs = [Queue(name, connection=client).enqueue(engine.fail) for name in ("default", "other")]
        jobs += [Queue(name, connection=client).enqueue(engine.sleep, 600) for name in ("default", "other")]
        ends = ["failed", "failed", "started", "started"]
        wait_until(lambda: [job.get_status() for job in jobs] == ends, description="two have failed, two run")
        wait_until(lambda: "failed" in newest("w1"), description="an event told that its job failed")
        wait_until(lambda: newest("stock") & {"busy", "failed"}, description="the stock worker was seen to be busy")
        kinds = {each.worker.name: each.worker.knows_holds for each in workers_at_work.load(client)}
        assert kinds == {"w1": True, "stock": False}
        for job in jobs[2:]:
            send_stop_job_command(client, job.id)
        wait_until(lambda: {job.get_status() for job in jobs[2:]} == {"stopped"}, description="both are stopped")


def test_looking_at_lanes_takes_three_round_trips_and_writes_nothing(client: redis.Redis) -> None:
    seed.everything(client)
    at = int(time.time() * 1000)
    pipe = client.pipeline()
    for number in range(2_000):
        pipe.xadd(keys.EVENTS, {"event": "started", "worker": f"w{number % 300}"}, id=f"{at - 300_000 + number}-0")
    pipe.execute()
    lanes = Lanes()
    workers_at_work.load(client, lanes)
    with watching(client) as seen:
        workers_at_work.load(client, lanes)
    (asked,) = [command for command in seen.sent if command.startswith("XREVRANGE")]
    assert f"({at - 300_000 + 1_999}-0" in asked
    assert not [command for command in seen.sent if command.split()[0] in ("HSET", "XADD", "SET", "DEL", "EXPIRE")]


def test_damaged_events_harm_nothing(client: redis.Redis) -> None:
    seed.everything(client)
    for fields in ({"x": "y"}, {"event": b"\xff", "worker": b"\xff"}, {"event": "completed", "worker": "w1"}):
        client.xadd(keys.EVENTS, fields)
    assert [len(each.lane) for each in workers_at_work.load(client, Lanes())] == [SPANS]
    client.delete(keys.EVENTS)
    client.set(keys.EVENTS, "a text")
    assert [len(each.lane) for each in workers_at_work.load(client, Lanes())] == [SPANS]
