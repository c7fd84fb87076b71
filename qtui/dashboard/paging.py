"""Showing a text in the operator's pager."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Final

from textual.app import App, SuspendNotSupported

from qtui.lazy import Lazy
from qtui.shared.messages import PagerRequested
from qtui_workers.errors import QtuiError
from qtui_workers.text import printable

if TYPE_CHECKING:
    from qtui.dashboard import pager
else:
    pager = Lazy("qtui.dashboard.pager")

TYPED_BEFORE: Final = 0.3
"""Seconds after the pager has ended in which keys that were typed before it began are worked off."""


class Paging(App[None]):
    """The part of the App that shows a text in a pager."""

    _paged_at = -TYPED_BEFORE

    def on_pager_requested(self, message: PagerRequested) -> None:
        """Give the terminal back, run the pager until it is left, and take the terminal again."""
        if time.monotonic() - self._paged_at < TYPED_BEFORE:
            return
        try:
            words = pager.command(os.environ)
            with self.suspend():
                problem = pager.page(words, message.text)
        except SuspendNotSupported:
            problem = "There is no terminal here for a pager; the palette (:) saves the pane as a file."
        except QtuiError as error:
            problem = f"{error}."
        self._paged_at = time.monotonic()
        if problem:
            self.notify(printable(problem, 300), severity="warning", markup=False)
