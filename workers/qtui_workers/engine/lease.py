"""How long a worker has its jobs without a sign of life."""

from __future__ import annotations

from typing import Final

LEASE: Final = 30.0
"""Seconds within which the job of a worker that was killed is taken up again, where its option `--lease` says no other time."""
