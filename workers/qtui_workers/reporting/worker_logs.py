"""The log records of a worker on standard error: lines for people, or JSON objects for machines."""

from __future__ import annotations

import json
import logging
import math
import sys
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final, TextIO

from rq.exceptions import StopRequested
from rq.logutils import colorizer
from rq.timeouts import BaseTimeoutException

from qtui_workers.reporting.redaction import redacted, redacted_field
from qtui_workers.reporting.source import current, is_own
from qtui_workers.text import printable, short_id

_LIMIT: Final = 20_000
"""Characters of a text line, and of a message or a traceback."""
_FIELD_LIMIT: Final = 1_000
_MOST_FIELDS: Final = 30
_STANDARD: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
"""Attributes of every record; all others were given with `extra=`."""
_SLACK: Final = 2_000
"""Characters read beyond a limit, so that a secret is not cut into something that no longer looks like one."""


class LogFormat(StrEnum):
    """How log records are written."""

    TEXT = "text"
    JSON = "json"


def _safe(text: str, limit: int = _LIMIT) -> str:
    return printable(redacted(text[: limit + _SLACK]), limit, keep_newlines=True)


class SafeFormatter(logging.Formatter):
    """A line with its time; text that a job wrote cannot control the terminal, and cannot look like a separate line."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as text: secrets hidden, control characters as symbols, further lines indented."""
        return _safe(super().format(record).rstrip("\n")).replace("\n", "\n    ")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's name
        """The first line, with the job that logged it in front of the message."""
        job = current().job
        if job and not is_own(record.name):
            record.message = f"[{short_id(job)}] {record.message}"
        return super().formatMessage(record)


class JsonFormatter(logging.Formatter):
    """A JSON object (RFC 8259), in ASCII and on one line.

    `time` (ISO 8601, UTC), `level`, `logger`, `message`; `job`, `queue`, `function`, `worker`, `attempt` of what this
    process works for; what the record was given with `extra=`, such as `status` and `seconds` where an attempt has ended;
    `exception`.
    """

    def format(self, record: logging.LogRecord) -> str:
        """The record as JSON: secrets hidden, control characters as symbols, lengths bounded."""
        shown: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": _safe(record.getMessage()),
        }
        extra = {name: value for name, value in vars(record).items() if name not in _STANDARD}
        for name, value in list((current().fields() | extra).items())[:_MOST_FIELDS]:
            shown.setdefault(printable(str(name), 60), _plain(redacted_field(str(name), value)))
        if record.exc_info:
            shown["exception"] = _safe(self.formatException(record.exc_info))
        if record.stack_info:
            shown["stack"] = _safe(record.stack_info)
        return json.dumps(shown)


def _plain(value: Any) -> Any:
    """What JSON can hold, with every text in it printable and bounded; its secrets are hidden already."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, str):
        return printable(value, _FIELD_LIMIT, keep_newlines=True)
    if isinstance(value, dict):
        return {printable(name, 60): _plain(inner) for name, inner in value.items()}
    return [_plain(inner) for inner in value] if isinstance(value, list) else value


class _Handler(logging.StreamHandler[TextIO]):
    """A handler for standard error; an exception that ends the worker or the job is not handled as a failure to write."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's name
        """Raises RQ's StopRequested and timeouts again, which a signal may raise in the middle of writing."""
        if isinstance(sys.exc_info()[1], StopRequested | BaseTimeoutException):
            raise
        super().handleError(record)


def log_to_stderr(log_format: LogFormat = LogFormat.TEXT) -> None:
    """Writes every record of level INFO and above to standard error, RQ's own too, in one format."""
    colorizer.notty = True  # RQ's colours are escape codes, which would be shown as symbols
    handler = _Handler(sys.stderr)
    text = SafeFormatter("%(asctime)s %(levelname)-7s %(message)s", "%H:%M:%S")
    handler.setFormatter(JsonFormatter() if log_format is LogFormat.JSON else text)
    logging.basicConfig(level=logging.INFO, handlers=[handler])
