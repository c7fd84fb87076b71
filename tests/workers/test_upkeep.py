"""When a worker does what it does from time to time."""

from __future__ import annotations

from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any, cast

import pytest

from qtui_workers.engine.upkeep import Upkeep
from qtui_workers.engine.worker_store import HeartbeatReply

QUIET, BUSY = 18.0, 5.0


def intervals(quiet: list[bool], monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Seconds from each heartbeat to the next, where these found no job, or one."""
    answers = iter(quiet)
    now = 1000.0
    monkeypatch.setattr("qtui_workers.engine.upkeep.time", SimpleNamespace(monotonic=lambda: now))
    upkeep = Upkeep(
        BUSY,
        QUIET,
        beat=lambda _claim: HeartbeatReply(True, True, (), (), quiet=next(answers)),
        after_beat=lambda _beat, _idle: None,
        cron=cast(Any, None),
        outage=cast(Any, SimpleNamespace(tolerated=nullcontext)),
    )
    upkeep.begin(cron=False)
    found = []
    for _ in quiet:
        upkeep.run_due(None)
        found.append(upkeep.next_beat - now)
        now = upkeep.next_beat
    return found


def test_workers_that_become_idle_together_do_not_send_their_heartbeats_together(monkeypatch: pytest.MonkeyPatch) -> None:
    firsts = [intervals([True], monkeypatch)[0] for _ in range(50)]
    assert all(0.2 * QUIET <= one <= QUIET for one in firsts)
    assert max(firsts) - min(firsts) > QUIET / 4


def test_after_that_the_heartbeats_of_an_idle_worker_are_regular(monkeypatch: pytest.MonkeyPatch) -> None:
    found = intervals([True, True, False, False, True, True], monkeypatch)
    assert [found[place] for place in (1, 2, 3, 5)] == pytest.approx([QUIET, BUSY, BUSY, QUIET])
