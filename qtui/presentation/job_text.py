"""One job in words: the facts beside its panes, and the whole text of each pane."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from qtui.broker.models import JobDetail
from qtui.broker.one_job.job_history import JobHistory
from qtui.broker.one_job.relations import Related
from qtui.broker.one_job.usual_durations import Usual
from qtui.broker.status import STATUSES
from qtui.broker.workers.listeners import Listeners
from qtui.presentation import axis, comparison, formatting, labels, questions
from qtui_workers.text import printable


@dataclass(frozen=True, slots=True)
class JobSeen:
    """A job and the jobs beside it."""

    detail: JobDetail
    related: tuple[Related, ...]
    usual: Usual | None
    """What its function usually takes."""
    takers: Listeners | None
    """The workers that can take it, while it waits."""
    history: JobHistory

    def held(self, pane: str) -> Any:
        """What there is to show in a pane; None, or something empty, where there is nothing."""
        if pane in ("traceback", "payload", "result", "meta"):
            return getattr(self.detail, pane)
        return {"log": self.detail.logs, "attempts": self.history.tried, "related": self.related}.get(pane, self.detail)

    def is_empty(self, pane: str) -> bool:
        """Whether there is nothing to show in it."""
        held = self.held(pane)
        return held is None or held in ((), {}, "")


def running(detail: JobDetail, usual: Usual | None, now: float) -> str:
    """How long a job runs, may and usually takes, and when its worker was last heard; '' for a job that does not run."""
    row = detail.row
    if row.status is None or not row.status.runs or row.started_at is None:
        return ""
    elapsed = now - row.started_at
    limit = row.timeout if row.timeout and row.timeout > 0 else None
    left = "" if limit is None else _left(limit - elapsed)
    parts = [
        f"{STATUSES[row.status].glyph} running {formatting.age(elapsed)}" + (f" of {formatting.age(limit)}" if limit else ""),
        left,
        f"heartbeat {formatting.ago(detail.heartbeat_at, now)}" if detail.heartbeat_at else "",
        f"usually {formatting.duration(usual.median)}{' ⚠' if usual.is_far_over(elapsed) else ''}" if usual else "",
        f"on {row.worker}" if row.worker else "",
    ]
    return ", ".join(filter(None, parts))


def _usually(known: Usual) -> str:
    return f"{formatting.duration(known.median)}, p95 {formatting.duration(known.p95)}, of {formatting.count(known.runs)}"


def _left(seconds: float) -> str:
    return f"{formatting.age(seconds)} left" if seconds >= 0 else f"over its time by {formatting.age(-seconds)}"


def hindrances(detail: JobDetail, now: float) -> tuple[str, ...]:
    """What keeps the job from being done, and what is wrong with its record."""
    row = detail.row
    held = f"{labels.held(row.held, now)} ({row.held.text}): H releases it" if row.held else ""
    return (*filter(None, (row.refused, held)), *detail.problems)


def job_facts(seen: JobSeen, now: float) -> list[tuple[str, str]]:
    """The facts beside the timeline: pairs of name and value, only those that are known."""
    detail, usual = seen.detail, seen.usual
    row = detail.row
    facts = [
        ("queue", row.queue or "–"),
        ("function", labels.function(row)),
        ("attempt", labels.attempts(row)),
        ("retries left", formatting.count(row.retries_left)),
        ("worker", row.worker),
        ("ran", formatting.duration(row.took)),
        ("timeout", formatting.duration(row.timeout)),
        ("usually", _usually(usual) if usual else None),
        ("lease left", formatting.age(row.lease_until - now) if row.lease_until and row.lease_until > now else None),
        ("can take it", questions.listening(seen.takers) if seen.takers else None),
        ("due", formatting.until(row.scheduled_for, now) if row.scheduled_for else None),
        ("payload", formatting.size(detail.payload_bytes)),
        ("kept for", formatting.age(detail.ttl)),
        *detail.facts.items(),
    ]
    return [(name, value) for name, value in facts if value not in (None, "", "–")]


# The whole text of each pane

_ALL: Final = 10_000_000
"""More characters than any text of a job has."""


def json_of(value: Any) -> str:
    """Plain data as JSON, which holds no control characters; null in place of numbers that JSON does not have."""
    try:
        return json.dumps(value, indent=2, default=str, allow_nan=False)
    except ValueError:
        return json.dumps(json.loads(json.dumps(value, default=str), parse_constant=lambda _: None), indent=2)


def pane_text(pane: str, seen: JobSeen, now: float) -> str:
    """All that there is in a pane, as lines, safe to be shown by a program that trusts what it gets."""
    if seen.is_empty(pane):
        return "Nothing.\n"
    lines = _TEXTS[pane](seen, now) if pane in _TEXTS else [json_of(seen.held(pane))]
    return "".join(f"{printable(line, _ALL, keep_newlines=True).rstrip()}\n" for line in lines)


def _of_log(seen: JobSeen, _: float) -> Iterator[str]:
    for each in seen.detail.logs:
        yield f"{formatting.clock(each.at, millis=True):<12}  {printable(each.level, 16):<8}  {each.text}"


def _of_related(seen: JobSeen, now: float) -> Iterator[str]:
    for each in seen.related:
        row = each.row
        when = formatting.ago(row.moment, now)
        yield f"{each.relation:<11}  {row.id}  {labels.status(row)}  {labels.function(row)}  {when}  {labels.summary(row)}"


def _of_attempts(seen: JobSeen, now: float) -> Iterator[str]:
    for each in seen.history.tried:
        yield comparison.title(each)
        yield from (f"  {fact.name:<{comparison.NAMES}}  {fact.text(each, now)}" for fact in comparison.FACTS)
        yield from ("", each.traceback or "  no traceback is known", "")


def _of_life(seen: JobSeen, now: float) -> Iterator[str]:
    detail = seen.detail
    yield from (f"{formatting.date_time(moment.at)}  {moment.what}" for moment in seen.history.moments)
    yield ""
    yield from (axis.words(span, now, is_only=False)[0] for span in seen.history.spans)
    yield ""
    yield from (f"⚠ {problem}" for problem in hindrances(detail, now))
    facts = job_facts(seen, now)
    width = max((len(name) for name, _ in facts), default=0)
    yield from (f"{name:<{width}}  {value}" for name, value in facts)


_TEXTS: Final[dict[str, Callable[[JobSeen, float], Iterator[str]]]] = {
    "traceback": lambda seen, _: iter([seen.detail.traceback or ""]),
    "log": _of_log,
    "attempts": _of_attempts,
    "related": _of_related,
    "about": _of_life,
}
"""Those that are no JSON."""
