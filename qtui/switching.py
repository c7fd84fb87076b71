"""Another connection in the same dashboard."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from textual.screen import Screen

from qtui import labels
from qtui.late import Late
from qtui.places import PLACES
from qtui.session import Session
from qtui.views import Views
from qtui_workers.errors import QtuiError
from qtui_workers.server.contexts import Connections, choose, read_config

if TYPE_CHECKING:
    from qtui_workers.server import connection
else:
    connection = Late("qtui_workers.server.connection")

_BETWEEN: Final = "between"


class Switching(Views):
    """The part of the App that goes from one connection to another; each keeps its session, and what runs over it goes on."""

    session: Session
    """Of the connection that is shown."""
    sessions: dict[str, Session]
    """Of all connections that were shown, by their names."""

    async def action_switch(self, name: str) -> bool:
        """Show another connection of the config file, on the same top-level screen; whether that is done.

        A server that is away is said as ever, by the banner of the screen.
        """
        try:
            session = self.sessions.get(name) or self._session(name)
        except QtuiError as error:
            self.notify(labels.sentence(error, name), severity="warning", markup=False)
            return False
        if session is not self.session:
            await self._enter(session)
        return True

    def _session(self, name: str) -> Session:
        chosen = choose(None, name, read_config(Connections))
        return self.session.beside(chosen, lambda: connection.dial(chosen.target))

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
