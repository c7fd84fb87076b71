"""Libraries that only some processors need; each is installed with an extra of our package."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from qtui_workers.define.unrecoverable import Unrecoverable


@contextmanager
def needs(extra: str) -> Iterator[None]:
    """Wraps the import of what that extra installs; raises Unrecoverable, which names the extra, where it is not installed."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise Unrecoverable(f"{error.name} is not installed on this machine: install qtui-rq[{extra}]") from None
