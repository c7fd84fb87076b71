"""The job that workers are measured with: its module loads nothing, as RQ's worker imports it anew for each job."""

from __future__ import annotations


def noop() -> None:
    """Does nothing."""
