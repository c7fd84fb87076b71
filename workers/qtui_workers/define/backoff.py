"""How long a failed job waits before its next attempt."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from typing import Final, Literal, get_args

from qtui_workers.define.durations import checked, parse_duration
from qtui_workers.errors import InvalidInput
from qtui_workers.text import printable

Kind = Literal["none", "fixed", "exponential"]

_HOW: Final = "write none, fixed:2s or exponential:2s, and after that, if you like, ,cap=10m and ,jitter=0.5"
_USUAL_JITTER: Final[dict[Kind, float]] = {"none": 0.0, "fixed": 0.0, "exponential": 0.1}


@dataclass(frozen=True, slots=True)
class Backoff:
    """A rule for the waits between the attempts of a job.

    Raises InvalidInput where a wait is negative or longer than ten years, or the jitter is not from 0 to 1.
    """

    kind: Kind
    base: timedelta = timedelta()
    """The wait before the second attempt; `none` has no waits at all."""
    cap: timedelta = timedelta(hours=1)
    """No wait of an exponential rule is longer than this, or than its base."""
    jitter: float | None = None
    """The part of each wait that is random, from 0 to 1; None: 0.1 for an exponential rule, else 0.

    Without it, jobs that failed together would all be tried again together. With 0.1, a wait of 60 s becomes one from 54 to
    60 s; with 1, one from 0 to 60 s ("full jitter": AWS Architecture Blog, Exponential Backoff and Jitter).
    """

    def __post_init__(self) -> None:
        if self.kind not in get_args(Kind):
            raise InvalidInput(f"'{printable(str(self.kind), 40)}' is not a kind of backoff: {_HOW}")
        checked(self.base, "the backoff")
        checked(self.cap, "the cap of the backoff")
        if self.jitter is not None and not 0 <= self.jitter <= 1:
            raise InvalidInput(f"the jitter of the backoff must be from 0 to 1, not {self.jitter:g}")

    @classmethod
    def parse(cls, text: str) -> Backoff:
        """The rule that a text names; InvalidInput where it names none.

        `none` (again at once), `fixed:2s` (always the same) or `exponential:2s` (doubling), with `,cap=10m` and `,jitter=0.5`.
        """
        rule, *extras = (part.strip() for part in text.lower().split(","))
        kind, colon, base = rule.partition(":")
        given = dict(extra.partition("=")[::2] for extra in extras)
        for known in get_args(Kind):
            if kind == known and (known == "none") != bool(colon and base) and given.keys() <= {"cap", "jitter"}:
                cap, jitter = parse_duration(given.get("cap", "1h")), _jitter(given.get("jitter"))
                return cls(known, parse_duration(base or "0s"), cap, jitter)
        raise InvalidInput(f"'{printable(text, 40)}' is not a backoff: {_HOW}")

    @property
    def spread(self) -> float:
        """The part of each wait that is random, from 0 to 1."""
        return _USUAL_JITTER[self.kind] if self.jitter is None else self.jitter

    def intervals(self, retries: int) -> list[int]:
        """The wait before each retry in whole seconds, rounded up, as RQ's scheduler counts them; random anew at each call.

        The list has an entry for every retry, because RQ repeats the *first* entry of a shorter list
        (`rq.job.Job.get_retry_interval`).
        """
        spread = self.spread
        return [math.ceil(self._wait(retry) * (1 - spread * _chance())) for retry in range(retries)]

    def _wait(self, retry: int) -> float:
        base = self.base.total_seconds()
        if self.kind != "exponential":
            return base if self.kind == "fixed" else 0
        doublings = min(retry, 40)  # far beyond any cap; much larger powers would overflow
        return min(base * float(2**doublings), max(base, self.cap.total_seconds()))


def as_backoff(rule: Backoff | str) -> Backoff:
    """The rule itself, or the rule that a text names; raises InvalidInput for anything else."""
    if isinstance(rule, str):
        return _parsed(rule)
    if not isinstance(rule, Backoff):
        raise InvalidInput(f"'{printable(str(rule), 40)}' is not a backoff: {_HOW}")
    return rule


_parsed = lru_cache(maxsize=256)(Backoff.parse)
"""A program that enqueues one job after the other names the same few rules again and again."""


def _chance() -> float:
    return random.random()  # noqa: S311 - it spreads load, and protects nothing


def _jitter(text: str | None) -> float | None:
    try:
        return None if text is None else float(text)
    except ValueError:
        raise InvalidInput(f"jitter must be a number from 0 to 1, not '{printable(str(text), 20)}'") from None
