"""Rates and history, from looks whose clock the test holds."""

from __future__ import annotations

import tracemalloc

from hypothesis import given
from hypothesis import strategies as st

from qtui.broker.models import Overview, QueueRow, ServerInfo
from qtui.broker.queues.throughput import BUCKET, BUCKETS, WINDOW, Throughput
from qtui.broker.status import Status

SERVER = ServerInfo("valkey", "9", 1, None, 0)


def _seen(at: float, **queues: tuple[int, int]) -> Overview:
    """Queues as name=(queued, finished)."""
    rows = tuple(
        QueueRow(name, {Status.QUEUED: queued, Status.FINISHED: finished}, workers=1)
        for name, (queued, finished) in queues.items()
    )
    return Overview(SERVER, rows, 1, False, at)


def _rates(overview: Overview) -> list[tuple[float | None, float | None]]:
    return [(queue.enqueued_per_second, queue.finished_per_second) for queue in overview.queues]


def test_the_first_look_knows_no_rate() -> None:
    assert _rates(Throughput().feed(_seen(0, mail=(5, 5)))) == [(None, None)]


def test_out_is_what_ended_and_in_is_the_growth_and_out() -> None:
    throughput = Throughput()
    throughput.feed(_seen(0, mail=(10, 0)))
    assert _rates(throughput.feed(_seen(2, mail=(8, 6)))) == [(2.0, 3.0)]


def test_failures_have_a_rate_of_their_own_and_what_entered_counts_both() -> None:
    throughput = Throughput()
    throughput.feed(_seen(0, mail=(1, 0)))
    row = QueueRow("mail", {Status.QUEUED: 3, Status.FINISHED: 1, Status.FAILED: 4}, workers=1)
    (seen,) = throughput.feed(Overview(SERVER, (row,), 1, False, 1.0)).queues
    assert (seen.enqueued_per_second, seen.finished_per_second, seen.failed_per_second) == (7.0, 1.0, 4.0)
    assert (seen.lately_finished, seen.lately_failed) == (1, 4)


def test_lately_forgets_what_was_more_than_two_spans_ago() -> None:
    throughput = Throughput()
    assert throughput.feed(_seen(0, mail=(0, 0))).queues[0].lately_finished is None
    throughput.feed(_seen(1, mail=(0, 5)))
    assert throughput.feed(_seen(BUCKET + 1, mail=(0, 7))).queues[0].lately_finished == 7
    assert throughput.feed(_seen(2 * BUCKET + 1, mail=(0, 7))).queues[0].lately_finished == 2


def test_a_retry_of_failed_jobs_leaves_the_rate_of_successes_known() -> None:
    throughput = Throughput()
    rows = (QueueRow("mail", {Status.FINISHED: n, Status.FAILED: 9 - n}, workers=1) for n in (0, 2))
    for at, row in enumerate(rows):
        (seen,) = throughput.feed(Overview(SERVER, (row,), 1, False, at)).queues
    assert (seen.enqueued_per_second, seen.finished_per_second, seen.failed_per_second) == (None, 2.0, None)


def test_ended_jobs_that_are_put_back_are_no_attempts() -> None:
    throughput = Throughput()
    for at in range(4):
        row = QueueRow("mail", {Status.FINISHED: at, Status.FAILED: 0 if at < 2 else 500}, workers=1)
        (seen,) = throughput.feed(Overview(SERVER, (row,), 1, False, float(at)), puts_back=at == 2).queues
    assert (seen.lately_finished, seen.lately_failed, seen.failed_per_second) == (2, 0, 0.0)


def test_a_rate_is_taken_over_the_last_ten_seconds() -> None:
    throughput = Throughput()
    for second in range(11):
        throughput.feed(_seen(second, mail=(0, 0)))
    for second in range(11, 16):
        last = throughput.feed(_seen(second, mail=(0, (second - 10) * 2)))
    assert _rates(last) == [(1.0, 1.0)]


def test_a_drop_of_the_finished_is_a_cleanup_and_not_known() -> None:
    throughput = Throughput()
    throughput.feed(_seen(0, mail=(0, 100)))
    assert _rates(throughput.feed(_seen(1, mail=(0, 20)))) == [(None, None)]
    assert _rates(throughput.feed(_seen(2, mail=(0, 24)))) == [(4.0, 4.0)]


def test_a_queue_that_is_emptied_by_hand_has_no_negative_rate() -> None:
    throughput = Throughput()
    throughput.feed(_seen(0, mail=(100, 0)))
    assert _rates(throughput.feed(_seen(1, mail=(0, 0)))) == [(0.0, 0.0)]


def test_a_clock_that_stands_or_goes_back_changes_nothing() -> None:
    throughput = Throughput()
    throughput.feed(_seen(5, mail=(0, 0)))
    assert _rates(throughput.feed(_seen(5, mail=(0, 3)))) == [(None, None)]
    assert _rates(throughput.feed(_seen(4, mail=(0, 5)))) == [(None, None)]


