"""How long a failed job waits before its next attempt."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal, get_args

from workers.durations import checked, parse_duration
from workers.errors import InvalidInput
from workers.text import printable

Kind = Literal["fixed", "exponential"]


@dataclass(frozen=True, slots=True)
class Backoff:
    """A rule for the waits between the attempts of a job."""

    kind: Kind
    base: timedelta
    """The wait before the second attempt."""
    cap: timedelta = timedelta(hours=1)
    """No wait of an exponential rule is longer than this."""

    @classmethod
    def parse(cls, text: str) -> Backoff:
        """The rule that `fixed:2s` (always the same) or `exponential:2s` (doubling) names, or InvalidInput."""
        kind, _, base = text.strip().lower().partition(":")
        for known in get_args(Kind):
            if kind == known and base:
                return cls(known, parse_duration(base))
        raise InvalidInput(f"'{printable(text, 40)}' is not a backoff: write fixed:2s or exponential:2s")

    def intervals(self, retries: int) -> list[int]:
        """The wait before each retry in whole seconds, rounded up, as RQ's scheduler counts them.

        As long as there are retries: RQ repeats the *first* entry of a shorter list (`Job.get_retry_interval`).
        """
        return [math.ceil(self._wait(retry)) for retry in range(retries)]

    def _wait(self, retry: int) -> float:
        base = self.base.total_seconds()
        if self.kind == "fixed":
            return base
        doublings = min(retry, 40)  # two to the power of more would overflow long after any cap
        return min(base * float(2**doublings), max(base, self.cap.total_seconds()))


def as_backoff(rule: Backoff | str) -> Backoff:
    """The rule itself, or the one a text names; its base within bounds."""
    backoff = Backoff.parse(rule) if isinstance(rule, str) else rule
    checked(backoff.base, "the backoff")
    return backoff
