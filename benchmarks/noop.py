"""The jobs that workers are measured with: their module loads nothing, as RQ's worker imports it anew for each job."""

from __future__ import annotations


def noop() -> None:
    """Does nothing."""


def fail() -> None:
    """Fails."""
    raise ValueError("nothing to do")
