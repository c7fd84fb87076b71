"""A module that takes seconds to import, as those do that load a model."""

from __future__ import annotations

import time

from tests.faults.jobs import start

time.sleep(6)

__all__ = ["late"]


def late(key: str) -> None:
    start(key)
