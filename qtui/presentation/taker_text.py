"""Which workers can take a job, in words, the same in the dashboard and in `qtui job --takers`."""

from __future__ import annotations

from typing import Final

from qtui.broker.one_job.takers import Answer, Taker, Takers, Why
from qtui.presentation import formatting, labels
from qtui_workers.rate.limit_usage import LimitUsage

GLYPHS: Final[dict[Answer, str]] = {"yes": "✓", "busy": "▸", "no": "✗"}


def headline(data: Takers) -> str:
    """What it is about, and how many can: "charge 7f3a91c2 of payments: 1 worker can take it now, …"."""
    if data.job is None:
        what = f"nothing waits in {data.queue or 'the queue'}; of a job there"
    else:
        what = f"{labels.function(data.job)} {formatting.short_id(data.job.id)} of {data.job.queue or '–'}"
        what += f", which is {data.status}" if data.status else ""
    can, busy, cannot = (formatting.count(data.count(answer)) for answer in ("yes", "busy", "no"))
    workers = "worker" if can == "1" else "workers"
    return f"{what}: {can} {workers} can take it now, {busy} after what they run, {cannot} cannot"


def reason(taker: Taker, seen: Takers, now: float) -> str:
    """Why a worker cannot take the job, what it runs, or that it waits for one."""
    if taker.answer == "busy":
        return f"runs {labels.running(taker.each, now)}"
    worker, queue = taker.each.worker, seen.queue
    seconds = worker.heartbeat_seconds
    refusal = taker.refusal
    texts: dict[Why, str] = {
        "": "waits for jobs",
        "elsewhere": f"does not listen to {queue or 'its queue'}",
        "silent": "gives no sign of life" + ("" if seconds is None else f" for {formatting.age(labels.in_steps(seconds))}"),
        "stopping": "was asked to shut down",
        "suspended": "all workers are suspended",
        "paused": f"{queue} is paused",
        "held": f"its function is held ({seen.hold})",
        "limited": _limited(seen.limit) if seen.limit else "",
        "refused": f"refused it {formatting.ago(refusal.at, now)}: {refusal.details.get('error') or '–'}" if refusal else "",
    }
    return texts[taker.why]


def _limited(limit: LimitUsage) -> str:
    when = f"for {formatting.age(limit.next_free_in)}"
    if limit.closed_until:
        return f"the limit {limit.name} is closed {when}" + (f": {limit.closed_because}" if limit.closed_because else "")
    return f"the limit {limit.name} lets no job start {when}"
