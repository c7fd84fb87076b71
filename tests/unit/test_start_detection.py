"""When a function is seen to have begun: never before its own first instruction."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest

from qtui_workers.engine.execution.start_detection import _has_begun, start_detected


def test_the_start_is_reported_once_while_the_function_runs() -> None:
    told = threading.Event()
    times: list[bool] = []

    def tell() -> None:
        times.append(begun)
        told.set()

    def job() -> bool:
        nonlocal begun
        begun = True
        return told.wait(10)

    begun = False
    with start_detected(job, tell):
        assert job()
    assert times == [True]


def test_what_is_raised_inside_is_passed_on_and_no_start_is_reported_afterwards() -> None:
    times: list[int] = []

    def job() -> None:
        raise ValueError("as told")

    with pytest.raises(ValueError, match="as told"), start_detected(job, lambda: times.append(1)):
        job()
    for thread in threading.enumerate():
        if thread.name == "watches the start":
            thread.join(10)
    assert times == []


def test_what_is_not_written_in_python_is_not_watched() -> None:
    before = threading.active_count()
    with start_detected(len, lambda: pytest.fail("told")):
        assert threading.active_count() == before


def plain(seen: list[bool]) -> None:
    seen.append(_has_begun(sys._getframe(), plain.__code__))


def closing(seen: list[bool]) -> None:
    def inner() -> bool:
        return bool(seen) or _has_begun(sys._getframe(), closing.__code__)

    seen.append(inner())


def generating(seen: list[bool]) -> None:
    seen.extend(_has_begun(sys._getframe(), generating.__code__) for _ in range(1))


@pytest.mark.parametrize("function", [plain, closing, generating])
def test_a_function_that_is_only_just_entered_has_not_begun(function: Callable[[list[bool]], Any]) -> None:
    entered: list[bool] = []

    def trace(frame: FrameType, event: str, _: Any) -> None:
        if event == "call" and frame.f_code is function.__code__:
            entered.append(_has_begun(frame, function.__code__))

    seen: list[bool] = []
    before = sys.gettrace()
    sys.settrace(trace)
    function(seen)
    sys.settrace(before)
    assert (entered, seen) == ([False], [True])
    assert not _has_begun(sys._getframe(), function.__code__)
