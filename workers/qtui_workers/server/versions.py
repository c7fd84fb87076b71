"""Which servers can be used."""

from __future__ import annotations

import re
from typing import Final

OLDEST: Final = (6, 2)
"""The oldest Redis that has LMOVE, by which RQ hands a job over without losing it."""
READ_ONLY_SCRIPTS: Final = (7, 0)
"""The first version with EVALSHA_RO."""


def numbers(version: str) -> tuple[int, ...]:
    """The first two numbers of a version; () where it has none, and is not known."""
    return tuple(int(part) for part in re.findall(r"\d+", version)[:2])
