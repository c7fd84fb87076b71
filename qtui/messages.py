"""The vocabulary of the dashboard: what threads and screens tell each other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from textual.message import Message

from qtui.broker.models import Overview


@dataclass
class Looked(Message):
    """A look at Redis ended well."""

    generation: int
    request: Any
    """What was asked for, as the screen's `request()` said it."""
    overview: Overview
    data: Any


@dataclass
class LookFailed(Message):
    """A look at Redis failed."""

    generation: int
    error: Exception
