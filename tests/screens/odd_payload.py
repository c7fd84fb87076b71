"""A processor whose errors are easily taken for those of another field."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from qtui_workers import Payload, processor


def _never(value: str) -> str:
    raise ValueError("see the docs; field 'name' is what you mean: try that")


class Odd(Payload):
    name: str = "fine"
    name_of_parent: str = Field("fine", max_length=5)
    docs: Annotated[str, AfterValidator(_never)] = "fine"
    depth: dict[str, int] | None = None
    height: dict[str, int] | None = None


class Whole(Payload):
    flag: bool = False

    @model_validator(mode="after")
    def _never(self) -> Self:
        raise ValueError("these do not go together")


@processor()
def odd(payload: Odd) -> Odd:
    return payload


@processor()
def whole(payload: Whole) -> Whole:
    return payload
