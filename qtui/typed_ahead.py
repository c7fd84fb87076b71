"""Keys that are typed before what an earlier key opens is there: they go to it, in their order."""

from __future__ import annotations

import time
from typing import Final

from textual import events
from textual.app import App

_OFTEN: Final = 0.005
"""Seconds between two looks whether what was opened takes keys."""
_PATIENCE: Final = 3.0
"""Seconds after which they are passed on in any case."""


class TypedAhead(App[None]):
    """The part of the App that passes keys on.

    Textual gives each key at once to what has the focus, also where an earlier key has not opened its screen yet: `/mail`
    typed at once would open a filter that stays empty, and do what `m`, `a`, `i` and `l` do on the screen below.
    """

    def __init__(self, *arguments: object, **options: object) -> None:
        super().__init__(*arguments, **options)  # type: ignore[arg-type]  # handed on as they are
        self._kept: list[events.Key] = []
        self._until = 0.0

    @property
    def keys_wait(self) -> bool:
        """Whether keys wait for what an earlier one opens."""
        return bool(self._kept)

    async def on_event(self, event: events.Event) -> None:
        """Note where a key goes; one that comes while others are kept waits behind them."""
        if isinstance(event, events.Key) and not event.is_forwarded:
            if self._kept:
                self._kept.append(event)
                return
            event.given_to = self.screen  # type: ignore[attr-defined]  # a note of ours
        await super().on_event(event)

    def on_key(self, event: events.Key) -> None:
        """A key that nobody has used on a screen that is no longer the one on top was meant for the one that is."""
        if getattr(event, "given_to", self.screen) is not self.screen:
            event.prevent_default()
            event.stop()
            self._kept.append(event)
            if len(self._kept) == 1:
                self._until = time.monotonic() + _PATIENCE
                self.set_timer(_OFTEN, self._pass_on)

    async def _pass_on(self) -> None:
        if not self.screen_stack:  # an earlier key has ended the dashboard
            return
        if self.focused is None and time.monotonic() < self._until:  # what was opened is not laid out yet
            self.set_timer(_OFTEN, self._pass_on)
            return
        kept, self._kept = self._kept, []
        for event in kept:
            again = events.Key(event.key, event.character)
            again.time = event.time  # a dialog ignores what was typed before it was seen
            await self.on_event(again)
