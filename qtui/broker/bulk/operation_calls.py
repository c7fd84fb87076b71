"""The script of an operation with its arguments."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import redis

from qtui.broker.bulk.chunks import Calls, Chunk, Mode
from qtui.broker.bulk.operation import Operation, Value
from qtui.broker.bulk.selection import Matching, Selection
from qtui.broker.status import STATUSES
from qtui_workers.errors import InvalidInput
from qtui_workers.server.rq_format import format_traceback
from qtui_workers.server.scripts import Argument


def calls_of(client: redis.Redis, operation: Operation, value: Value | None, mode: Mode, **more: Any) -> Calls:
    """The calls of an operation's script; `value` is that of its parameter, `more` goes into `spec` of `operation.lua`."""
    given = {"parameter": value, "allowed": dict.fromkeys(operation.statuses, True), "risk": operation.risk, **more}
    if operation.error:
        given["error"] = format_traceback(operation.error.format(now=datetime.now(UTC))).decode()
    spec = json.dumps(given, ensure_ascii=False)

    def arguments(chunk: Chunk) -> dict[str, Argument]:
        target = chunk.target
        named: dict[str, Argument] = {"spec": spec, "mode": mode, "queue": target.queue or "", "status": target.status or ""}
        if "hint" in operation.script.arguments:
            named["hint"], named["span"] = (target.where(chunk.start, len(chunk.ids)) if chunk.ids else None) or ("", "")
        if "place" in operation.script.arguments:
            named["place"] = chunk.start
        return named

    return Calls(client, operation.script, mode, arguments)


def check_status(operation: Operation, selection: Selection) -> None:
    """Raises InvalidInput if the operation does not apply to the status of a selection."""
    if isinstance(selection, Matching) and not operation.applies_to(selection.status):
        known = ", ".join(STATUSES[status].title for status in operation.statuses)
        raise InvalidInput(f"{STATUSES[selection.status].title} jobs: {operation.name} applies to {known} jobs only")
