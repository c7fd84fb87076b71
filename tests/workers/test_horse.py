"""The process that runs jobs."""

from __future__ import annotations

import os

import pytest

from qtui_workers.engine.horse import Horse


def test_a_horse_has_a_group_of_its_own_before_anybody_can_kill_it() -> None:
    for _ in range(20):
        horse = Horse(lambda _claim, _tell_start: pytest.fail("nothing is run"), lambda: None)
        group = os.getpgid(horse.pid)
        horse.end()
        assert group == horse.pid != os.getpgrp()
