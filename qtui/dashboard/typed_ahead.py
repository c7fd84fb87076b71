"""Keys typed before what an earlier key opens is there go to it; the rest of a word that answered a dialog goes nowhere."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Final

from textual import events
from textual.app import App

from qtui.screens.parts.dialog import Dialog

_OFTEN: Final = 0.005
"""Seconds between two looks whether what was opened takes keys."""
_PATIENCE: Final = 3.0
"""Seconds after which they are passed on in any case."""
_WORDS: Final = {"y": ("e", "s"), "n": ("o",)}
"""What people type as an answer although its first letter is enough, by that letter."""
_FLUENT: Final = 0.3
"""Seconds between two keys of a word, or from its end to Enter; Enter after one letter opens what is under the cursor."""


@dataclass(slots=True)
class _Answer:
    """An answer that was typed at a dialog."""

    rest: tuple[str, ...]
    """The keys that make it a word, as far as they have not come."""
    at: float
    """When its last key was pressed."""


class TypedAhead(App[None]):
    """The part of the App that passes keys on.

    Textual gives each key at once to what has the focus, also where an earlier key has not opened its screen yet: `/mail`
    typed at once would open a filter that stays empty, and do what `m`, `a`, `i` and `l` do on the screen below.
    """

    def __init__(self, *arguments: object, **options: object) -> None:
        super().__init__(*arguments, **options)  # type: ignore[arg-type]  # handed on as they are
        self._kept: list[events.Key] = []
        self._until = 0.0
        self._answer: _Answer | None = None
        self._held: list[events.Key] = []
        """Keys that are the rest of the answer, if what is still missing of the word follows."""

    @property
    def keys_wait(self) -> bool:
        """Whether keys wait for what an earlier one opens, or for the rest of a word."""
        return bool(self._kept or self._held)

    async def on_event(self, event: events.Event) -> None:
        """Note where a key goes; one that comes while others are kept waits behind them."""
        if isinstance(event, events.Key) and not event.is_forwarded:
            if self._kept:
                self._kept.append(event)
                return
            if await self._ends_answer(event):
                return
            event.given_to = self.screen  # type: ignore[attr-defined]  # a note of ours
        await super().on_event(event)

    async def _ends_answer(self, event: events.Key) -> bool:
        """Whether a key belongs to an answer that has closed its dialog: `es` after a `y`, and Enter after a whole word."""
        if isinstance(self.screen, Dialog) and self.screen.LETTERS:
            if event.key in _WORDS:
                self._answer = _Answer(_WORDS[event.key], event.time)
            return False
        answer = self._answer
        if answer is None:
            return False
        if event.time - answer.at <= _FLUENT:
            if event.key == "enter" and not answer.rest:
                self._answer, self._held = None, []
                return True
            if answer.rest and event.key == answer.rest[0]:
                answer.rest, answer.at = answer.rest[1:], event.time
                self._held = [*self._held, event] if answer.rest else []
                self.set_timer(_FLUENT, self._look_at_held)
                return True
        await self._let_go()
        return False

    async def _look_at_held(self) -> None:
        left = self._answer.at + _FLUENT - time.monotonic() if self._answer else 0.0
        if left > 0:
            self.set_timer(left, self._look_at_held)
        else:
            await self._let_go()

    async def _let_go(self) -> None:
        """It was no word: the keys that were held do what they do."""
        held, self._held, self._answer = self._held, [], None
        for event in held:
            await self.on_event(event)

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
