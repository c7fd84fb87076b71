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


class Wait:
    """For how long a look has waited for the server; widgets that show it hold no screen by it."""

    def __init__(self) -> None:
        self._since: float | None = None

    def begin(self) -> None:
        """A request was sent to the server."""
        self._since = time.monotonic()

    def end(self) -> None:
        """It has answered, or it will not."""
        self._since = None

    def seconds(self) -> float:
        """Seconds since the request was sent; 0 where no answer is awaited."""
        since = self._since
        return 0.0 if since is None else time.monotonic() - since


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
