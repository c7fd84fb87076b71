"""Records of lines that are written for every job: as logging makes them."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from qtui_workers.reporting.quick_records import Origin, quick_record

LOG = logging.getLogger("tests.quick")
PLACE = Origin(LOG.name, logging.WARNING, __file__, 7, "told")
FIELDS = {"job": "a", "status": "started"}
CLOCKS = ("created", "msecs", "relativeCreated")


def both(message: str, *values: object) -> tuple[dict[str, Any], dict[str, Any]]:
    """The attributes of such a record, and of the one that logging makes."""
    quick = quick_record(LOG, PLACE, message, values, FIELDS)
    usual = LOG.makeRecord(LOG.name, logging.WARNING, __file__, 7, message, values, None, "told", FIELDS)
    assert quick.getMessage() == usual.getMessage()
    return vars(quick), vars(usual)


@pytest.fixture
def factory() -> Iterator[None]:
    def made(*arguments: Any, **named: Any) -> logging.LogRecord:
        record = usual(*arguments, **named)
        record.tenant = "t1"
        return record

    usual = logging.getLogRecordFactory()
    logging.setLogRecordFactory(made)
    yield
    logging.setLogRecordFactory(usual)


def test_it_has_the_attributes_of_any_record() -> None:
    for number in range(3):
        quick, usual = both("%s begins, %d", "job", number)
        for clock in CLOCKS:
            assert 0 <= (usual.pop(clock) - quick.pop(clock)) % 1000 < 100
        assert quick == usual


def test_it_names_the_thread_that_it_comes_from() -> None:
    both("here")
    found: list[str] = []
    thread = threading.Thread(target=lambda: found.append(both("there")[0]["threadName"]), name="another")
    thread.start()
    thread.join()
    assert found == ["another"]


@pytest.mark.usefixtures("factory")
def test_what_makes_records_can_be_replaced() -> None:
    quick, _ = both("begins")
    assert quick["tenant"] == "t1"
