"""What the processors declare, as data: a process that manages workers knows it without importing the modules of users.

A module may open a connection or start a thread when it is imported, and a fork would share these with its parent. So a
short-lived process imports the modules, reports what they declare, and ends; the processes that run jobs import them again.
It is begun early (`begin`): while it imports them, this process goes on.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import timedelta
from functools import cache, partial
from types import MappingProxyType
from typing import Any, Final, NoReturn

from pydantic import BaseModel
from rq import Webhook

from qtui_workers.define.backoff import Backoff
from qtui_workers.define.discovery import discover
from qtui_workers.define.limit import Limit
from qtui_workers.define.options import Options
from qtui_workers.define.payload import Payload, to_json, validate
from qtui_workers.define.processor_facts import ProcessorFacts
from qtui_workers.errors import InvalidInput, QtuiError
from qtui_workers.text import printable


@dataclass(frozen=True, slots=True)
class DeclaredProcessor:
    """The data about one processor."""

    name: str
    path: str
    queue: str
    options: Options
    """Those that are data; an option that is a function is left out."""

    @property
    def secrets(self) -> frozenset[str]:
        """None: the payload is empty."""
        return frozenset()

    def validate(self, payload: Mapping[str, Any] | BaseModel | None, what: str = "payload") -> Payload:
        """The empty payload, which is all that a schedule enqueues; InvalidInput for any other."""
        return validate(Payload, payload, what)

    def to_json(self, payload: Payload) -> bytes:
        """That payload as JSON."""
        return to_json(payload, frozenset())


@dataclass(frozen=True, slots=True)
class DeclaredProcessors:
    """The data about all processors, in the order of their names."""

    processors: tuple[DeclaredProcessor, ...]
    broken: Mapping[str, str]
    """For each module that could not be imported, the reason."""


def read_declared_processors() -> DeclaredProcessors:
    """What the processors of `discovery.discover()` declare; read once for each value of QTUI_PROCESSORS.

    Raises InvalidInput where two processors have one name, or give one queue different limits, and where a module ends the
    process that imports it.
    """
    return _read(os.environ.get("QTUI_PROCESSORS", ""))


def begin() -> None:
    """Begins to find out what `read_declared_processors` returns."""
    _asked(os.environ.get("QTUI_PROCESSORS", ""))


@cache
def _asked(_variable: str) -> Callable[[], dict[str, Any]]:
    return _in_another_process(_report)


@cache
def _read(variable: str) -> DeclaredProcessors:
    report = _asked(variable)()
    if "error" in report:
        raise InvalidInput(report["error"])
    return DeclaredProcessors(tuple(map(_declaration, report["processors"])), MappingProxyType(report["broken"]))


def _in_another_process(work: Callable[[], dict[str, Any]]) -> Callable[[], dict[str, Any]]:
    """Calls `work` in a fork of this process, which ends with it at the latest; what is returned waits for the answer."""
    reader, writer = os.pipe()
    lifeline, own_end = os.pipe()
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid == 0:
        os.close(own_end)
        _run(work, writer, lifeline)
    os.close(writer)
    os.close(lifeline)
    return partial(_answer, pid, reader, own_end)


def _answer(pid: int, reader: int, own_end: int) -> dict[str, Any]:
    with os.fdopen(own_end, "wb"), os.fdopen(reader, "rb") as answers:
        line = answers.readline()
    _, status = os.waitpid(pid, 0)
    if not line.endswith(b"\n"):
        how = (
            f"by signal {os.WTERMSIG(status)}"
            if os.WIFSIGNALED(status)
            else f"with exit code {os.waitstatus_to_exitcode(status)}"
        )
        raise InvalidInput(f"a module of QTUI_PROCESSORS ended the process that imported it, {how}: import them one by one")
    report: dict[str, Any] = json.loads(line)
    return report


def _run(work: Callable[[], dict[str, Any]], writer: int, lifeline: int) -> NoReturn:
    try:
        threading.Thread(target=_end_with_parent, args=(lifeline,), name="watches the parent", daemon=True).start()
        answer = json.dumps(work()).encode() + b"\n"
        sys.stdout.flush()
        with os.fdopen(writer, "wb") as answers:
            answers.write(answer)
    finally:
        os._exit(1)


def _end_with_parent(lifeline: int) -> None:
    os.read(lifeline, 1)
    os._exit(1)


# In the short-lived process

_NO_DATA: Final = object()


def _report() -> dict[str, Any]:
    try:
        found = discover()
    except QtuiError as error:
        return {"error": str(error)}
    except BaseException as error:  # noqa: BLE001 - a module may raise anything, also SystemExit
        return {"error": f"the processors cannot be read: {printable(f'{type(error).__name__}: {error}', 300)}"}
    return {"processors": [_data(each) for each in found.processors.values()], "broken": dict(found.broken)}


def _data(processor: ProcessorFacts) -> dict[str, Any]:
    values = {name: _plain(getattr(processor.options, name)) for name in Options.model_fields}
    options = {name: value for name, value in values.items() if value is not _NO_DATA}
    return {"name": processor.name, "path": processor.path, "queue": processor.queue, "options": options}


def _plain(value: Any) -> Any:
    """The value of an option as JSON data."""
    match value:
        case None | bool() | int() | float() | str():
            return value
        case timedelta():
            return value.total_seconds()
        case Backoff():
            return {name: _plain(part) for name, part in asdict(value).items()}
        case Limit():
            return asdict(value)
        case tuple() if all(isinstance(part, Webhook) for part in value):
            return [part.to_dict() for part in value]
    return _NO_DATA


# In the process that started it


def _declaration(data: dict[str, Any]) -> DeclaredProcessor:
    options: dict[str, Any] = data.pop("options")
    for name, make in _MADE_OF.items():
        if options.get(name) is not None:
            options[name] = make(options[name])
    return DeclaredProcessor(**data, options=Options.of(options))


def _backoff(data: dict[str, Any]) -> Backoff:
    base, cap = (timedelta(seconds=data.pop(name)) for name in ("base", "cap"))
    return Backoff(**data, base=base, cap=cap)


def _webhooks(data: list[dict[str, Any]]) -> tuple[Webhook, ...]:
    return tuple(map(Webhook.from_dict, data))


_MADE_OF: Final[Mapping[str, Callable[[Any], Any]]] = {
    "backoff": _backoff,
    "limit": lambda data: Limit(**data),
    "webhooks": _webhooks,
}
"""What makes an option of its data, where that is not the value itself."""
