"""The webhooks of jobs: `rq.Webhook`, which is loaded only where there are any."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol

from qtui_workers.errors import InvalidInput
from qtui_workers.text import printable


class Webhook(Protocol):
    """What RQ calls when a job has finished or failed: always a `rq.Webhook`."""

    def to_dict(self) -> dict[str, Any]:
        """As RQ stores it."""
        ...


def as_webhooks(value: Any) -> tuple[Webhook, ...]:
    """The webhooks of that list; InvalidInput, worded to follow a name, where it holds anything else."""
    if value == ():
        return ()
    import rq

    found = tuple(value) if isinstance(value, Iterable) else (None,)
    if not all(isinstance(each, rq.Webhook) for each in found):
        raise InvalidInput(f"must be a list of rq.Webhook, not {printable(repr(value), 80)}")
    return found
