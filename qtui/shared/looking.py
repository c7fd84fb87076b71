"""One look at Redis: what a screen shows, and beside it, over a connection of its own, the overview."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Generic, TypeVar

from qtui.broker.models import Overview

Data = TypeVar("Data")
Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Look(Generic[Data]):
    """What was read."""

    overview: Overview | None
    """None where the newest one was new enough."""
    data: Data
    cost: float
    """Seconds of the processor that it took; to wait for the server takes none."""


def look(load: Callable[[], Data], overview: Callable[[], Overview] | None) -> Look[Data]:
    """Both at the same time, so that a distant server is waited for once. Raises what either raises."""
    if overview is None:
        data, cost = _measured(load)
        return Look(None, data, cost)
    with ThreadPoolExecutor(1, "overview") as pool:
        coming = pool.submit(_measured, overview)
        data, cost = _measured(load)
        seen, more = coming.result()
    return Look(seen, data, cost + more)


def _measured(work: Callable[[], Value]) -> tuple[Value, float]:
    began = time.thread_time()
    return work(), time.thread_time() - began
