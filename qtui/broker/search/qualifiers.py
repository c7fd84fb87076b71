"""What an expression can say about a job: one row each, from which parsing, errors, completion and help derive."""

from __future__ import annotations

import json
import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from qtui.broker.search.candidate import ERROR, FUNCTION, NOTHING, PAYLOAD, Candidate, Need
from qtui.broker.search.fingerprint import cause
from qtui.broker.status import Status
from qtui_workers.define.durations import parse_duration
from qtui_workers.errors import InvalidInput
from qtui_workers.reading import hold
from qtui_workers.reading.matching import is_function, is_value, pattern
from qtui_workers.reading.prefilter import text_filter, value_filter
from qtui_workers.server import keys
from qtui_workers.server.rq_format import parse_int
from qtui_workers.text import printable

Test = Callable[[Candidate, float], bool]
"""Whether a job fits, given the time now in seconds since the epoch."""

EQUAL: Final = (":",)
ORDER: Final[dict[str, Callable[[Any, Any], bool]]] = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
    ":": operator.eq,
}
COMPARE: Final = tuple(ORDER)


@dataclass(frozen=True, slots=True)
class Qualifier:
    """A property of a job that an expression can name."""

    name: str
    hint: str
    example: str
    operators: tuple[str, ...]
    need: Need
    test: Callable[[str, str, str], Test]
    """Makes the test from the operator, the value, and the path after `payload.`; raises InvalidInput for a bad value."""
    cost: int = 0
    """Cheap tests are made first."""


def whole(read: Callable[[Candidate], str | None]) -> Callable[[str, str, str], Test]:
    """The text is the value, in which `*` stands for anything; a text that is not known is no value."""

    def test(_operator: str, value: str, _path: str) -> Test:
        if "*" not in value:
            return lambda job, _: read(job) == value
        matches = pattern(value).fullmatch
        return lambda job, _: (text := read(job)) is not None and bool(matches(text))

    return test


def contained(read: Callable[[Candidate], str | None]) -> Callable[[str, str, str], Test]:
    """The text contains the value, in upper or lower case."""

    def test(_operator: str, value: str, _path: str) -> Test:
        wanted = value.lower()
        return lambda job, _: wanted in (read(job) or "").lower()

    return test


def _status(_operator: str, value: str, _path: str) -> Test:
    word = value.lower().replace("-", "_").replace(" ", "_")
    wanted = {status for status in Status if pattern(word).fullmatch(status.value)}
    if not wanted:
        raise InvalidInput(f"RQ knows no status '{printable(value, 40)}': it is one of {', '.join(Status)}")
    return lambda job, _: job.status in wanted


def _function(_operator: str, value: str, _path: str) -> Test:
    fits = is_function(value)
    return lambda job, _: job.function is not None and fits(job.function)


def compared(read: Callable[[Candidate, float], float | None], parse: Callable[[str], float]) -> Callable[[str, str, str], Test]:
    """A number compared with the value; one that is not known fits nothing."""

    def test(sign: str, value: str, _path: str) -> Test:
        limit, holds = parse(value), ORDER[sign]

        def fits(job: Candidate, now: float) -> bool:
            found = read(job, now)
            return found is not None and holds(found, limit)

        return fits

    return test


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise InvalidInput(f"'{printable(text, 40)}' is not a number") from None


def _seconds(text: str) -> float:
    return parse_duration(text).total_seconds()


def _age(job: Candidate, now: float) -> float | None:
    began = job.time("enqueued_at") or job.time("created_at")
    return None if began is None else now - began


def _ended(job: Candidate, now: float) -> float | None:
    ended = job.time("ended_at")
    return None if ended is None else now - ended


def _took(job: Candidate, _now: float) -> float | None:
    began, ended = job.time("started_at"), job.time("ended_at")
    return None if began is None or ended is None or ended < began else ended - began


def _attempts(job: Candidate, _now: float) -> float | None:
    return parse_int(job.raw(keys.FIELD_ATTEMPT))


def _payload(sign: str, value: str, path: str) -> Test:
    steps = tuple(path.split("."))
    if sign != ":":
        limit, holds, may_hold_key = _number(value), ORDER[sign], text_filter(steps[-1])

        def fits(job: Candidate, _now: float) -> bool:
            found = job.argument(steps) if may_hold_key(job.content) else None
            return isinstance(found, int | float) and not isinstance(found, bool) and holds(found, limit)

        return fits
    fits_value, may_hold = is_value(value), value_filter(steps[-1], value)
    return lambda job, _: may_hold(job.content) and fits_value(job.argument(steps))


