"""What is known of a processor without calling it: enough to enqueue its jobs, and to manage workers that run them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from pydantic import BaseModel

from qtui_workers.define.options import Options


class ProcessorFacts(Protocol):
    """The facts about a processor: the processor itself has them, and the data about one (`define.declared_processors`)."""

    @property
    def name(self) -> str:
        """Its name."""
        ...

    @property
    def path(self) -> str:
        """The dotted name by which RQ imports it."""
        ...

    @property
    def queue(self) -> str:
        """The queue of its jobs."""
        ...

    @property
    def secrets(self) -> frozenset[str]:
        """The payload's fields that are never shown."""
        ...

    @property
    def options(self) -> Options:
        """How its jobs run."""
        ...

    def validate(self, payload: Mapping[str, Any] | BaseModel | None, what: str = "payload") -> BaseModel:
        """The payload as its model; InvalidInput where it does not fit."""
        ...

    def to_json(self, payload: Any) -> bytes:
        """Such a model as the JSON that a job receives."""
        ...
