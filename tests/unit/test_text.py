"""Text from outside is shown, not obeyed."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qtui_workers.text import decode, printable


@given(st.binary())
def test_decoded_bytes_go_back_unchanged(raw: bytes) -> None:
    assert decode(raw).encode("utf-8", "surrogateescape") == raw


@given(st.text() | st.binary().map(decode), st.booleans())
def test_nothing_printable_steers_a_terminal(text: str, keep_newlines: bool) -> None:
    safe = printable(text, keep_newlines=keep_newlines)
    for character in safe.replace("\n", "") if keep_newlines else safe:
        assert unicodedata.category(character) not in ("Cc", "Cs", "Zl", "Zp", "Co", "Cn")
        assert unicodedata.category(character) != "Cf" or character in "\u200c\u200d"
    assert keep_newlines or "\n" not in safe


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126)))
def test_plain_text_stays_as_it_is(text: str) -> None:
    assert printable(text, len(text)) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[2J", "␛[2J"),
        ("a\nb\t", "a␊b␉"),
        ("\x7f", "␡"),
        ("\u202eevil", "\N{REPLACEMENT CHARACTER}evil"),
        ("caf\udce9", "caf\\xe9"),
        ("héllo 👩‍🚀", "héllo 👩🚀"),
        ("🇩🇪 👍🏽 ❤️ 1️⃣", "DE 👍 ❤ 1"),
        ("नमस्ते می‌خواهم", "नमस्ते می‌خواهم"),
    ],
)
def test_what_steers_is_shown_as_a_symbol(text: str, shown: str) -> None:
    assert printable(text) == shown


def test_long_text_is_cut_and_says_so() -> None:
    assert printable("a" * 20, 10) == "a" * 10 + "…"


def test_newlines_are_kept_on_request_and_tabs_become_spaces() -> None:
    assert printable("a\r\nb\tc", keep_newlines=True) == "a\nb    c"


def test_nothing_decodes_to_nothing() -> None:
    assert decode(None) == ""
