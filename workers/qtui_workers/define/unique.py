"""What makes two jobs of a processor the same, so that the second is not enqueued while the first has not ended."""

from __future__ import annotations

import json
from collections.abc import Callable, Set
from hashlib import sha256
from typing import Any, Literal

from pydantic import BaseModel

from qtui_workers.define.payload import as_json, to_json
from qtui_workers.errors import InvalidInput
from qtui_workers.text import printable

Unique = Literal["payload"] | Callable[[Any], object]
"""`payload`: jobs of the same payload are the same; a function: those for whose payloads it returns the same value."""


def as_unique(value: Any) -> Unique:
    """The value, if it is one; else raises InvalidInput, worded to follow a name."""
    if value != "payload" and not callable(value):
        raise InvalidInput(f"must be 'payload', or a function of the payload, not {printable(repr(value), 60)}")
    unique: Unique = value
    return unique


def digest_of(unique: Unique, payload: BaseModel, secrets: Set[str]) -> str:
    """The digest of what makes a job of that payload the same as others; '' where the function returned None: nothing does.

    A field that has its default is the same as one that was not set, so that programs of different versions agree. Raises what
    the function raises, and InvalidInput where the value that it returned cannot be written as JSON.
    """
    if callable(unique):
        key = unique(payload)
        if key is None:
            return ""
        try:
            content = json.dumps(key.model_dump(mode="json") if isinstance(key, BaseModel) else key, sort_keys=True)
        except (TypeError, ValueError):
            raise InvalidInput(
                f"unique: the function must return texts, numbers or lists of them, not {printable(repr(key), 60)}"
            ) from None
    else:
        plain = as_json(payload, exclude_defaults=True)
        hidden = {
            name: value for name, value in json.loads(to_json(payload, secrets)).items() if name in secrets and name in plain
        }
        content = json.dumps(plain | hidden, sort_keys=True)
    return sha256(content.encode()).hexdigest()[:32]
