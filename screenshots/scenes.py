"""The scenes of the pictures: a screen, reached by the keys that a person presses, at a size, in a theme."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any, Final

import redis
from textual import events
from textual.app import App
from textual.command import CommandPalette
from textual.keys import key_to_character
from textual.pilot import Pilot
from textual.screen import Screen

from qtui.broker.models import Overview, QueueRow
from qtui.broker.queues import overview
from qtui.broker.status import Status
from qtui.dashboard.app import QtuiApp
from qtui.dashboard.typed_ahead import TypedAhead
from qtui.screens.parts.resource import REST, ResourceScreen
from qtui.shared.session import Session
from qtui_workers.records import replace
from qtui_workers.server.connection import Target
from qtui_workers.server.contexts import Context
from screenshots.keyspace import NOW

Size = tuple[int, int]

SMALL: Final = (80, 24)
LARGE: Final = (200, 60)
README: Final = (120, 30)

CALM: Final = 3
"""Turns of the loop in a row without news after which none is to be expected."""


@dataclass(frozen=True, slots=True)
class Scene:
    """What is pressed, one key after the other, until the picture is taken."""

    name: str
    keys: tuple[str, ...] = ()
    size: Size = README
    theme: str = "qtui-dark"

    async def play(self, pilot: Pilot[Any]) -> None:
        """Press the keys, each time waiting until all that it brings is shown."""
        await settle(pilot)
        for key in self.keys:
            await press(pilot, key)


_FAILED: Final = ("j", "enter")
_QUEUED: Final = (*_FAILED, "shift+tab", "shift+tab")
_BUILD: Final = ("4", "j", "j", "j", "j")

SCENES: Final = {
    scene.name: scene
    for scene in (
        Scene("queues", ("j",)),
        Scene("queued", _QUEUED),
        Scene("failed", _FAILED),
        Scene("finished", (*_QUEUED, "shift+tab", "shift+tab")),
        Scene("failures", ("3",)),
        Scene("filter", (*_FAILED, "slash", *"error:Timeout age<1h -func:re")),
        Scene("filtered", (*_FAILED, "slash", *"error:Timeout took>1s", "enter")),
        Scene("contents", (*_FAILED, "b", "tab", "tab", "tab")),
        Scene("failed-job", (*_FAILED, "enter")),
        Scene("running-job", (*_BUILD, "enter")),
        Scene("live", _BUILD),
        Scene("tail", (*_BUILD, "t")),
        Scene("stream", ("4", "N", "slash", *"queue:payments", "enter")),
        Scene("workers", ("5",)),
        Scene("schedule", ("6",)),
        Scene("limits", ("7",)),
        Scene("enqueue", ("8",)),
        Scene("confirm", (*_FAILED, "a", "R")),
        Scene("move", (*_QUEUED, "M", *"bulk", "enter")),
        Scene("pause", ("j", "P")),
        Scene("help", ("question_mark",)),
    )
}


async def settle(pilot: Pilot[Any]) -> None:
    """Return when every thread has ended and what it found is shown.

    `pause(0)` lets every widget work off the messages that it has: only then is it seen whether they brought others. Where the
    App has ended by an exception, which `run_test` raises, it returns at once.
    """
    calm = 0
    while calm < CALM and pilot.app._exception is None:
        calm += 1
        if running := [worker for worker in pilot.app.workers if not worker.is_finished]:
            await asyncio.gather(*(worker.wait() for worker in running), return_exceptions=True)
            calm = 0
        elif _has_work(pilot.app):
            await pilot.pause(0)
            calm = 0
        elif _is_waiting(pilot.app):
            await asyncio.sleep(REST)
            calm = 0
        else:
            await asyncio.sleep(0)
            pilot.app.screen._on_timer_update()  # a frame, as `pause` ends with


def _is_waiting(app: App[Any]) -> bool:
    """Whether something comes by itself in a moment: a key, what is not sent yet, a list at rest, or the palette.

    The palette is unseen until it has searched.
    """
    if app._batch_count or (isinstance(app, TypedAhead) and app.keys_wait):
        return True
    screen: Screen[Any] = app.screen
    if isinstance(screen, CommandPalette):
        return not screen.has_class("-ready")
    return isinstance(screen, ResourceScreen) and screen.awaits_rest


def _has_work(app: App[Any]) -> bool:
    """Whether something is left to do: a widget that handles a message or has others, a frame to come, or what the loop has."""
    screen: Screen[Any] = app.screen
    loop: Any = asyncio.get_running_loop()
    return bool(screen._callbacks or loop._ready) or any(
        pump._next_callbacks or not pump._message_queue.empty() or not pump._message_queue.ready_event._waiters
        for pump in (app, *screen.walk_children(with_self=True))
    )


async def press(pilot: Pilot[Any], key: str) -> None:
    """Press a key, and return when all that it brings is shown; `Pilot.press` waits for an idle processor instead."""
    pilot.app.post_message(events.Key(key, key_to_character(key)))
    await settle(pilot)


def make_app(client: redis.Redis, theme: str = "qtui-dark") -> QtuiApp:
    """A dashboard that has been open for ten minutes; it loads only on request, and its clock stands still."""
    context = Context("prod-eu", Target("", "prod-eu"))
    app = QtuiApp(Session(context, client, refresh_seconds=None, clock=lambda: NOW), theme=theme)
    app.animation_level = "none"
    seen = overview.load(client)
    for seconds in range(600, 0, -10):
        app.session.throughput.feed(_earlier(seen, seconds))
    return app


async def take(scene: Scene, client: redis.Redis) -> str:
    """The picture of a scene, as SVG."""
    app = make_app(client, scene.theme)
    async with app.run_test(size=scene.size) as pilot:
        await scene.play(pilot)
        return app.export_screenshot(title="qtui", simplify=True)


@dataclass(frozen=True, slots=True)
class _Flow:
    """How a queue went in the last ten minutes."""

    growth: float
    """How many more jobs a second entered than ended."""
    ended: tuple[int, ...]
    """Jobs a minute that ended, by spans of 30 seconds, the newest last."""


_FLOWS: Final = {
    "payments": _Flow(27.9, tuple(range(90, 710, 32))),
    "publishing-builds": _Flow(0.0, (6, 6, 0, 6, 12, 6, 6, 6, 0, 6) * 2),
    "mail": _Flow(0.0, (180, 186, 174, 180, 180, 192, 180, 174, 180, 180) * 2),
}


def _earlier(seen: Overview, seconds: int) -> Overview:
    """What a look would have found that long ago."""
    return replace(seen, at=seen.at - seconds, queues=tuple(_shrunk(row, seconds) for row in seen.queues))


def _shrunk(row: QueueRow, seconds: int) -> QueueRow:
    flow = _FLOWS.get(row.name)
    if flow is None:
        return row
    ended = sum(flow.ended[-1 - past // 30] / 6 for past in range(0, seconds, 10))
    gone = {Status.FINISHED: round(ended), Status.QUEUED: round(flow.growth * seconds)}
    return replace(row, counts={status: number - gone.get(status, 0) for status, number in row.counts.items()})
