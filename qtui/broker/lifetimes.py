"""For how long ended jobs are kept, as seen in samples of them: RQ has them in the order of expiry, not of their end."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Final

from qtui.broker.models import ALIKE, Lifetimes
from qtui_workers.server.rq_format import parse_number, parse_time

FOREVER: Final = (-1.0, -1.0)
"""The lifetime of jobs that are kept for ever: RQ gives them no time, and has them in the order of their ids."""
MOST: Final = 6
"""More lifetimes than these are taken together where they are nearest: a span of them costs more to read, and is as exact."""


def seen_in(samples: Sequence[bytes], known: Lifetimes = ()) -> Lifetimes:
    """The lifetimes of jobs given as score, end, score, end …, and those known before, ascending, as spans that do not touch."""
    pairs = zip(samples[::2], samples[1::2], strict=True)
    return _apart({*known, *(span for score, ended in pairs if (span := _lifetime(score, ended)))})


def are_alike(lifetimes: Lifetimes) -> bool:
    """Whether all jobs are kept equally long, so that the order of expiry is that of their end."""
    return len(lifetimes) < 2 and FOREVER not in lifetimes


def text(lifetimes: Lifetimes) -> str:
    """The argument of `newest.lua`; RQ rounds a time of expiry, and a job may be put there a moment after its end."""
    return " ".join("-1:-1" if span == FOREVER else f"{span[0] - 1:.0f}:{span[1] + 1:.0f}" for span in lifetimes)


def _lifetime(score: bytes, ended: bytes) -> tuple[float, float] | None:
    expiry, end = parse_number(score), parse_time(ended)
    if expiry is None or expiry < 0:  # infinite, or the -1 that RQ writes for failed jobs
        return FOREVER
    return None if end is None else (float(max(0, math.floor(expiry - end))), float(max(0, math.ceil(expiry - end))))


def _apart(spans: Iterable[tuple[float, float]]) -> Lifetimes:
    found: list[tuple[float, float]] = []
    for low, high in sorted(spans):
        if found and found[-1] != FOREVER and low - found[-1][1] <= ALIKE:
            found[-1] = (found[-1][0], max(high, found[-1][1]))
        else:
            found.append((low, high))
    while len(found) > MOST:
        gaps = [after[0] - before[1] if before != FOREVER else float("inf") for before, after in pairwise(found)]
        at = gaps.index(min(gaps))
        found[at : at + 2] = [(found[at][0], found[at + 1][1])]
    return tuple(found)
