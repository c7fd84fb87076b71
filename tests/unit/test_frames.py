"""The frames between a worker and its horse."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qtui_workers.engine.process.frames import pack, unpack


@given(st.lists(st.binary(max_size=300), max_size=50))
def test_what_is_packed_is_unpacked(parts: list[bytes]) -> None:
    frame = pack(parts)
    assert int.from_bytes(frame[:4]) == len(frame) - 4
    assert unpack(frame[4:]) == parts


@given(st.lists(st.binary(max_size=20), min_size=1, max_size=5), st.data())
def test_a_frame_that_is_cut_or_too_long_is_none(parts: list[bytes], data: st.DataObject) -> None:
    body = pack(parts)[4:]
    for wrong in (body[: data.draw(st.integers(0, len(body) - 1))], body + b"\0"):
        with pytest.raises(ValueError, match="no frame"):
            unpack(wrong)


@pytest.mark.parametrize("body", [b"", b"\0", b"\xff\xff\xff\xff", b"no frame at all"])
def test_other_bytes_are_no_frame(body: bytes) -> None:
    with pytest.raises(ValueError, match="no frame"):
        unpack(body)
