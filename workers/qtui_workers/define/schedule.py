"""When a processor runs by itself: the times of a cron expression, or of an interval."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Final
from zoneinfo import ZoneInfo

from qtui_workers.define.cron_ticks import CronTicks
from qtui_workers.define.durations import checked
from qtui_workers.errors import InvalidInput
from qtui_workers.text import printable

_BY_CHANCE: Final = re.compile(r"(?<![a-z])[hr](?![a-z])", re.IGNORECASE)
"""`H` and `R` of croniter: random times, which every worker would choose differently."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """Times that repeat: the ticks of a cron expression, or of an interval.

    A tick is a time in whole seconds since 1970 (UTC), and the same on every machine: those of an interval are its whole
    multiples since 1970, so that `every=3600` means each full hour and `every=86400` midnight UTC.

    Raises InvalidInput unless exactly one of `cron` and `every` is given, and it is valid.
    """

    cron: str | None = None
    """Five fields, six with seconds last, or a name such as `@hourly`; read by croniter, as RQ does.

    Where the clock is changed, every time of the day takes place once: one that the clock passes over when it is set
    forward, at that moment; one that it shows twice when it is set back, the first time. An expression whose minute or hour
    begins with `*` names no times of the day: it goes on, through both of such hours.
    """
    every: timedelta | None = None
    """Whole seconds, at least one."""
    timezone: str = "UTC"
    """The time zone of the expression, such as `Europe/Berlin`."""

    def __post_init__(self) -> None:
        if (self.cron is None) == (self.every is None):
            raise InvalidInput("give either cron='0 * * * *' or every=3600 (seconds)")
        if self.every is not None and checked(self.every, "every", least=1) % timedelta(seconds=1):
            raise InvalidInput(f"every must be whole seconds, not {self.every.total_seconds():g}")
        if self.cron is not None:
            _check_cron(self.cron, _zone(self.timezone))

    def __str__(self) -> str:
        if self.cron is None:
            return f"every {self._step} s"
        return self.cron if self.timezone == "UTC" else f"{self.cron} ({self.timezone})"

    def next(self, after: float) -> int | None:
        """The first tick later than that time; None where no tick is left."""
        if self.cron is None:
            return (math.floor(after) // self._step + 1) * self._step
        return _ticks(self.cron, self.timezone).next(math.floor(after))

    def last(self, at: float) -> int | None:
        """The latest tick that is not later than that time; None where there was none."""
        if self.cron is None:
            return math.floor(at) // self._step * self._step
        return _ticks(self.cron, self.timezone).last(math.floor(at))

    @property
    def _step(self) -> int:
        assert self.every is not None
        return int(self.every.total_seconds())


@cache
def _ticks(cron: str, timezone: str) -> CronTicks:
    return CronTicks(cron, _zone(timezone))


@cache
def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise InvalidInput(f"there is no timezone '{printable(name, 60)}': write one such as UTC or Europe/Berlin") from None


def _check_cron(text: str, zone: ZoneInfo) -> None:
    if _BY_CHANCE.search(text):
        raise InvalidInput(f"cron '{printable(text, 60)}' leaves its times to chance: write them out, without H and R")
    from croniter import CroniterBadDateError, croniter  # only for processors with cron jobs

    try:
        croniter(text, datetime.now(zone)).get_next(float)
    except CroniterBadDateError:
        raise InvalidInput(f"cron '{printable(text, 60)}' never comes: there is no such date ahead") from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        reason = printable(str(error), 120)
        raise InvalidInput(f"'{printable(text, 60)}' is no cron expression, such as '0 * * * *' ({reason})") from None
