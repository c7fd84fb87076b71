"""The times of a cron expression in a time zone whose clock is set forward and back."""

from __future__ import annotations

from bisect import bisect_left
from datetime import UTC, datetime
from typing import Final
from zoneinfo import ZoneInfo

_DAY: Final = 86_400


class CronTicks:
    """The ticks of a valid cron expression: times in whole seconds since 1970.

    croniter itself sees a clock that is never changed. `local` times are what the clock of the zone shows, in seconds since
    1970 as if it were in UTC.
    """

    def __init__(self, cron: str, zone: ZoneInfo) -> None:
        from croniter import croniter  # only where there are cron jobs

        self._cron = cron
        self._zone = zone
        expression = croniter(cron)
        every = [values == ["*"] for values in expression.expanded[:2]]
        self._repeats = any(every) or any(text.startswith("*") for text in expression.expressions[:2])
        """Whether minute or hour begin with `*`: then it names no times of the day, but what repeats all day."""

    def next(self, after: int) -> int | None:
        """The first tick later than that time; None where no tick is left."""
        return self._next_repeating(after) if self._repeats else self._next_once(after)

    def last(self, at: int) -> int | None:
        """The latest tick that is not later than that time; None where there was none."""
        return self._last_repeating(at) if self._repeats else self._last_once(at)

    # A time of the day takes place once: when the clock first shows it, or is set forward over it.

    def _next_once(self, after: int) -> int | None:
        local: int | None = after + self._offset(after)
        while local is not None:
            local = self._local("get_next", local)
            if local is not None and (found := self._first(local)) > after:
                return found
        return None

    def _last_once(self, at: int) -> int | None:
        # Where the clock was set back within a day, it has shown later times already.
        local: int | None = at + max(self._offset(at), self._offset(at - _DAY)) + 1
        while local is not None:
            local = self._local("get_prev", local)
            if local is not None and (found := self._first(local)) <= at:
                return found
        return None

    def _first(self, local: int) -> int:
        """When the clock first shows that time, or is set forward over it."""
        shown = datetime.fromtimestamp(local, UTC).replace(tzinfo=self._zone)
        at = int(shown.timestamp())
        if at + self._offset(at) == local:
            return at
        return self._last_change(at - _DAY - _DAY, at) or at

    # What repeats takes place whenever the clock shows such a time.

    def _next_repeating(self, after: int) -> int | None:
        at, local = after, after + self._offset(after)
        while (tick := self._local("get_next", local)) is not None:
            found = tick - self._offset(at)
            change = self._first_change(at, found)
            if change is None:
                return found
            at, local = change, change + self._offset(change) - 1
        return None

    def _last_repeating(self, at: int) -> int | None:
        while (tick := self._local("get_prev", at + self._offset(at) + 1)) is not None:
            found = tick - self._offset(at)
            change = self._last_change(found, at)
            if change is None:
                return found
            at = change - 1
        return None

    def _local(self, method: str, local: int) -> int | None:
        """The next or the previous local time that the expression names."""
        from croniter import CroniterBadDateError, croniter

        try:
            return int(getattr(croniter(self._cron, datetime.fromtimestamp(local, UTC)), method)(float))
        except CroniterBadDateError:
            return None

    def _offset(self, at: int) -> int:
        """What the clock shows at that time, less that time."""
        offset = datetime.fromtimestamp(at, self._zone).utcoffset()
        assert offset is not None
        return int(offset.total_seconds())

    def _first_change(self, begin: int, end: int) -> int | None:
        """The first time after `begin`, and not after `end`, at which the clock is changed; None where it is not."""
        known = self._offset(begin)
        while begin < end:
            later = min(begin + _DAY, end)
            if self._offset(later) != known:
                times = range(begin + 1, later + 1)
                return times[bisect_left(times, True, key=lambda at: self._offset(at) != known)]
            begin = later
        return None

    def _last_change(self, begin: int, end: int) -> int | None:
        """The last such time."""
        known = self._offset(end)
        while begin < end:
            earlier = max(end - _DAY, begin)
            if self._offset(earlier) != known:
                times = range(earlier + 1, end + 1)
                return times[bisect_left(times, True, key=lambda at: self._offset(at) == known)]
            end = earlier
        return None
