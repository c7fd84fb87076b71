"""What the jobs of these tests call."""

from __future__ import annotations


def add(a: int, b: int = 0) -> int:
    return a + b


def fail(message: str = "no such address") -> None:
    raise ValueError(message)
