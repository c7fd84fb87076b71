"""What all screens share: the connection, the clock, the newest overview with its rates, and the operation that runs."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol, cast

import redis
from textual.app import App

from qtui.broker.models import Overview
from qtui.broker.operations import Operation
from qtui.broker.operations.selection import Targets
from qtui.broker.throughput import Throughput
from qtui.broker.watch import Watch
from qtui_workers.server.contexts import Context


@dataclass(slots=True)
class RunningOperation:
    """An operation that is being carried out; its thread writes the counts, the screens read them."""

    operation: Operation
    done: int = 0
    total: int = 0
    """0 while the jobs are still being counted."""
    targets: tuple[Targets, ...] = ()
    """The jobs, once they were read."""
    stop: threading.Event = field(default_factory=threading.Event)
    """Set when the operator wants it to stop after the chunk that is under way."""


class Session:
    """The state of the dashboard for one Redis, from its start to its end."""

    def __init__(
        self,
        context: Context,
        client: redis.Redis,
        *,
        refresh_seconds: float | None = 1.0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`refresh_seconds` None: load only when the operator requests it. `clock` gives seconds since the epoch."""
        self.context = context
        self.client = client
        self.refresh_seconds = refresh_seconds
        self.clock = clock
        self.throughput = Throughput()
        self.overview: Overview | None = None
        """The newest overview, whichever screen loaded it."""
        self.loaded_at: float | None = None
        """When the newest overview was loaded, by this machine's clock; seconds since the epoch."""
        self.filters: list[str] = []
        """The filters that were typed, the newest last."""
        self.running: RunningOperation | None = None
        """The operation that runs, at most one at a time; None if none runs."""
        self.watched: Watch | None = None
        """The jobs of the last operation; None before the first, or where it deleted them."""

    @property
    def name(self) -> str:
        """The connection's name, as the operator knows it."""
        return self.context.name

    @property
    def read_only(self) -> bool:
        """Whether nothing may be changed over this connection."""
        return self.context.read_only

    @property
    def guarded(self) -> bool:
        """Whether a change of jobs is confirmed by their number, however few they are."""
        return self.context.guarded

    @property
    def server_now(self) -> float:
        """The server's clock at the newest overview; before the first, this machine's clock. Seconds since the epoch."""
        return self.overview.at if self.overview else self.clock()

    def observe(self, loaded: Overview | None) -> Overview:
        """Keep an overview as the newest one; returns it with the rates calculated from it and the previous ones.

        None: the newest one stays. There has to be one then.
        """
        if loaded is None:
            assert self.overview is not None
            return self.overview
        self.overview = self.throughput.feed(loaded)
        self.loaded_at = self.clock()
        return self.overview


class _OwnsSession(Protocol):
    session: Session


def session_of(app: App[object]) -> Session:
    """The session that the dashboard's App owns."""
    return cast(_OwnsSession, app).session
