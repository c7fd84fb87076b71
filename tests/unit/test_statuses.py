"""The table of statuses is RQ's, and complete on both sides."""

from __future__ import annotations

from rq.job import JobStatus

from qtui.broker.status import COUNTED, LOOKS, STATUSES
from qtui_workers.statuses import FACTS, Status, parse


def test_the_statuses_are_those_of_rq() -> None:
    assert {status.value for status in Status} == {status.value for status in JobStatus}
    assert all(parse(status.value) is status for status in Status)
    assert [parse(text) for text in (None, "", "FAILED", "lost")] == [None] * 4


def test_every_status_has_a_look_of_its_own() -> None:
    assert list(LOOKS) == [status.value for status in STATUSES]
    assert set(STATUSES) == set(Status)
    assert len({look.glyph for look in STATUSES.values()}) == len(Status)


def test_the_facts_agree_with_each_other() -> None:
    for status in Status:
        assert all(hasattr(status, fact) for fact in FACTS)
        assert (status.registry is not None) == (status.place in ("registry", "failed registry"))
        assert status.ended or status.outcome is None
        assert status.failed == (status.outcome == "failed")
        assert [status.waits, status.runs, status.ended].count(True) == (status.phase != "created")
    registries = [status.registry for status in COUNTED if status.registry]
    assert len(set(registries)) == len(registries)
