"""What the bytes of a payload rule out is not in it, whatever was pickled or written as JSON."""

from __future__ import annotations

import json
import pickle
import zlib
from datetime import datetime
from typing import Any
from uuid import UUID

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from qtui.broker.search.candidate import Candidate, lazy
from qtui.broker.search.expression import parse
from qtui_workers.reading import stored_payload

KEYS = st.sampled_from(["to", "customer_id", "a b", "größe", "0"])
LEAVES = (
    st.none() | st.booleans() | st.integers() | st.integers(0, 300) | st.floats(allow_nan=False) | st.text(max_size=8)
    | st.sampled_from([42, 42.0, "42", "ada", "Ada Lovelace", "true", 70_000, -1])
)  # fmt: skip
PLAIN = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3), max_leaves=8)
QUESTIONS = ["42", "ada", "true", "null", "1", "-1", "70000", "42.0", "a*", "*e*", "größe", '"a b"']


def job(kwargs: dict[str, Any], how: str) -> Candidate:
    """A job with these keywords, as RQ stores it."""
    call = ("shop.pay", None, (), kwargs)
    data = json.dumps(call).encode() if how == "json" else pickle.dumps(call, protocol=int(how))
    places = {"status": 0, "origin": 1, "data": 2, "description": 3}
    return Candidate(b"id", "mail", [b"queued", b"mail", zlib.compress(data), b"pay()"], places)


class Unfiltered(Candidate):
    """A job whose bytes rule nothing out."""

    content = b"\x80\x02"  # type: ignore[assignment]  # a pickle of a protocol that is never ruled out

    @lazy
    def arguments(self) -> dict[str, Any]:
        call = stored_payload.job_call(self.raw("data") or b"")
        return {"args": call.args, "kwargs": call.kwargs}


@pytest.mark.parametrize("how", ["json", "0", "2", "4", "5"])
@example({"to": 42})
@example({"to": 42.0})
@given(st.dictionaries(KEYS, PLAIN, max_size=3))
def test_nothing_is_missed(how: str, kwargs: dict[str, Any]) -> None:
    fast = job(kwargs, how)
    slow = Unfiltered(b"id", "mail", fast._reply, fast._places)  # noqa: SLF001 - the same job, read without the filter
    for value in QUESTIONS:
        for question in (f"payload.to:{value}", f"payload.customer_id:{value}", value):
            term = parse(question)
            assert term.fits(fast, 0) is term.fits(slow, 0), question


@pytest.mark.parametrize("how", ["json", "4", "5"])
def test_a_payload_that_cannot_hold_the_value_is_not_decoded(how: str) -> None:
    found = job({"customer_id": 43, "to": "bob"}, how)
    assert not parse("payload.customer_id:42").fits(found, 0)
    assert not parse("ada").fits(found, 0)
    assert "arguments" not in vars(found)
    assert parse("payload.customer_id:43").fits(found, 0)


def test_values_of_classes_are_found_as_they_are_shown() -> None:
    found = job({"at": datetime(2026, 1, 31, 17), "id": UUID(int=7)}, "5")
    assert parse("payload.at:2026-01-31T17:00:00").fits(found, 0)
    assert parse("payload.id:*0007").fits(found, 0)


def test_paths_lead_into_lists_and_dicts() -> None:
    found = job({"order": {"lines": [{"sku": "a1", "count": 3}]}, "tags": ["red", "blue"]}, "5")
    assert parse("payload.order.lines.0.sku:a1").fits(found, 0)
    assert parse("payload.kwargs.order.lines.0.count>2").fits(found, 0)
    assert not parse("payload.order.lines.0.count>3").fits(found, 0)
    assert parse("payload.tags:blue").fits(found, 0)
    assert not parse("payload.order.lines.1.sku:a1").fits(found, 0)
