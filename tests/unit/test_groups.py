"""Jobs that are counted in blocks are counted as one would by looking at one after the other."""

from __future__ import annotations

import pickle
import zlib
from collections import Counter
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from qtui.broker.search import groups
from qtui.broker.search.candidate import Candidate
from qtui.broker.search.fingerprint import cause
from qtui_workers.server.rq_format import format_time, format_traceback

FIELDS = ("status", "origin", "data", "ended_at", "started_at", "enqueued_at", "created_at")
TIMES = st.none() | st.just(b"soon") | st.integers(0, 20_000).map(lambda at: format_time(1.7e9 + at).encode())
JOBS = st.tuples(
    st.sampled_from([b"failed", b"queued", b"unheard of", None]),
    st.sampled_from([b"mail", b"media", None]),
    st.tuples(st.sampled_from(["shop.pay", "mail.send"]), st.sampled_from([1, 1.0, "1", True, None, [1], "ada"])),
    TIMES,
    TIMES,
)


def job(number: int, facts: tuple[Any, ...], error: str = "") -> Candidate:
    status, queue, (function, customer), ended, created = facts
    data = zlib.compress(pickle.dumps((function, None, (), {"customer": customer})))
    reply = [status, queue, data, ended, None, None, created]
    made = Candidate(f"job-{number}".encode(), "", reply, {name: place for place, name in enumerate(FIELDS)})
    made.stored_error = format_traceback(error) if error else None
    return made


def counted(jobs: list[Candidate], keys: list[str | None]) -> list[groups.Group]:
    """The groups, without their causes, found by looking at all jobs once for each value."""
    found = []
    for key in dict.fromkeys(keys):
        own = [job for job, of in zip(jobs, keys, strict=True) if of == key]
        timed = [job for job in own if job.moment is not None]
        times = [job.moment or 0.0 for job in timed]
        newest = [job.id for job in timed if job.moment == max(times)]
        found.append(
            groups.Group(
                key,
                None,
                len(own),
                max(times, default=None),
                min(times, default=None),
                newest[-1] if newest else own[0].id,
                dict(Counter(job.function or "–" for job in own).most_common()),
                dict(Counter(job.queue or "–" for job in own).most_common()),
                dict(Counter(int(at // 3600) for at in times)),
            )
        )
    return sorted(found, key=lambda group: -group.count)


@given(st.lists(st.lists(JOBS, max_size=8), max_size=4), st.sampled_from(["payload.customer", "function", "queue", "status"]))
def test_values_are_counted_in_blocks_as_one_by_one(blocks: list[list[tuple[Any, ...]]], what: str) -> None:
    by = groups.by(what)
    some = groups.Groups(by.values)
    for block in blocks:
        some.add([job(number, facts) for number, facts in enumerate(block)])
    jobs = [job(number, facts) for block in blocks for number, facts in enumerate(block)]
    keys = [key for each in jobs for key in by.values([each])]
    assert list(some.ordered()) == [replace_without_places(group) for group in counted(jobs, keys)]


def replace_without_places(group: groups.Group) -> groups.Group:
    """The same where queues and hours are not counted."""
    return groups.Group(group.value, None, group.count, group.newest, group.oldest, group.sample, group.functions, {}, {})


@given(st.lists(st.tuples(JOBS, st.sampled_from(["ValueError: 1", "ValueError: 22", "KeyError: 'x'"])), max_size=12))
def test_causes_are_counted_in_blocks_as_one_by_one(some: list[tuple[tuple[Any, ...], str]]) -> None:
    jobs = [job(number, facts, error) for number, (facts, error) in enumerate(some)]
    known = [cause(error) for _, error in some]
    found = groups.causes_of(jobs)
    assert {group.value: group.cause for group in found} == {each.fingerprint: each for each in known}
    plain = [(group.value, group.count, group.newest, group.oldest, group.sample) for group in found]
    expected = counted(jobs, [each.fingerprint for each in known])
    assert plain == [(group.value, group.count, group.newest, group.oldest, group.sample) for group in expected]
    places = [(list(group.functions.items()), list(group.queues.items()), group.hours) for group in found]
    assert places == [(list(group.functions.items()), list(group.queues.items()), group.hours) for group in expected]
