"""What a worker waits for: a signal, a command, its horse, and changes of the queues."""

from __future__ import annotations

import select
from typing import Any, Final

from qtui_workers.engine.commands import Commands
from qtui_workers.engine.execution.horse import Horse
from qtui_workers.engine.pulse import Pulse
from qtui_workers.engine.queue_watch import QueueWatch
from qtui_workers.engine.shutdown import Shutdown

_LONGEST: Final = 3600.0
"""Seconds that one wait may take."""


class Wakeups:
    """Waits, in the worker's only thread, until one of these happens, and handles it."""

    def __init__(self, shutdown: Shutdown, commands: Commands, watch: QueueWatch, pulse: Pulse) -> None:
        """`pulse` notes each wait."""
        self._shutdown = shutdown
        self._commands = commands
        self._watch = watch
        self._pulse = pulse

    def wait(self, seconds: float, horse: Horse | None = None) -> bool:
        """Waits at most so many seconds; returns whether the horse has an answer. With a horse it does not wait for queues."""
        commands = self._commands.socket()
        queues = None if horse else self._watch.fileno()
        sources: list[Any] = [one for one in (self._shutdown, horse, commands, queues) if one is not None]
        seconds = max(0.0, min(seconds, _LONGEST))
        self._pulse.turn(seconds)
        ready, _, _ = select.select(sources, [], [], seconds)
        if self._shutdown in ready:
            self._shutdown.acknowledge()
        if commands in ready:
            self._commands.receive()
        if queues in ready:
            self._watch.receive()
        return horse is not None and horse in ready