def word(value: str) -> Test:
    """Whether the error, the description or the payload contains a text, in upper or lower case."""
    wanted, may_hold = value.lower(), text_filter(value)
    in_one_line = not any(c.isspace() or c == ":" for c in value)  # an error may be put together from several, with these

    def fits(job: Candidate, _now: float) -> bool:
        if wanted in (job.text("description") or "").lower() or (may_hold(job.content) and wanted in job.words):
            return True
        if in_one_line and wanted not in (job.traceback or "").lower():
            return False
        return wanted in (job.error or "").lower()

    return fits


def _held(job: Candidate) -> str | None:
    found = hold.read(job.raw(keys.FIELD_HELD)) if job.status is Status.DEFERRED else None
    return found.text if found else None


def _batch(job: Candidate) -> str | None:
    try:
        found = json.loads(job.raw(keys.FIELD_BATCH) or b"null")
        return str(found["batch"]) if found else None
    except (ValueError, TypeError, LookupError, RecursionError):
        return None


_BATCH: Final = Need(frozenset({keys.FIELD_BATCH}))
_HELD: Final = Need(frozenset({keys.FIELD_HELD}))
_WORKER: Final = Need(frozenset({"worker_name"}))
_WAITED: Final = Need(frozenset({"enqueued_at", "created_at"}))
_ENDED: Final = Need(frozenset({"started_at", "ended_at"}))
_ATTEMPT: Final = Need(frozenset({keys.FIELD_ATTEMPT}))
_TRACEBACK: Final = contained(lambda job: job.traceback)
_CAUSE: Final = whole(lambda job: cause(job.traceback).fingerprint)

QUALIFIERS: Final = {
    row.name: row
    for row in (
        Qualifier("status", "its status", "status:failed", EQUAL, NOTHING, _status),
        Qualifier("queue", "its queue", "queue:mail*", EQUAL, NOTHING, whole(lambda job: job.queue)),
        Qualifier("id", "its id", "id:ab12*", EQUAL, NOTHING, whole(lambda job: job.id)),
        Qualifier("func", "its function, or the last parts of the name", "func:send_email", EQUAL, FUNCTION, _function, 2),
        Qualifier("worker", "the worker that ran it", "worker:w1", EQUAL, _WORKER, whole(lambda job: job.text("worker_name"))),
        Qualifier("error", "what its error contains", "error:Timeout", EQUAL, ERROR, contained(lambda job: job.error), 4),
        Qualifier(
            "traceback",
            "what its traceback contains",
            "traceback:charge.py",
            EQUAL,
            ERROR,
            contained(lambda job: job.traceback),
            4,
        ),
        Qualifier("held", "the hold in which it waits", "held:shop.charge", EQUAL, _HELD, whole(_held), 1),
        Qualifier("batch", "the retry that has spread it", "batch:1f2e3d4c5b6a", EQUAL, _BATCH, whole(_batch), 1),
        Qualifier(
            "cause", "its cause, by the fingerprint that failures by cause have", "cause:473fb45a6b73", EQUAL, ERROR, _CAUSE, 4
        ),
        Qualifier("age", "how long ago it was enqueued", "age>1h", COMPARE, _WAITED, compared(_age, _seconds), 1),
        Qualifier("ended", "how long ago it ended", "ended<10m", COMPARE, _ENDED, compared(_ended, _seconds), 1),
        Qualifier("took", "how long its last attempt ran", "took>30s", COMPARE, _ENDED, compared(_took, _seconds), 1),
        Qualifier("attempts", "how many attempts began", "attempts>2", COMPARE, _ATTEMPT, compared(_attempts, _number), 1),
        Qualifier("payload", "a value in its payload", "payload.customer_id:42", COMPARE, PAYLOAD, _payload, 5),
    )
}
"""Every qualifier, by name."""

WORD: Final = Qualifier(
    name="",
    hint="what its error, description or payload contains",
    example='"two words"',
    operators=EQUAL,
    need=ERROR | PAYLOAD | Need(frozenset({"description"})),
    test=lambda _operator, value, _path: word(value),
    cost=6,
)
"""A text without a name."""
