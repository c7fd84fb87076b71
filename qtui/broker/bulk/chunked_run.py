"""Runs a script over jobs, chunk after chunk, and counts what became of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import redis

from qtui.broker.bulk.chunks import Calls, Supply
from qtui.broker.bulk.tally import MOST_NAMED, Tally
from qtui_workers.server.redis_errors import explain, label_of

LOST: Final = "unknown: the server failed while they were under way, look again"
UNTRIED: Final = "not tried: the server failed before"
STOPPED: Final = "not tried: stopped before"


def run_in_chunks(
    client: redis.Redis,
    calls: Calls,
    supply: Supply,
    on_progress: Callable[[int, int], object],
    stop: Callable[[], bool],
) -> Tally:
    """Sends all chunks, or those before `stop()` is true; a failing server ends it, and the tally says what was not done.

    After each chunk `on_progress(jobs processed, total jobs)` is called. Raises redis.RedisError or OSError only before the first
    chunk.
    """
    tally, matched, failed = Tally(), supply.left, False
    for chunk, reply in calls.each(supply, lambda: not stop()):
        if isinstance(reply, Exception):
            failed = True
            # If the server replied with an error, nothing of the chunk was done; without a reply, it is unknown.
            refused = isinstance(reply, redis.ResponseError)
            tally.failed += len(chunk.ids)
            tally.leave(f"not done: {explain(reply, label_of(client))}" if refused else LOST, len(chunk.ids), chunk.ids)
        else:
            tally.add(reply)
            on_progress(tally.seen, matched)
    if failed:
        tally.failed += supply.left
    else:
        tally.skipped += supply.left
    tally.leave(UNTRIED if failed else STOPPED, supply.left, supply.rest(MOST_NAMED))
    return tally
