"""The timeout of a job: as RQ's own class sets and lifts it."""

from __future__ import annotations

import signal

import pytest
from rq.timeouts import JobTimeoutException, UnixSignalDeathPenalty

from qtui_workers.engine.process.alarm import Alarm

BOTH = pytest.mark.parametrize("kind", [UnixSignalDeathPenalty, Alarm])


@BOTH
def test_it_raises_when_the_time_is_over(kind: type[UnixSignalDeathPenalty]) -> None:
    message = r"^Task exceeded maximum timeout value \(100 seconds\)$"
    with pytest.raises(JobTimeoutException, match=message), kind(100, JobTimeoutException, job_id="a"):
        signal.raise_signal(signal.SIGALRM)
    assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)
    assert signal.getsignal(signal.SIGALRM) is signal.SIG_DFL


@BOTH
def test_it_is_lifted_also_where_the_block_has_set_another_alarm(kind: type[UnixSignalDeathPenalty]) -> None:
    with kind(100, JobTimeoutException):
        assert 99 <= signal.getitimer(signal.ITIMER_REAL)[0] <= 100
        signal.signal(signal.SIGALRM, lambda *_: None)
        signal.setitimer(signal.ITIMER_REAL, 50)
    assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)
    assert signal.getsignal(signal.SIGALRM) is signal.SIG_DFL
