"""What escape does on every screen: it undoes the innermost thing first, and goes back when there is nothing left to undo."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.screen import Screen

from qtui.places import PLACES
from qtui.widgets.row_table import RowTable


class GoingBack(Screen[None]):
    """A screen that escape leaves. A subclass says how what it has beside marks ends; each answers whether there was any."""

    HOME: ClassVar[str] = ""
    """The part that has the keys at first, where others can have them too: a selector."""
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "back", "Back", show=False, id="screen.back")]

    def unmark(self) -> bool:
        """Take all marks away."""
        marked = [table for table in self.query(RowTable) if table.marked]
        for table in marked:
            table.action_unmark_all()
        return bool(marked)

    def end_search(self) -> bool:
        """Look no longer for what `n` goes to."""
        return False

    def end_filter(self) -> bool:
        """Hide no longer what was hidden on this screen."""
        return False

    def _go_home(self) -> bool:
        """Give the keys back to the part that has them at first."""
        home = self.query(self.HOME).first() if self.HOME else None
        if home is None or home.has_focus:
            return False
        home.focus()
        return True

    def action_back(self) -> None:
        """Undo the innermost thing; else go back to the screen below, from a top-level one to the first of them.

        Not where a key before has left the screen.
        """
        if self.app.screen is not self:
            return
        if any(undo() for undo in (self.unmark, self.end_search, self.end_filter, self._go_home)):
            return
        if len(self.app.screen_stack) > 1:
            self.app.pop_screen()
        else:
            self.app.switch_mode(PLACES[0].name)
