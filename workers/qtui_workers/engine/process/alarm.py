"""RQ's timeout of a job, set and lifted in a tenth of the time: twice a job."""

from __future__ import annotations

import signal
from typing import Final

from rq.timeouts import UnixSignalDeathPenalty

try:
    # What `signal.signal` calls: around it, that looks the handler up among the members of an enum, before and after.
    from _signal import signal as _set_handler  # type: ignore[import-not-found]  # CPython's own; typeshed does not have it
except ImportError:
    from signal import signal as _set_handler

_ALARM: Final = int(signal.SIGALRM)
_DEFAULT: Final = int(signal.SIG_DFL)


class Alarm(UnixSignalDeathPenalty):
    """As RQ's."""

    def setup_death_penalty(self) -> None:
        """Has the exception raised once the time is over."""
        _set_handler(_ALARM, self.handle_death_penalty)
        signal.alarm(self._timeout)

    def cancel_death_penalty(self) -> None:
        """Lifts that."""
        signal.alarm(0)
        _set_handler(_ALARM, _DEFAULT)
