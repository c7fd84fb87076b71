"""Edited copies of jobs: what of a job can be edited, and the new job, which is linked with the old one.

A copy has the options of its job (queue, timeout, attempts, callbacks, meta …) and other arguments. Arguments are read without
running anything; where they cannot be written again exactly as they were, the job cannot be edited.
"""

from __future__ import annotations

import json
import pickle
import uuid
from dataclasses import dataclass, field
from math import isfinite
from typing import Any, Final, Literal

import redis

from qtui.broker.one_job.job_ids import not_chosen
from qtui_workers.define.discovery import AnyProcessor, discover
from qtui_workers.errors import InvalidInput, NotFound, Refused
from qtui_workers.reading import pickle_reader
from qtui_workers.reading.pickle_reader import Instance, Members, Name, Pairs
from qtui_workers.reporting.redaction import HIDDEN, without_url_passwords
from qtui_workers.server import keys
from qtui_workers.server.rq_format import compress, decompress
from qtui_workers.server.scripts import Script
from qtui_workers.text import decode, encode, printable

MOST_BYTES: Final = 1024 * 1024
"""At most this many bytes of arguments are edited, counted after decompression."""
MOST_VALUES: Final = 100_000
DEEPEST: Final = 100
LONGEST_DESCRIPTION: Final = 200
_EDIT: Final = Script.load("edit", "qtui.broker")


@dataclass(frozen=True, slots=True)
class Editable:
    """What of a job can be edited."""

    job_id: str
    queue: str
    status: str
    function: str
    document: dict[str, Any]
    """The payload of a processor; else `{"args": [...], "kwargs": {...}}`. Secrets are hidden."""
    form: Literal["payload", "call"]
    """Which of these it is."""
    written: Literal["json", "pickle"]
    processor: AnyProcessor | None
    """The one that checks the payload; None where there is none on this machine."""
    data: bytes = field(repr=False)
    """The arguments as they are stored."""
    secrets: dict[str, Any] = field(default_factory=dict, repr=False)
    """The values that the document hides."""


@dataclass(frozen=True, slots=True)
class Edited:
    """The new job."""

    job_id: str
    queue: str
    changed: bool
    """False: its arguments are those of the old job."""


def load(client: redis.Redis, job_id: str) -> Editable:
    """What of a job can be edited. Raises NotFound if there is no such job, Refused, with the reason, if it cannot be edited."""
    found: list[Any] = client.hmget(encode(keys.job(job_id)), ("data", "origin", "status", keys.FIELD_ATTEMPTS))
    data, origin, status, ours = found
    if data is None:
        if client.exists(encode(keys.job(job_id))):
            raise _refused(job_id, "it has no arguments: half of its record is missing")
        raise not_chosen(job_id)
    if not origin:
        raise _refused(job_id, "it names no queue")
    try:
        written, (function, args, kwargs) = _call(data)
    except InvalidInput as error:
        raise _refused(job_id, str(error)) from None
    queue, word = decode(origin), decode(status)
    processor = discover().by_path.get(function) if written == "json" and not args else None
    if processor is None and (args or not ours or written == "pickle"):
        return Editable(job_id, queue, word, function, {"args": args, "kwargs": kwargs}, "call", written, None, data)
    secrets = {name: kwargs[name] for name in (processor.secrets if processor else ()) if name in kwargs}
    return Editable(
        job_id, queue, word, function, kwargs | dict.fromkeys(secrets, HIDDEN), "payload", written, processor, data, secrets
    )


def enqueue(client: redis.Redis, job: Editable, document: dict[str, Any]) -> Edited:
    """Enqueues the copy of a job with these arguments; the same ones give a duplicate.

    Raises InvalidInput, with the reasons by field, if they do not fit; NotFound if the job is gone; nothing is enqueued then.
    """
    changed = not _same(document, job.document)
    data, description = _written(job, document) if changed else (job.data, "")
    new_id = str(uuid.uuid4())
    _EDIT.require_rights(client)
    reason = _EDIT.run(client, id=job.job_id, new=new_id, data=data, description=description)
    if reason == b"gone":
        raise NotFound(f"there is no job {printable(job.job_id, 100)!r} any more: nothing was enqueued")
    if reason:
        raise _refused(job.job_id, decode(reason))
    return Edited(new_id, job.queue, changed)


def check(job: Editable, document: Any) -> None:
    """Raises InvalidInput, with the reasons by field, if these arguments cannot be those of a copy."""
    _written(job, document)


