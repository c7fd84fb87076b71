"""What people write in files and variables becomes a record, or a sentence for each field that is wrong."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Literal

import pytest

from qtui_workers import records
from qtui_workers.errors import InvalidInput
from qtui_workers.records import Pattern, Range, Read, Record, Secret, as_dict, replace


class Door(Record):
    """A part of a house."""

    wide: Annotated[float, Range(above=0, most=3)] = 1.0
    locked: bool = False


class House(Record):
    """All kinds of fields."""

    street: Annotated[str, Pattern("[A-Z][a-z]+")]
    number: Annotated[int | None, Range(least=1)] = None
    roof: Literal["flat", "steep"] = "flat"
    key: Secret | None = None
    plan: Path | None = None
    doors: Mapping[str, Door] = MappingProxyType({})
    windows: tuple[Door, ...] = ()
    tags: Annotated[tuple[str, ...], Read(lambda text: tuple(text.split(",")))] = ()


def test_texts_and_values_of_the_type_are_read_alike():
    texts = {"street": "Elm", "number": " 12 ", "roof": "steep", "key": "k", "plan": "/a", "tags": "a,b"}
    assert records.read(House, texts) == House(
        street="Elm", number=12, roof="steep", key=Secret("k"), plan=Path("/a"), tags=("a", "b")
    )
    doors = {"doors": {"front": {"wide": 2, "locked": "yes"}}, "windows": [{"wide": "0.5"}]}
    found = records.read(House, {"street": "Elm", "number": 12, **doors})
    assert found.doors == {"front": Door(wide=2.0, locked=True)}
    assert found.windows == (Door(wide=0.5),)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({}, "street: is required"),
        ({"street": "elm"}, "street: must match pattern '[A-Z][a-z]+'"),
        ({"street": 5}, "street: must be a valid string"),
        ({"number": "x"}, "number: must be a valid integer, unable to parse string as an integer"),
        ({"number": True}, "number: must be a valid integer"),
        ({"number": 1.5}, "number: must be a valid integer"),
        ({"number": 0}, "number: must be at least 1"),
        ({"roof": "round"}, "roof: must be 'flat' or 'steep'"),
        ({"doors": {"front": {"wide": "0"}}}, "doors.front.wide: must be greater than 0"),
        ({"doors": {"front": {"wide": "nan"}}}, "doors.front.wide: must be at most 3"),
        ({"doors": {"front": {"wide": 4}}}, "doors.front.wide: must be at most 3"),
        ({"doors": {"front": {"locked": "maybe"}}}, "doors.front.locked: must be a valid boolean, true or false"),
        ({"doors": {"front": {"lokked": True}}}, "doors.front.lokked: there is no such field; did you mean 'locked'?"),
        ({"doors": []}, "doors: must be an object of fields and values"),
        ({"doors": {"front": 1}}, "doors.front: must be an object of fields and values"),
        ({"windows": [{}, {"wide": "x"}]}, "windows.1.wide: must be a valid number"),
        ({"windows": "x"}, "windows: must be a list"),
        ({"stret": "x"}, "stret: there is no such field; did you mean 'street'?"),
    ],
)
def test_what_does_not_fit_is_named_with_its_place_and_the_reason(given: dict[str, Any], sentence: str):
    with pytest.raises(InvalidInput) as refusal:
        records.read(House, {"street": "Elm", **given} if given else {})
    assert str(refusal.value) == sentence
    assert refusal.value.fields.keys() == {sentence.partition(":")[0].partition(".")[0]}


def test_everything_that_is_wrong_is_said_at_once():
    with pytest.raises(InvalidInput, match=r"^NUMBER: must be at least 1; ROOF: must be 'flat' or 'steep'$"):
        records.read(House, {"street": "Elm", "number": "0", "roof": "x", "other": 1}, unknown="ignored", named=str.upper)


def test_a_secret_is_not_printed():
    secret = Secret("hunter2")
    assert "hunter2" not in f"{secret} {secret!r}"
    assert secret.reveal() == "hunter2"
    assert secret == Secret("hunter2") != Secret("other")


def doubled(number: int) -> int:
    return 2 * number


class Room(Door):
    """A record with the fields of another, and a function among them."""

    HIDDEN = ("size",)
    size: int
    grow: Any = doubled


def test_a_record_is_a_frozen_value():
    room = Room(2.0, size=3)
    assert (room.wide, room.locked, room.size, room.grow(4)) == (2.0, False, 3, 8)
    assert room == Room(wide=2.0, size=3) != Room(size=3)
    assert room != Door(2.0)
    assert len({room, Room(2.0, False, 3), Room(size=3)}) == 2
    assert replace(room, size=4) == Room(2.0, size=4)
    assert as_dict(Door(2.0)) == {"wide": 2.0, "locked": False}
    assert repr(Door(2.0)) == "Door(wide=2.0, locked=False)"
    assert "size" not in repr(room)
    with pytest.raises(AttributeError, match="frozen: wide"):
        room.wide = 1.0
    with pytest.raises(AttributeError, match="frozen: wide"):
        del room.wide


@pytest.mark.parametrize(("given", "wrong"), [({}, "size"), ({"size": 1, "sise": 1}, "sise")])
def test_a_record_with_a_missing_or_unknown_field_is_refused(given: dict[str, Any], wrong: str):
    with pytest.raises(TypeError, match=f"Room: .*: {wrong}$"):
        Room(**given)
