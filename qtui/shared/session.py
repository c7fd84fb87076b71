"""What all screens share: the connection, the clock, the newest overview with its rates, and the operation that runs."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Protocol, cast

from qtui import connection_options
from qtui.broker.models import Overview
from qtui.broker.queues.throughput import Throughput
from qtui.broker.trash_room import USUAL, Rules
from qtui.lazy import Lazy
from qtui.preferences.memory import Memory
from qtui.preferences.settings import NOTHING_ADDED, Additions
from qtui.shared.reachability import Reach
from qtui.widgets.operation_line import OperationProgress
from qtui_workers.server.contexts import Context

if TYPE_CHECKING:
    import redis
    from textual.app import App

    from qtui.broker import audit, operations
    from qtui.broker.audit import Audit
    from qtui.broker.bulk.watch import Watch
    from qtui.broker.one_job import usual_durations
    from qtui.broker.one_job.usual_durations import Usuals
    from qtui.broker.operations import Operation, Report
    from qtui.broker.queues import figures, overview
else:
    audit, figures, operations, overview, usual_durations = (
        Lazy("qtui.broker.audit"),
        Lazy("qtui.broker.queues.figures"),
        Lazy("qtui.broker.operations"),
        Lazy("qtui.broker.queues.overview"),
        Lazy("qtui.broker.one_job.usual_durations"),
    )


@dataclass(slots=True)
class RunningOperation:
    """An operation that is being carried out; its thread writes the counts, the screens read them."""

    title: str
    summary: Callable[[Report], str]
    """What was done, as a sentence."""
    again: str = ""
    """The command that does the rest, if it is stopped; '' if there is none."""
    operation: Operation | None = None
    """None where it is no operation on jobs that were chosen."""
    done: int = 0
    total: int = 0
    """0 while the jobs are still being counted."""
    watch: Watch | None = None
    """Its jobs as far as they were tried; None before they were read, and where it deletes them."""
    step: str = ""
    """What it does or waits for, where that is more than working off its jobs."""
    stop: threading.Event = field(default_factory=threading.Event)
    """Set when the operator wants it to stop after the chunk that is under way."""
    outcome: Report | Exception | None = None
    """How it ended; None while it runs."""
    puts_back: bool = False
    """Whether ended jobs come back to where they were, though nobody has tried them again."""
    began: float = field(default_factory=time.monotonic)

    @property
    def what(self) -> str:
        """What it is, with its article: "a retry", "an undo"."""
        return f"{'an' if self.title[0] in 'AEIOU' else 'a'} {self.title.lower()}"

    @property
    def seconds(self) -> float:
        """For how long it has run."""
        return time.monotonic() - self.began

    @property
    def figures(self) -> OperationProgress:
        """What its line shows."""
        return OperationProgress(self.title, self.done, self.total, self.seconds, self.step, self.stop.is_set())

    def progressed(self, done: int, total: int) -> None:
        """So many jobs of so many have been worked off."""
        self.done, self.total = done, total

    def stepped(self, step: str) -> None:
        """It does or waits for something else."""
        self.step = step

    def ending(self) -> str:
        """How it ended, and how to go on, as a sentence."""
        if not isinstance(self.outcome, operations.Report):
            return f"{self.title} failed: {self.outcome}"
        left = self.outcome.matched > self.outcome.done and self.again and self.stop.is_set()
        return f"{self.summary(self.outcome)}{f'. To go on: {self.again}' if left else ''}"


class Session:
    """The state of the dashboard for one Redis, from its start to its end."""

    def __init__(
        self,
        context: Context,
        client: redis.Redis | Callable[[], redis.Redis],
        *,
        refresh_seconds: float | None = 1.0,
        clock: Callable[[], float] = time.time,
        trash: Rules = USUAL,
        own: Additions = NOTHING_ADDED,
        seen: Overview | None = None,
        memory: Memory | None = None,
    ) -> None:
        """`client`: a connection, or what makes it when it is first used. `seen`: an overview that was read already.

        `refresh_seconds` None: load only when the operator requests it. `clock` gives seconds since the epoch.

        `trash`: how removed jobs are kept. `own`: the user's links and commands. `memory`: what is known from runs before.
        """
        self.trash = trash
        self.own = own
        self.on_audit_trouble: Callable[[str], object] = lambda _text: None
        """Called, once and in a thread, with a sentence that says why a change could not be recorded."""
        self.context = context
        self._client = None if callable(client) else client
        self._dial = client if callable(client) else None
        self._dialling = threading.Lock()
        self.reach = Reach(context.name)
        """Whether the server answers."""
        self.refresh_seconds = refresh_seconds
        self.clock = clock
        self.throughput = Throughput()
        self._knows_before = False
        """Whether it was read what ended before the first overview."""
        self.overview: Overview | None = None
        """The newest overview, whichever screen loaded it."""
        self.loaded_at: float | None = None
        """When the newest overview was loaded, by this machine's clock; seconds since the epoch."""
        self.memory = memory or Memory()
        """What outlives the dashboard."""
        self.pipe = "jq ."
        """The program into which a payload was piped last, with its arguments."""
        self.leaving = False
        """Whether the dashboard is being left."""
        self.running: RunningOperation | None = None
        """The operation that runs, at most one at a time; None if none runs."""
        self._put_back = False
        """Whether an operation that puts jobs back where they were was running at the newest overview."""
        self.spread: str | None = None
        """The batch of the last retry that was spread over time, until jobs are removed."""
        self.watched: Watch | None = None
        """The jobs of the operation that runs, once it has begun with them, else of the last one; None before the first."""
        self.is_unseen = seen is not None
        """Whether what was read before there was a screen has not been shown yet."""
        if seen is not None:
            self.observe(seen)

    @property
    def client(self) -> redis.Redis:
        """The connection, for threads: at its first use it may have to be made. Raises what making it raises."""
        with self._dialling:
            if self._client is None:
                assert self._dial is not None
                self._client = self._dial()
            return self._client

    def beside(self, context: Context, client: Callable[[], redis.Redis]) -> Session:
        """A session for another connection, with the same preferences."""
        new = Session(
            context,
            client,
            refresh_seconds=self.refresh_seconds,
            clock=self.clock,
            trash=self.trash,
            own=self.own,
            memory=self.memory.beside(context.name),
        )
        new.on_audit_trouble = self.on_audit_trouble
        return new

    def close(self) -> None:
        """End the connection that was made here, and write what is remembered."""
        self.memory.write()
        if self._dial is not None and self._client is not None:
            self._client.close()

    @cached_property
    def audit(self) -> Audit:
        """Where changes are recorded."""
        return audit.Audit(self.context.name, lambda text: self.on_audit_trouble(text))

    @cached_property
    def usuals(self) -> Usuals:
        """What functions usually take."""
        return usual_durations.Usuals()

    @property
    def name(self) -> str:
        """The connection's name, as the operator knows it."""
        return self.context.name

    @property
    def here(self) -> str:
        """The options by which a command acts on the same connection, as the end of a command line."""
        return connection_options.suffix(self.context)

    @property
    def read_only(self) -> bool:
        """Whether nothing may be changed over this connection."""
        return self.context.read_only

    @property
    def server_now(self) -> float:
        """The server's clock at the newest overview; before the first, this machine's clock. Seconds since the epoch."""
        return self.overview.at if self.overview else self.clock()

    @property
    def server_clock(self) -> float:
        """The same, with what has gone by since then: also after a while in which nobody looked."""
        return self.server_now + (self.clock() - self.loaded_at if self.loaded_at is not None else 0.0)

    def load_overview(self) -> Overview:
        """The overview of this moment, for threads. Raises redis.RedisError."""
        return overview.load(self.client)

    def look_back(self, seen: Overview) -> None:
        """Find out, once, what ended before the first overview, for threads; `seen` is a newer one, or it.

        It is no part of a look, as its time says nothing of what later looks take. Raises redis.RedisError.
        """
        if not self._knows_before:
            at = self.overview.at if self.overview else seen.at
            self.throughput.remember((at, figures.just_ended(self.client, seen.queues, at)))
            self._knows_before = True

    def observe(self, loaded: Overview | None) -> Overview:
        """Keep an overview as the newest one; returns it with the rates calculated from it and the previous ones.

        None: the newest one stays. There has to be one then.
        """
        if loaded is None:
            assert self.overview is not None
            return self.overview
        now = self.running is not None and self.running.puts_back
        self.overview = self.throughput.feed(loaded, puts_back=now or self._put_back)
        self._put_back = now
        self.loaded_at = self.clock()
        return self.overview


class _OwnsSession(Protocol):
    session: Session


def session_of(app: App[object]) -> Session:
    """The session that the dashboard's App owns."""
    return cast(_OwnsSession, app).session
