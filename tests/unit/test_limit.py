"""What a limit may be, and which limits of processors go together."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel

from qtui_workers.define.declared_limits import declared_limits
from qtui_workers.define.decorator import Processor, processor
from qtui_workers.define.limit import Limit
from qtui_workers.errors import InvalidInput
from qtui_workers.rate.limiter import claim_limits


def work(payload: BaseModel) -> BaseModel:
    return payload


def on(queue: str, limit: Limit | None) -> Processor[Any, Any]:
    return processor(queue=queue, limit=limit)(work)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ((0, 1), "max of a limit must be from 1 to 10,000 starts, not 0"),
        ((10_001, 1), "not 10001"),
        ((1, 0), "per of a limit must be from 0.01 seconds to a day, not 0"),
        ((1, 86_401), "not 86401"),
        ((1, float("nan")), "not nan"),
        ((1, 1, "two words"), "limiter name 'two words' is not allowed"),
    ],
)
def test_a_limit_out_of_bounds_is_reported(arguments: tuple[Any, ...], reason: str) -> None:
    with pytest.raises(InvalidInput, match=reason):
        Limit(*arguments)


def test_a_window_is_never_rounded_down() -> None:
    assert [Limit(1, per).per_us for per in (0.01, 0.1, 1, 60, 0.3333333333)] == [10_000, 100_000, 1_000_000, 60_000_000, 333_334]


def test_a_limit_goes_by_the_name_of_its_queue_or_of_its_resource() -> None:
    limits = declared_limits([on("builds", Limit(5, 60)), on("maps", Limit(2, 1, "overpass")), on("free", None)])
    assert {queue: (limit.name, limit.max) for queue, limit in limits.items()} == {
        "builds-high": ("builds", 5), "builds": ("builds", 5), "builds-low": ("builds", 5),
        "maps-high": ("overpass", 2), "maps": ("overpass", 2), "maps-low": ("overpass", 2),
    }  # fmt: skip


def test_a_claim_has_name_max_and_window() -> None:
    assert claim_limits([on("builds", Limit(5, 60))])["builds-low"] == '["builds", 5, 60000000]'


@pytest.mark.parametrize(
    "processors",
    [
        [("q", Limit(5, 60)), ("q", Limit(6, 60))],
        [("q", Limit(5, 60)), ("q", Limit(5, 60, "other"))],
        [("q", Limit(5, 60, "r")), ("p", Limit(5, 30, "r"))],
        [("q", Limit(5, 60)), ("q-high", Limit(5, 60))],
    ],
)
def test_two_limits_of_one_queue_or_resource_are_an_error(processors: list[tuple[str, Limit]]) -> None:
    with pytest.raises(InvalidInput, match=r"has two limits: .* give both the same, or another queue"):
        declared_limits([on(queue, limit) for queue, limit in processors])


def test_equal_limits_of_one_queue_are_one_limit() -> None:
    limit = Limit(5, 60)
    assert declared_limits([on("q", limit), on("q", limit), on("q", None)])["q"] == Limit(5, 60, "q")
