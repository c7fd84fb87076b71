"""Pickles of a shape that is known say what the other readers say."""

from __future__ import annotations

import json
import pickle
import zlib
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from qtui.broker.search.candidate import Candidate, arguments_at
from qtui_workers.reading import matching, stored_payload
from qtui_workers.reading.pickle_shapes import MOST_SHAPES, MOST_VALUES, Shapes, Slot, decoded
from tests.unit.test_quick_pickle import CALLS, LEAVES


def filled(node: Any, values: list[Any]) -> Any:
    """The arguments of a shape with the values of one pickle."""
    if isinstance(node, Slot):
        return values[node.place]
    if isinstance(node, list):
        return [filled(item, values) for item in node]
    return {key: filled(value, values) for key, value in node.items()}


def varied(node: Any, leaves: Iterator[Any]) -> Any:
    """The same with other values."""
    if isinstance(node, tuple | list):
        return type(node)(varied(item, leaves) for item in node)
    return {key: varied(value, leaves) for key, value in node.items()} if isinstance(node, dict) else next(leaves)


def agrees(shapes: Shapes, content: bytes) -> bool:
    """Whether there is a shape; what it says is then what the other reader says."""
    found = shapes.read(content)
    if found is None:
        return False
    shape, values = found
    call = stored_payload.quick_call(content)
    assert call is not None
    meant = list(map(decoded, values))
    assert repr((filled(shape.args, meant), filled(shape.kwargs, meant))) == repr((call.args, call.kwargs))
    assert call.function == shape.function
    return True


@given(CALLS, st.data())
@example(("shop.pay", None, (1, 300, -5, "x" * 300), {"a": [1.5, None, True], "b": {"a": ""}}), None)
def test_both_readers_agree(call: tuple[Any, ...], data: st.DataObject | None) -> None:
    shapes = Shapes()
    first = pickle.dumps(call)
    if not agrees(shapes, first) or data is None:
        return
    assert agrees(shapes, first)
    leaves = iter(lambda: data.draw(LEAVES), object())
    agrees(shapes, pickle.dumps((*call[:2], *varied(call[2:], leaves))))
    damaged = bytearray(first)
    damaged[data.draw(st.integers(0, len(first) - 1))] = data.draw(st.integers(0, 255))
    agrees(shapes, bytes(damaged))
    agrees(shapes, first[: data.draw(st.integers(0, len(first)))])


def content_of(customer: Any, *, lines: int = 3) -> bytes:
    order = {"customer_id": customer, "lines": [{"sku": f"a{n}", "count": n} for n in range(lines)], "gift": None}
    return pickle.dumps(("shop.pay", None, (), order))


def test_what_differs_only_in_its_values_is_of_one_shape() -> None:
    shapes = Shapes()
    read = [shapes.read(content_of(customer, lines=1)) for customer in (7, 70_000, -1, "ada", True, None, 1.5)]
    read += [shapes.read(content_of(customer)) for customer in (7, 70_000, -1, True, None, 1.5)]
    assert all(read)
    assert len({id(found and found[0]) for found in read}) == 2
    other = shapes.read(content_of(7, lines=2))
    assert other is not None
    assert id(other[0]) not in {id(found and found[0]) for found in read}


def test_no_more_shapes_are_kept_than_are_of_use() -> None:
    shapes = Shapes()
    read = [shapes.read(content_of(7, lines=lines)) for lines in range(2 * MOST_SHAPES)]
    assert [found is not None for found in read] == [True] * MOST_SHAPES + [False] * MOST_SHAPES


def test_a_pickle_of_very_many_values_has_no_shape() -> None:
    many = [pickle.dumps(("shop.pay", None, tuple(range(number)), {})) for number in (MOST_VALUES, MOST_VALUES + 1)]
    assert [Shapes().read(content) is not None for content in many] == [True, False]


@given(st.text("a1é€😀\x94\U0010ffff", max_size=300), st.text("a1é€😀\x94\U0010ffff", max_size=300), st.data())
def test_texts_of_any_length_and_alphabet_are_read_by_a_shape(one: str, other: str, data: st.DataObject) -> None:
    shapes = Shapes()
    assert agrees(shapes, content_of(f"_{one}", lines=1))
    second = content_of(f"_{other}", lines=1)
    assert agrees(shapes, second)
    damaged = bytearray(second)
    damaged[data.draw(st.integers(0, len(second) - 1))] = data.draw(st.integers(0, 255))
    agrees(shapes, bytes(damaged))


@given(st.lists(st.tuples(CALLS, st.booleans()), max_size=6), st.sampled_from([("a",), ("args", "0"), ("kwargs",), ("token",)]))
def test_a_value_of_many_jobs_is_that_of_each(calls: list[tuple[tuple[Any, ...], bool]], path: tuple[str, ...]) -> None:
    stored = [zlib.compress(pickle.dumps(call)) if packed else json.dumps(call, default=str).encode() for call, packed in calls]

    def jobs() -> list[Candidate]:
        return [Candidate(b"id", "", [b"queued", b"mail", data], {"status": 0, "origin": 1, "data": 2}) for data in stored * 2]

    each = [matching.argument(job.arguments["args"], job.arguments["kwargs"], path) for job in jobs()]
    assert repr(arguments_at(jobs(), path)) == repr([job.argument(path) for job in jobs()]) == repr(each)


@pytest.mark.parametrize("customer", [7, 70_000, "ada", None, 1.5, [1, 2], {"id": 7}, b"x", 2**40])
def test_a_value_of_a_job_is_the_same_with_and_without_a_shape(customer: Any) -> None:
    for number in (1, 2):  # the first one makes the shape, if there can be one
        content = pickle.dumps(("shop.pay", None, (number, customer), {"customer_id": customer}))
        data = zlib.compress(content)
        call = stored_payload.job_call(data)
        for path, value in {
            ("customer_id",): call.kwargs["customer_id"],
            ("args", "1"): call.args[1],
            ("kwargs", "customer_id"): call.kwargs["customer_id"],
            ("customer_id", "id"): 7 if isinstance(customer, dict) else None,
            ("nowhere",): None,
        }.items():
            job = Candidate(b"id", "", [b"queued", b"mail", data], {"status": 0, "origin": 1, "data": 2})
            assert job.argument(path) == value, path


@given(st.text(max_size=60), st.text(max_size=80), st.integers(), st.sampled_from([1, 6, 9]))
def test_the_function_is_read_from_the_first_bytes(name: str, text: str, number: int, level: int) -> None:
    for call in ((name, None, (text, number), {}), (name, None, (), {"text": text}), (name, None, (number,), {})):
        assert stored_payload.function_name(zlib.compress(pickle.dumps(call), level)) == name
