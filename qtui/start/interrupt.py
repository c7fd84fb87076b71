"""Ctrl-C while a command is loaded, or ends: it ends without a traceback, and the shell sees 130.

Python's own handler raises KeyboardInterrupt, also where nobody can catch it: in the middle of an import, or at the end.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # without types; `signal` itself makes enums of all its constants
from contextlib import suppress


def end_silently() -> bool:
    """From now on Ctrl-C ends the process at once, where Python's own handler would have raised; returns whether it would."""
    would = _signal.getsignal(_signal.SIGINT) is _signal.default_int_handler
    with suppress(ValueError):  # only the main thread may
        if would:
            _signal.signal(_signal.SIGINT, _signal.SIG_DFL)
    return would


_CHANGED = end_silently()  # when this is imported, the first of all modules of a command


def raise_again() -> None:
    """From now on it raises KeyboardInterrupt, as before."""
    with suppress(ValueError):
        if _CHANGED:
            _signal.signal(_signal.SIGINT, _signal.default_int_handler)