def test_the_flow_has_the_rates_of_each_span_newest_last() -> None:
    throughput = Throughput()
    ended = failed = 0
    for span, number in enumerate([0, 30, 0, 60]):
        ended, failed = ended + number, failed + 30
        row = QueueRow("mail", {Status.FINISHED: ended, Status.FAILED: failed}, workers=1)
        throughput.feed(Overview(SERVER, (row,), 1, False, span * BUCKET))
    flow = throughput.flow("mail")
    assert {len(flow.entered), len(flow.finished), len(flow.failed)} == {BUCKETS}
    assert flow.finished[-5:] == (None, 0, 1, 0, 6), "of the newest span, no more was seen than a rate is averaged over"
    assert flow.failed[-5:] == (None, 0, 1, 1, 3)
    assert flow.entered[-5:] == (None, 0, 2, 1, 9)


def test_the_flow_keeps_no_more_than_its_spans() -> None:
    throughput = Throughput()
    for span in range(BUCKETS * 3):
        throughput.feed(_seen((span + 1) * BUCKET - 1, mail=(0, span * 30)))
    assert throughput.flow("mail").finished[:-1] == (1,) * (BUCKETS - 1)


def test_a_queue_that_vanishes_is_forgotten() -> None:
    throughput = Throughput()
    throughput.feed(_seen(0, mail=(0, 0), media=(0, 0)))
    throughput.feed(_seen(1, mail=(0, 1)))
    assert throughput.flow("media").finished == (None,) * BUCKETS
    assert throughput.flow("nobody").finished == (None,) * BUCKETS


def test_it_is_known_when_a_job_was_last_seen_to_enter_or_end() -> None:
    throughput = Throughput()
    looks = [(0, 5), (1, 5), (2, 6), (300, 6), (301, 2)]  # at last RQ's cleanup, which ends no job
    seen = [throughput.feed(_seen(at, mail=(0, ended))).queues[0].moved_at for at, ended in looks]
    assert seen == [None, None, 2, 2, 2]


@given(st.lists(st.tuples(st.floats(0.1, 60), st.integers(0, 1000), st.integers(0, 1000)), min_size=1, max_size=40))
def test_no_rate_is_ever_negative(looks: list[tuple[float, int, int]]) -> None:
    throughput, at = Throughput(), 0.0
    for seconds, queued, finished in looks:
        at += seconds
        for rate in _rates(throughput.feed(_seen(at, mail=(queued, finished))))[0]:
            assert rate is None or rate >= 0


def test_a_queue_that_stood_still_goes_on_as_one_that_was_always_looked_at() -> None:
    throughput, at = Throughput(), 0
    for at in range(100):
        still = throughput.feed(_seen(at, mail=(3, 4))).queues[0]
    assert throughput.feed(_seen(at + 1, mail=(3, 4))).queues[0] is still
    (moving,) = throughput.feed(_seen(at + 2, mail=(13, 4))).queues
    assert (moving.enqueued_per_second, moving.finished_per_second) == (1.0, 0.0)
    (moving,) = throughput.feed(_seen(at + 3, mail=(3, 14))).queues
    assert (moving.enqueued_per_second, moving.finished_per_second, moving.lately_finished) == (1.0, 1.0, 10)
    assert throughput.flow("mail").finished[-1] == 10 / 12


def _waiting(at: float, queues: int, queued: int = 1) -> Overview:
    """Queues in which a job has waited since 0."""
    rows = tuple(QueueRow(f"q{n}", {Status.QUEUED: queued}, workers=0, oldest_seconds=at) for n in range(queues))
    return Overview(SERVER, rows, 0, False, at)


def test_a_queue_that_only_gets_older_is_shown_as_old_as_it_is() -> None:
    throughput = Throughput()
    for at in range(100):
        (seen,) = throughput.feed(_waiting(at, 1)).queues
        assert seen.oldest_seconds == at
    assert (seen.enqueued_per_second, seen.finished_per_second, seen.failed_per_second) == (0.0, 0.0, 0.0)
    (seen,) = throughput.feed(_waiting(100, 1, queued=3)).queues
    assert (seen.oldest_seconds, seen.enqueued_per_second) == (100, 2 / WINDOW)


def test_thousands_of_queues_that_only_get_older_take_little_memory() -> None:
    throughput, queues = Throughput(), 500
    tracemalloc.start()
    try:
        for at in range(100):
            throughput.feed(_waiting(at, queues))
        assert tracemalloc.get_traced_memory()[0] / queues < 2_000
    finally:
        tracemalloc.stop()


def test_what_ended_before_the_first_overview_is_late_for_as_long_as_what_ended_in_its_span() -> None:
    throughput = Throughput()
    throughput.remember((100.0, {"mail": (2, 7)}))
    late = [throughput.feed(_seen(at, mail=(0, 5), docs=(0, 5))).queues for at in (100.0, 110.0, 149.0, 151.0)]
    assert [(mail.lately_finished, mail.lately_failed) for mail, _ in late] == [(2, 7), (2, 7), (2, 7), (0, 0)]
    assert late[0][1].lately_failed is None


def test_what_is_counted_from_then_on_is_added_to_it() -> None:
    throughput = Throughput()
    throughput.remember((0.0, {"mail": (2, 7)}))
    throughput.feed(_seen(0, mail=(0, 5)))
    (mail,) = throughput.feed(_seen(2, mail=(0, 9))).queues
    assert (mail.lately_finished, mail.lately_failed) == (6, 7)
