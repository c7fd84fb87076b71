"""The quick reader of pickles says the same as the other one, or nothing."""

from __future__ import annotations

import pickle
import zlib
from datetime import datetime
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from qtui_workers.reading import quick_pickle, stored_payload

LEAVES = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=300) | st.binary(max_size=9) | st.just("again")
)
KEYS = st.text() | st.integers()
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.tuples(inner, inner, inner, inner) | st.dictionaries(KEYS, inner),
    max_leaves=20,
)
CALLS = st.tuples(st.text(), st.none(), st.lists(VALUES, max_size=4).map(tuple), st.dictionaries(st.text(), VALUES, max_size=4))


@pytest.mark.parametrize("protocol", [2, 4, 5])
@given(CALLS)
@example(("shop.pay", None, (1, 300, 70_000, -5, 2**40, "x" * 300), {"a": [1.5, None, True], "b": {"a": "a"}}))
def test_both_readers_agree(protocol: int, call: tuple[Any, ...]) -> None:
    content = pickle.dumps(call, protocol=protocol)
    quick, whole = stored_payload.quick_call(content), stored_payload.job_call(content)
    assert quick is None or (quick.function, quick.args, quick.kwargs) == (whole.function, whole.args, whole.kwargs)


def test_what_jobs_are_given_mostly_is_read_quickly() -> None:
    call = (
        "shop.pay",
        None,
        (1, "ada"),
        {"customer_id": 70_000, "lines": [{"sku": "a1", "price": 1.5}], "gift": False, "note": None},
    )
    found = stored_payload.quick_call(pickle.dumps(call))
    assert found is not None
    assert (found.function, found.args, found.kwargs) == ("shop.pay", [1, "ada"], call[3])


@pytest.mark.parametrize("value", [datetime(2026, 1, 31), {1: 2}, {2}, b"x", 1 << 80, float("nan"), 1j, [[]] * 2, range(3)])
def test_what_is_no_plain_data_is_left_to_the_other_reader(value: object) -> None:
    assert stored_payload.quick_call(pickle.dumps(("shop.pay", None, (value,), {}))) is None


def test_lists_that_are_used_again_and_again_are_left_to_the_other_reader() -> None:
    inner: list[Any] = []
    for _ in range(40):
        inner = [inner, inner]
    assert quick_pickle.read(pickle.dumps(inner)) == (False, None)


@given(CALLS, st.data())
def test_damaged_bytes_raise_nothing(call: tuple[Any, ...], data: st.DataObject) -> None:
    content = bytearray(pickle.dumps(call))
    place = data.draw(st.integers(0, len(content) - 1))
    content[place] = data.draw(st.integers(0, 255))
    quick_pickle.read(bytes(content))
    quick_pickle.read(bytes(content[:place]))
    quick_pickle.read(b"\x80\x05" + data.draw(st.binary(max_size=60)))
    stored_payload.quick_call(zlib.compress(bytes(content)))
