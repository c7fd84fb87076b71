"""A processor that is given a secret of an innocent name, and one that says who it works for."""

from __future__ import annotations

import logging

from pydantic import BaseModel, SecretStr

from qtui_workers import Payload, processor

log = logging.getLogger(__name__)


class Pin(Payload):
    """A secret."""

    pin: SecretStr = SecretStr("")


class Done(BaseModel):
    """Nothing much."""


@processor(queue="pins")
def refuse_pin(payload: Pin) -> Done:
    """Fails."""
    log.info("looks at it")
    raise ValueError("no")
