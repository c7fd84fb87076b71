"""The view before, with one key: what was open, opened again."""

from __future__ import annotations

from typing import Any, ClassVar, NamedTuple

from textual.app import App
from textual.binding import Binding, BindingType

from qtui.screens.parts.resource import ResourceScreen
from qtui.shared.messages import ViewShown
from qtui.shared.session import Session


class View(NamedTuple):
    """What the dashboard shows."""

    mode: str
    """The top-level screen …"""
    opened: tuple[tuple[type[ResourceScreen[Any, Any]], tuple[Any, ...]], ...]
    """… and what was opened from it, one over the other: each with what it was made with."""


class Views(App[None]):
    """The part of the App that goes back to the view before, and forward again, as `cd -` does."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("minus", "view_before", "Before", show=False, key_display="-", id="app.view_before",
                tooltip="The view before this one; again: back to this one"),
    ]  # fmt: skip
    session: Session
    """Of the connection that is shown."""
    _here: View | None = None
    _before: View | None = None

    def on_view_shown(self, _: ViewShown) -> None:
        """Note which view this is, and which one was before it."""
        if self.current_mode != self.session.memory.now.place:
            self.session.memory.change(place=self.current_mode)
        opened = self.screen_stack[1:]
        known = tuple((type(screen), screen.made_with) for screen in opened if isinstance(screen, ResourceScreen))
        view = View(self.current_mode, known)
        if len(known) == len(opened) and view != self._here:
            self._before, self._here = self._here, view

    def forget_views(self) -> None:
        """There is no view before the next one."""
        self._here = self._before = None

    async def action_open_place(self, name: str) -> None:
        """Open a top-level screen; what was opened from it before is closed, as is what lies over the screen that is left."""
        await self._close_above()
        await self.switch_mode(name)
        await self._close_above()

    async def _close_above(self) -> None:
        while len(self.screen_stack) > 1:
            await self.pop_screen()

    async def action_view_before(self) -> None:
        """Open the view before this one."""
        if (view := self._before) and isinstance(self.screen, ResourceScreen):
            await self.action_open_place(view.mode)
            for kind, given in view.opened:
                await self.push_screen(kind(*given))