def _written(job: Editable, document: Any) -> tuple[bytes, str]:
    """The arguments as they are stored, and the description of the call."""
    if not isinstance(document, dict):
        raise InvalidInput("the arguments must be a JSON object")
    if job.form == "payload":
        hidden = {name: value for name, value in job.secrets.items() if document.get(name) == HIDDEN}
        payload = document | hidden
        if job.processor is None:
            return _stored(job, [], payload), _described(job.function, [], document)
        model = job.processor.validate(payload)
        plain = json.loads(job.processor.to_json(model))
        shown = document | dict.fromkeys(job.processor.secrets & document.keys(), HIDDEN)
        return _stored(job, [], plain), _described(job.processor.name, [], shown)
    args, kwargs = document.get("args"), document.get("kwargs")
    reasons = {name: "there is no such field: args and kwargs are" for name in document if name not in ("args", "kwargs")}
    if not isinstance(args, list):
        reasons["args"] = "must be a JSON list"
    if not isinstance(kwargs, dict):
        reasons["kwargs"] = "must be a JSON object"
    if reasons or not isinstance(args, list) or not isinstance(kwargs, dict):
        raise InvalidInput("; ".join(f"{printable(name, 60)}: {reason}" for name, reason in reasons.items()), reasons)
    return _stored(job, args, kwargs), _described(job.function, args, kwargs)


def _stored(job: Editable, args: list[Any], kwargs: dict[str, Any]) -> bytes:
    if job.written == "pickle":
        return compress(pickle.dumps((job.function, None, tuple(args), kwargs), protocol=4))
    try:
        return compress(json.dumps([job.function, None, args, kwargs], ensure_ascii=False).encode())
    except (UnicodeEncodeError, RecursionError) as error:
        raise InvalidInput(f"the arguments cannot be written as JSON: {error}") from None


def _described(name: str, args: list[Any], kwargs: dict[str, Any]) -> str:
    """The call as RQ describes it: each argument is cut at 75 characters."""
    shown = [*map(repr, args), *(f"{key}={value!r}" for key, value in kwargs.items())]
    words = ", ".join(f"{without_url_passwords(text):.75}" for text in shown)
    return printable(f"{name}({words})", LONGEST_DESCRIPTION)


def _same(one: Any, other: Any) -> bool:
    """Whether two documents are the same JSON: 1, 1.0 and true are not."""
    return json.dumps(one, sort_keys=True, default=str) == json.dumps(other, sort_keys=True, default=str)


def _refused(job_id: str, reason: str) -> Refused:
    return Refused(f"job {printable(job_id, 60)} cannot be edited: {reason}")


def _call(data: bytes) -> tuple[Literal["json", "pickle"], tuple[str, list[Any], dict[str, Any]]]:
    """How a call is written, its function and its arguments; InvalidInput where they cannot be written again as they were."""
    content, missing = decompress(data, MOST_BYTES)
    if missing == "beyond the limit":
        raise InvalidInput(f"its arguments are longer than {MOST_BYTES:,} bytes")
    if missing:
        raise InvalidInput("its arguments are damaged")
    if content[:1] == b"\x80":
        reading = pickle_reader.read(content)
        if reading.problem:
            raise InvalidInput(f"its arguments cannot be read: {reading.problem}")
        return "pickle", _parts(reading.value, _Exact())
    try:
        return "json", _parts(json.loads(content), _Exact())
    except (ValueError, RecursionError):
        raise InvalidInput("its arguments are written in a way that is not known here") from None


def _parts(value: Any, exact: _Exact) -> tuple[str, list[Any], dict[str, Any]]:
    if not isinstance(value, list | tuple) or len(value) != 4 or not isinstance(value[0], str):
        raise InvalidInput("its record is none of a function and its arguments")
    function, instance, args, kwargs = value
    if instance is not None:
        raise InvalidInput("it calls a method of an object, which only code can rebuild")
    if not isinstance(args, list | tuple) or not isinstance(kwargs, dict | Pairs):
        raise InvalidInput("its arguments are none that a function takes")
    return function, exact.value(list(args), "args", 0), exact.value(kwargs, "kwargs", 0)


_KINDS: Final = {tuple: "a tuple", Members: "a set", bytes: "bytes", bytearray: "bytes", Name: "a class or function"}


class _Exact:
    """Turns what a reader returns into plain data, and raises InvalidInput where JSON has nothing that is the same."""

    def __init__(self) -> None:
        self._left = MOST_VALUES

    def value(self, node: Any, where: str, depth: int) -> Any:
        """The value at a place such as `args[0].name`."""
        self._left -= 1
        if self._left < 0 or depth > DEEPEST:
            raise InvalidInput("its arguments are too many, or nested too deep")
        if node is None or isinstance(node, bool | int | str):
            return node
        if isinstance(node, float) and isfinite(node):
            return node
        if type(node) is list:
            return [self.value(each, f"{where}[{place}]", depth + 1) for place, each in enumerate(node)]
        if isinstance(node, dict | Pairs):
            return self._dict(node.items() if isinstance(node, dict) else node.items, where, depth)
        raise InvalidInput(f"{where} is {_kind(node)}, which JSON cannot hold")

    def _dict(self, items: Any, where: str, depth: int) -> dict[str, Any]:
        found = {}
        for key, node in items:
            if not isinstance(key, str):
                raise InvalidInput(f"{where} has a key that is no text, which JSON cannot hold")
            found[key] = self.value(node, f"{where}.{printable(key, 40)}", depth + 1)
        return found


def _kind(node: Any) -> str:
    if isinstance(node, Instance):
        return f"an object of {printable(node.path, 80)}"
    return _KINDS.get(type(node), f"of the kind {type(node).__name__}")
