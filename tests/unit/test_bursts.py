"""What is taken for pasted text where the terminal does not mark it, and what for keys."""

from __future__ import annotations

import pytest

from qtui.dashboard.bursts import LEAST, Bursts

TEXT = "ConnectionError: 10.0.4.7 refused at shop/charge.py:41\r\n" * 9


def test_a_text_that_arrives_at_once_was_pasted_whole() -> None:
    bursts = Bursts()
    assert bursts.pasted(TEXT, 1.0) == TEXT.replace("\r", "\n")
    assert bursts.pasted("and Dy", 1.01) == "and Dy"
    assert bursts.pasted("\x1b[31mred", 1.02) == "red"
    assert bursts.pasted("D", 1.5) is None


@pytest.mark.parametrize("keys", ["j", "/mail\r", "j" * 5_000, "\x1b[B\x1b[A" * 500, "\x1b[<35;10;20M" * 300, TEXT[: LEAST - 1]])
def test_what_a_person_may_type_ahead_or_hold_down_is_keys(keys: str) -> None:
    assert Bursts().pasted(keys, 1.0) is None


def test_what_the_terminal_marks_as_pasted_is_left_to_it() -> None:
    bursts = Bursts()
    for read in ("\x1b[20", f"0~{TEXT}", TEXT, f"{TEXT}\x1b[201~", "j"):
        assert bursts.pasted(read, 1.0) is None
    assert bursts.pasted(TEXT, 1.0)
