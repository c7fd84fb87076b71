"""What an attempt used: memory at its peak, and processor time."""

from __future__ import annotations

import resource
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_UNIT: Final = 1 if sys.platform == "darwin" else 1024
"""Bytes of `ru_maxrss` (getrusage(2))."""
_NOISE: Final = 1024 * 1024
"""Bytes by which the peak may rise before it is set back."""
_RESET: Final = Path("/proc/self/clear_refs")
_PEAK: Final = "5"
"""Written there, it sets the peak back to what the process holds now (proc(5))."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What one attempt used, with the processes that it has started and waited for."""

    peak_memory: int | None
    """Bytes of the largest of these processes at its peak; None where that is not known."""
    cpu: float
    """Seconds."""

    @property
    def text(self) -> str:
        """As it is written beside a result: bytes, "-" where they are not known, and seconds."""
        return f"{'-' if self.peak_memory is None else self.peak_memory} {self.cpu:.6f}"

    @classmethod
    def of_ended(cls, ended: resource.struct_rusage, earlier: float) -> Usage:
        """What a process used that has ended (wait4(2)), without the processor seconds of earlier attempts."""
        return cls(ended.ru_maxrss * _UNIT, max(0.0, _seconds(ended) - earlier))


class Meter:
    """Measures the attempts that run in this process, one after the other.

    The kernel keeps one peak for a process: it is set back after an attempt that raised it.
    """

    def __init__(self) -> None:
        self._is_high = False
        self._can_reset = True
        self._floor: int | None = None
        """The peak when it was set back last."""
        self._begin = self._begin_children = resource.getrusage(resource.RUSAGE_SELF)

    def begin(self) -> None:
        """Called when an attempt begins."""
        if self._is_high and self._can_reset:
            try:
                _RESET.write_text(_PEAK)
                self._is_high, self._floor = False, None
            except OSError:
                self._can_reset = False
        self._begin = resource.getrusage(resource.RUSAGE_SELF)
        self._floor = self._begin.ru_maxrss if self._floor is None else self._floor
        self._begin_children = resource.getrusage(resource.RUSAGE_CHILDREN)

    def end(self) -> Usage:
        """What was used since `begin`."""
        own, children = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
        peaks = [own.ru_maxrss] if own.ru_maxrss > self._begin.ru_maxrss or not self._is_high else []
        if children.ru_maxrss > self._begin_children.ru_maxrss:
            peaks.append(children.ru_maxrss)
        self._is_high = (own.ru_maxrss - (self._floor or 0)) * _UNIT > _NOISE
        cpu = _seconds(own) + _seconds(children) - _seconds(self._begin) - _seconds(self._begin_children)
        return Usage(max(peaks) * _UNIT if peaks else None, max(0.0, cpu))


def _seconds(usage: resource.struct_rusage) -> float:
    return usage.ru_utime + usage.ru_stime
