"""Which jobs are kept, beside the plainest keeper that can be thought of: time is an argument here, the server a real one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from math import inf

import pytest
import redis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from qtui_workers.server import keys
from qtui_workers.server.scripts import Script
from tests.support import Server

BEGIN = 1_700_000_000
REGISTRY = keys.registry("finished", "kept")

END = Script(
    """
-- requires: retention
-- arguments: now, micros, id, expires, keep
SECONDS, MICROS = tonumber(args.now), tonumber(args.micros)
redis.call('HSET', keys.job(args.id), 'status', 'finished')
redis.call('ZADD', keys.registry('finished', 'kept'), args.expires, args.id)
if args.keep ~= '' then keep_newest('finished', 'kept', args.id, tonumber(args.keep)) end
"""
)
"""A job ends, as `qtui_workers/lua/ending.lua` has it."""


@dataclass(frozen=True)
class End:
    """The end of a job; an id may come again."""

    pause: int
    """Seconds since the one before."""
    id: int
    ttl: float
    """Seconds for which it is kept; inf, and -1 as RQ writes it of failed jobs: for ever."""
    keep: int | None
    """None: it ends in a stock worker, which keeps no count."""


@dataclass
class Plain:
    """Remembers all that have ended, in that order, and when they expire."""

    expires: dict[int, float] = field(default_factory=dict)
    """As the registry has it."""
    order: dict[int, int] = field(default_factory=dict)
    """Of those that have ended here."""

    def end(self, now: int, place: int, end: End) -> None:
        self.expires[end.id] = end.ttl if end.ttl < 0 else now + end.ttl
        if end.keep is not None:
            self.order[end.id] = place
            alive = self.alive(now)
            surplus = alive[: max(0, len(alive) - end.keep)]
            newest = max((self.order.get(one, -1) for one in surplus), default=-1)
            expired = [one for one in self.expires if one not in alive and self.order.get(one, place) < newest]
            for one in (*surplus, *expired):  # what expired before the surplus ended is forgotten with it
                del self.expires[one]
                self.order.pop(one, None)

    def alive(self, now: int) -> list[int]:
        """Oldest first; what ended elsewhere is older than all that ended here."""
        there = [one for one, expires in self.expires.items() if expires < 0 or expires >= now]
        return sorted(there, key=lambda one: (self.order.get(one, -1), self.expires[one], str(one)))


@pytest.fixture(scope="module")
def kept(shared_server: Server) -> Iterator[redis.Redis]:
    with shared_server.client() as client:
        yield client


TTLS = st.sampled_from([-1, inf]) | st.integers(1, 100)
ENDS = st.builds(End, st.integers(0, 30), st.integers(0, 9), TTLS, st.none() | st.integers(0, 5))


@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(ENDS, max_size=25))
def test_the_newest_are_kept_of_those_that_have_not_expired(kept: redis.Redis, ends: list[End]) -> None:
    kept.flushall()
    model, now = Plain(), BEGIN
    for place, end in enumerate(ends):
        now += end.pause
        model.end(now, place, end)
        expires = end.ttl if end.ttl < 0 else now + end.ttl
        END.run(kept, now=now, micros=place, id=end.id, expires=expires, keep="" if end.keep is None else end.keep)
        # What has expired by its age is RQ's to clean up, and its hash the server's.
        there = {int(raw) for raw, score in kept.zrange(REGISTRY, 0, -1, withscores=True) if score < 0 or score >= now}
        assert there == set(model.alive(now))
        assert there == {one for one in there if kept.exists(keys.job(str(one)))}


def test_what_is_noted_of_jobs_that_have_expired_does_not_grow(kept: redis.Redis) -> None:
    kept.flushall()
    END.run(kept, now=BEGIN, micros=0, id="for ever", expires=-1, keep=100)
    for now in range(BEGIN, BEGIN + 300):
        END.run(kept, now=now, micros=1, id=now, expires=now + 1, keep=100)
        kept.zremrangebyscore(REGISTRY, 0, now - 1)  # as RQ cleans up
    assert kept.zcard(keys.ends("finished", "kept")) < 50
