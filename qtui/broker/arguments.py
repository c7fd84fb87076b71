"""What a job was given, as people may see it: without the values that its processor declares secret."""

from __future__ import annotations

import os
from typing import Any, Final

from qtui_workers.reading.stored_payload import Call
from qtui_workers.reporting.redaction import HIDDEN

_BUNDLED: Final = "qtui_workers.processors."
"""What the names of all processors begin with where QTUI_PROCESSORS names no others."""


def keywords(call: Call) -> dict[str, Any]:
    """The keywords of a call; the values that its processor declares secret are hidden."""
    hidden = secrets(call.function) if call.kwargs else ()
    return {name: HIDDEN if name in hidden else value for name, value in call.kwargs.items()}


def secrets(function: str | None) -> frozenset[str]:
    """The keywords whose values the processor of that name declares secret."""
    if not function or not (os.environ.get("QTUI_PROCESSORS") or function.startswith(_BUNDLED)):
        return frozenset()  # known without the processors, which take longer to load than the job to be shown
    from qtui_workers.define.discovery import discover

    processor = discover().by_path.get(function)
    return processor.secrets if processor else frozenset()


def shown(call: Call, *, ours: bool) -> Any:
    """`{"args": [...], "kwargs": {...}}`, with the instance of a method; for a job of our producers just the payload.

    Data of another shape is shown as it was decoded.
    """
    if call.decoded.kind == "json" and not call.args and ours:
        return keywords(call)  # our producer passes the payload's fields as keywords
    if call.function is None or not isinstance(call.decoded.value, list) or len(call.decoded.value) != 4:
        return call.decoded.value
    whole = {"args": call.args, "kwargs": keywords(call)}
    return whole if call.instance is None else {"instance": call.instance, **whole}
