"""The log records of a worker on standard error: lines for people, or JSON objects for machines."""

from __future__ import annotations

import json
import logging
import math
import sys
import threading
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final, TextIO, TypeGuard

from qtui_workers.reporting.redaction import redacted, redacted_field
from qtui_workers.reporting.source import current, is_own
from qtui_workers.text import printable, short_id

_LIMIT: Final = 20_000
"""Characters of a text line, and of a message or a traceback."""
_FIELD_LIMIT: Final = 1_000
_MOST_FIELDS: Final = 30
_STANDARD: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
"""Attributes of every record; all others were given with `extra=`."""
_OURS: Final = ("rq", "qtui_workers")
"""The loggers, with those below them, that are the worker's own."""
_SCHEDULER: Final = "rq.scheduler"
"""RQ sets the level of this logger as the worker requests it."""
_WATCHED: Final = [logging.getLogger(name) for name in (None, *_OURS, "rq.worker")]
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

    _newest = -1, ""
    """The newest second of which there was a record, and how it is written: all records of a second have the same time."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as text: secrets hidden, control characters as symbols, further lines indented."""
        return _safe(super().format(record).rstrip("\n")).replace("\n", "\n    ")

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: N802 - logging's name
        """The time of a record in whole seconds."""
        second, text = self._newest
        if second != int(record.created):
            text = super().formatTime(record, datefmt)
            self._newest = int(record.created), text
        return text

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
            known = None if isinstance(value, float) and not math.isfinite(value) else value  # JSON has no NaN
            shown.setdefault(printable(str(name), 60), _plain(redacted_field(str(name), known)))
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
        from rq.exceptions import StopRequested
        from rq.timeouts import BaseTimeoutException

        if isinstance(sys.exc_info()[1], StopRequested | BaseTimeoutException):
            raise
        super().handleError(record)


def log_to_stderr(log_format: LogFormat = LogFormat.TEXT) -> None:
    """Writes every record of level INFO and above to standard error, RQ's own too, in one format.

    Modules that a worker imports may configure logging as well: what they do to their own loggers stays, but see `keep_logging`.
    """
    global _kept
    from rq.logutils import colorizer  # loads RQ, which a worker needs anyway

    colorizer.notty = True  # RQ's colours are escape codes, which would be shown as symbols
    handler = _Handler(sys.stderr)
    text = SafeFormatter("%(asctime)s %(levelname)-7s %(message)s", "%H:%M:%S")
    handler.setFormatter(JsonFormatter() if log_format is LogFormat.JSON else text)
    _kept = _Kept(handler, log_format)
    if not logging.root.handlers:
        logging.root.setLevel(logging.INFO)
    if log_format is LogFormat.JSON:
        logging.captureWarnings(True)
        sys.excepthook = threading.excepthook = _log_uncaught
    keep_logging()


def keep_logging() -> None:
    """Puts the worker's own log back to what `log_to_stderr` made it, after code that may have configured logging.

    The loggers of RQ and of this package write to standard error, whatever else is configured. With `LogFormat.JSON` every
    other handler that writes to a standard stream writes JSON too. Does nothing where `log_to_stderr` has not been called.
    """
    if _kept is not None:
        _kept.keep()


def say_at_the_end(sentence: str) -> None:
    """Writes to standard error why the command ends: as a record where the log is JSON, else as it is."""
    if _kept is not None and _kept.log_format is LogFormat.JSON:
        logging.getLogger(__name__).error("%s", sentence)
    else:
        print(sentence, file=sys.stderr)  # noqa: T201 - the answer of a command


class _Kept:
    """How logging was set up."""

    def __init__(self, handler: logging.Handler, log_format: LogFormat) -> None:
        self._handler = handler
        self.log_format = log_format
        self._seen: object = None

    def keep(self) -> None:
        """Makes it so again, where the loggers that show a change are not as they were left."""
        if self._seen != _fingerprint():
            self._apply()
            self._seen = _fingerprint()

    def _apply(self) -> None:
        logging.disable(logging.NOTSET)
        loggers = [logging.root, *(one for one in logging.root.manager.loggerDict.values() if isinstance(one, logging.Logger))]
        for logger in loggers:
            if logger.name in _OURS or logger.name.startswith(tuple(f"{name}." for name in _OURS)):
                self._take_back(logger)
        _replace(logging.root, [one for one in logging.root.handlers if one is not self._handler])
        others = [one for logger in loggers for one in logger.handlers if one is not self._handler and _writes_to_console(one)]
        for handler in others:
            handler.setStream(getattr(handler.stream, "plain", handler.stream))  # what jobs print there is recorded with the job
            if self.log_format is LogFormat.JSON:
                handler.setFormatter(self._handler.formatter)
        if not any(one in others for one in logging.root.handlers):
            logging.root.addHandler(self._handler)

    def _take_back(self, logger: logging.Logger) -> None:
        first = logger.name in _OURS
        kept = [one for one in logger.handlers if one is not self._handler and not _writes_to_console(one)]
        _replace(logger, [self._handler, *kept] if first else kept)
        logger.disabled, logger.propagate = False, not first
        if logger.name != _SCHEDULER:
            logger.setLevel(logging.INFO if first else logging.NOTSET)


def _fingerprint() -> object:
    """What changes where somebody has configured logging; cheap, as it is looked at around every job."""
    manager = logging.root.manager
    states = [(one.disabled, one.propagate, one.level, one.handlers.copy()) for one in _WATCHED]
    return manager.disable, len(manager.loggerDict), states


def _replace(logger: logging.Logger, handlers: list[logging.Handler]) -> None:
    for handler in set(logger.handlers).symmetric_difference(handlers):
        (logger.addHandler if handler in handlers else logger.removeHandler)(handler)


def _writes_to_console(handler: logging.Handler) -> TypeGuard[logging.StreamHandler[Any]]:
    if not isinstance(handler, logging.StreamHandler):
        return False
    try:
        return handler.stream.fileno() in (1, 2)
    except (AttributeError, OSError, ValueError):
        return False


def _log_uncaught(*raised: Any) -> None:
    """Takes the place of `sys.excepthook` and of `threading.excepthook`."""
    error = raised[1] if len(raised) > 1 else raised[0].exc_value
    if isinstance(error, SystemExit):  # so a thread ends itself
        return
    logging.getLogger(__name__).critical("an error that nothing has caught", exc_info=error)


_kept: _Kept | None = None
