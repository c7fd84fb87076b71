"""The process that runs jobs."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import NoReturn

import pytest

from qtui_workers.engine.execution.horse import CannotStart, Horse, HorseDied


def test_a_horse_has_a_group_of_its_own_before_anybody_can_kill_it() -> None:
    for _ in range(20):
        horse = Horse(lambda _claim, _tell_start: pytest.fail("nothing is run"), lambda: None)
        group = os.getpgid(horse.pid)
        horse.end()
        assert group == horse.pid != os.getpgrp()


def test_a_fork_that_fails_leaves_no_descriptor_open(monkeypatch: pytest.MonkeyPatch) -> None:
    def fork() -> NoReturn:
        raise OSError(errno.ENOMEM, os.strerror(errno.ENOMEM))

    monkeypatch.setattr(os, "fork", fork)
    before = len(list(Path("/proc/self/fd").iterdir()))
    with pytest.raises(CannotStart, match=r"^Cannot allocate memory$"):
        Horse(lambda _claim, _tell_start: pytest.fail("nothing is run"), lambda _: True)
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_a_horse_that_does_not_answer_is_not_waited_for_without_end() -> None:
    horse = Horse(lambda _claim, _tell_start: pytest.fail("nothing is run"), lambda _: True, patience=0.05)
    try:
        with pytest.raises(HorseDied):
            horse.receive()
    finally:
        horse.end()
