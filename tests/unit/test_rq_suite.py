"""The table of what differs from RQ on purpose: each entry a test of RQ's, once, with a reason of one line."""

from __future__ import annotations

import re

from tests.rq_suite.differences import BY_REASON, DIFFERENCES


def test_each_difference_is_one_test_and_has_one_reason() -> None:
    assert len(DIFFERENCES) == sum(map(len, BY_REASON.values()))
    for test, reason in DIFFERENCES.items():
        assert re.fullmatch(r"test_\w+\.py::\w+::test_\w+", test)
        assert 30 < len(reason) < 130
        assert reason.isprintable()
        assert not reason.endswith(".")
