"""What a producer writes of a payload: nothing that was not set, so that older and newer workers can run the job."""

from __future__ import annotations

import json
import uuid
from typing import Any, Literal

import pytest
import redis
from pydantic import BaseModel, Field, SecretStr

from qtui_workers import Payload, processor
from qtui_workers.define.payload import to_json, validate
from qtui_workers.enqueue.queue_service import QueueService


class Size(Payload):
    width: int = 320
    height: int | None = None


class Circle(Payload):
    shape: Literal["circle"] = "circle"
    radius: int = 1


class Square(Payload):
    shape: Literal["square"] = "square"
    side: int = 1


class Cheap(Payload):
    cents: int = 100


class Dear(Payload):
    euros: int = 100


class Line(Payload):
    text: str
    id: str = Field(default_factory=lambda: uuid.uuid4().hex)


class Order(Payload):
    name: str
    note: str | None = None
    pin: SecretStr | None = None
    token: SecretStr = SecretStr("usual")
    size: Size = Size()
    sizes: dict[str, list[Size]] = Field(default_factory=dict)
    shapes: list[Circle | Square] = Field(default_factory=list)
    price: Cheap | Dear | None = None
    lines: tuple[Line, ...] = ()
    id: str = Field(default_factory=lambda: uuid.uuid4().hex)


class Tree(Payload):
    leaf: int = 0
    branches: list[Tree] = Field(default_factory=list)


class Done(BaseModel):
    pass


@processor(queue="orders")
def order(payload: Order) -> Done:
    return Done()


def written(payload: BaseModel) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(to_json(payload, order.secrets if isinstance(payload, Order) else frozenset()))
    return found


def test_a_field_that_was_not_set_is_not_written_nor_one_inside_another() -> None:
    assert written(Size()) == {}
    assert written(Size(height=None)) == {"height": None}
    assert written(Tree(branches=[Tree(leaf=1), Tree()])) == {"branches": [{"leaf": 1}, {}]}
    whole = Order(name="a", size=Size(width=3), sizes={"b": [Size(), Size(height=4)]}, token=SecretStr("mine"))
    found = written(whole)
    assert found.pop("id") == whole.id
    assert found == {"name": "a", "size": {"width": 3}, "sizes": {"b": [{}, {"height": 4}]}, "token": "mine"}


@pytest.mark.parametrize(
    "payload",
    [
        Order(name="a", shapes=[Square(), Circle(), Square(side=3)]),
        Order(name="a", price=Dear()),
        Order(name="a", price=Dear(euros=100), lines=(Line(text="b"),)),
    ],
)
def test_what_was_enqueued_is_what_runs(payload: Order) -> None:
    assert validate(Order, written(payload)) == payload


def test_what_a_factory_makes_is_the_same_in_all_attempts(client: redis.Redis) -> None:
    service = QueueService(client)
    job = service.status(service.enqueue(order, {"name": "a"}).id)
    assert job.payload is not None
    assert job.payload.keys() == {"name", "id"}
    assert len(job.payload["id"]) == 32
