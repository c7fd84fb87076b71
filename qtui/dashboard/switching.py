"""Another connection in the same dashboard."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from textual.screen import Screen

from qtui.dashboard.views import Views
from qtui.lazy import Lazy
from qtui.places import PLACES
from qtui.presentation import labels
from qtui.screens.parts.resource import ResourceScreen
from qtui.shared.messages import ReachChanged
from qtui.shared.session import Session
from qtui_workers.errors import QtuiError
from qtui_workers.server import prefix
from qtui_workers.server.contexts import Connections, Context, choose, read_config

if TYPE_CHECKING:
    from qtui_workers.server import connection
else:
    connection = Lazy("qtui_workers.server.connection")

_BETWEEN: Final = "between"


class Switching(Views):
    """The part of the App that goes from one connection to another; each keeps its session, and what runs over it goes on."""

    session: Session
    """Of the connection that is shown."""
    sessions: dict[str, Session]
    """Of all connections that were shown, by their names."""

    next_context: Context | None = None
    """The connection with which a new process goes on, as the names of its keys are others."""

    async def action_switch(self, name: str, *, and_then: str = "") -> bool:
        """Show another connection of the config file, on the same top-level screen; whether that is done.

        The banner of the screen reports a server that is away, as ever. `and_then`: what is to be opened there.
        """
        try:
            session = self.sessions.get(name) or self._session(name)
        except QtuiError as error:
            self.notify(labels.sentence(error, name), severity="warning", markup=False)
            return False
        if not prefix.fits(session.context):
            self._go_on_anew(session, and_then)
            return False
        if session is not self.session:
            await self._enter(session)
        return True

    def _go_on_anew(self, session: Session, and_then: str) -> None:
        """End, so that a new process shows that connection."""
        running = next((each.running for each in self.sessions.values() if each.running), None)
        if running or and_then:
            why = f"Wait: {running.what} is under way." if running else f"Go to {session.name} first, then open {and_then} there."
            self.notify(f"{why} {session.name} has another key prefix.", severity="warning", markup=False)
            return
        session.memory.change(place=self.current_mode)
        session.close()
        self.next_context = session.context
        self.exit(return_code=0)

    def _session(self, name: str) -> Session:
        chosen = choose(None, name, read_config(Connections))
        return self.join(self.session.beside(chosen, lambda: connection.dial(chosen.target)))

    def join(self, session: Session) -> Session:
        """Hear from a session whether its server answers, in order that all its screens say the same."""
        session.reach.on_change = lambda: self.post_message(ReachChanged(session))
        return session

    def on_reach_changed(self, message: ReachChanged) -> None:
        """Also the screen below a dialog says it; those that are not on the stack do when they are seen again."""
        for screen in self.screen_stack:
            if isinstance(screen, ResourceScreen) and screen.is_mounted and screen.session is message.session:
                screen.reach_changed()

    async def _enter(self, session: Session) -> None:
        """Close every screen, as each belongs to its connection, and open them over this one."""
        mode = self.current_mode
        self.session = self.sessions[session.name] = session
        self.forget_views()
        self.add_mode(_BETWEEN, partial(Screen[None]))
        await self.switch_mode(_BETWEEN)
        for place in PLACES:
            await self.remove_mode(place.name)
            self.add_mode(place.name, place.screen)
        await self.switch_mode(mode)
        await self.remove_mode(_BETWEEN)
