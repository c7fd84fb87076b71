"""Records: frozen values with named fields, and how they are read from what people write.

A Record is what a frozen dataclass is, but it is made without `dataclasses`: to import that, and to have it write the code of
twenty classes, would take most of the time in which a short command answers. Elsewhere dataclasses do as well.
"""

from __future__ import annotations

import math
import re
import sys
import types
from collections.abc import Callable, Mapping
from functools import cache
from typing import (
    Annotated,
    Any,
    ClassVar,
    Final,
    Literal,
    TypeVar,
    Union,
    dataclass_transform,
    get_args,
    get_origin,
)  # fmt: skip

from qtui_workers.errors import InvalidInput
from qtui_workers.naming import suggestion
from qtui_workers.text import printable

_TRUTHS: Final = dict.fromkeys(("1", "true", "t", "yes", "y", "on"), True) | dict.fromkeys(
    ("0", "false", "f", "no", "n", "off"), False
)


@dataclass_transform(frozen_default=True)
class Record:
    """A frozen value. A subclass annotates its fields, as a dataclass does; a default is shared, so it must not be mutable."""

    FIELDS: ClassVar[tuple[str, ...]] = ()
    """The names of the fields, those of the base class first."""
    HIDDEN: ClassVar[tuple[str, ...]] = ()
    """Those that are not in its `repr`."""
    DEFAULTS: ClassVar[Mapping[str, Any]] = {}
    """The values of the fields that need not be given."""

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        own = [name for name, hint in cls.__annotations__.items() if not hint.startswith("ClassVar")]
        cls.FIELDS = tuple(dict.fromkeys((*cls.FIELDS, *own)))
        cls.DEFAULTS = {**cls.DEFAULTS, **{name: vars(cls)[name] for name in own if name in vars(cls)}}

    def __init__(self, *values: Any, **named: Any) -> None:
        found = self.__dict__
        found.update(self.DEFAULTS)
        found.update(zip(self.FIELDS, values, strict=False))
        found.update(named)
        if len(found) != len(self.FIELDS):
            wrong = ", ".join(sorted(found.keys() ^ set(self.FIELDS)))
            raise TypeError(f"{type(self).__name__}: these fields are missing, or there are none of that name: {wrong}")

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"{type(self).__name__} is frozen: {name} cannot be set")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"{type(self).__name__} is frozen: {name} cannot be deleted")

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return self.__dict__ == other.__dict__

    def __hash__(self) -> int:
        return hash(tuple(as_dict(self).values()))

    def __repr__(self) -> str:
        shown = (f"{name}={getattr(self, name)!r}" for name in self.FIELDS if name not in self.HIDDEN)
        return f"{type(self).__name__}({', '.join(shown)})"


R = TypeVar("R", bound=Record)


def replace(record: R, **changes: Any) -> R:
    """The same record with other values of some fields."""
    return type(record)(**{**record.__dict__, **changes})


def as_dict(record: Record) -> dict[str, Any]:
    """The values of its fields by name."""
    return {name: getattr(record, name) for name in record.FIELDS}


class Secret:
    """A text that is not printed: its `repr` and `str` are stars."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The text itself."""
        return self._text

    def __repr__(self) -> str:
        return "Secret(***)"

    def __bool__(self) -> bool:
        return bool(self._text)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._text == other.reveal()

    def __hash__(self) -> int:
        return hash(self._text)


class Range(Record):
    """A number from `least` to `most`."""

    least: float = -math.inf
    most: float = math.inf
    above: float = -math.inf
    """The number is greater than this."""

    def __call__(self, number: float) -> float:
        if number < self.least:
            raise ValueError(f"must be at least {self.least:g}")
        if number <= self.above:
            raise ValueError(f"must be greater than {self.above:g}")
        if not number <= self.most:  # also true of nan
            raise ValueError(f"must be at most {self.most:g}")
        return number


class Pattern(Record):
    """A text that is as this regular expression says."""

    pattern: str

    def __call__(self, text: str) -> str:
        if not re.fullmatch(self.pattern, text):
            raise ValueError(f"must match pattern '{self.pattern}'")
        return text


class Read(Record):
    """A value that this function makes of what is written; it raises ValueError with the reason."""

    read: Callable[[Any], Any]


def read(
    record: type[R],
    given: Mapping[str, Any],
    *,
    unknown: Literal["refused", "ignored"] = "refused",
    named: Callable[[str], str] = str,
) -> R:
    """The record of these values, each a text or a value of its field's type.

    A field is a `str`, `int`, `float`, `bool`, `Path`, `Secret`, a Literal, another record, a mapping or tuple of these, each of
    them or None; an `Annotated` adds `Range`, `Pattern` or `Read`.

    Raises InvalidInput where one does not fit, is missing, or, unless `unknown` is "ignored", where there is no such field: with
    a sentence for each field (`a.b: …` for one inside another; `named` makes its name of the field's), and the reasons by field.
    """
    found, problems = _read(record, given, unknown)
    if problems:
        reasons: dict[str, str] = {}
        for (outer, *inner), reason in problems:
            reasons.setdefault(outer, f"{'.'.join(inner)}: {reason}" if inner else reason)
        sentences = (f"{named(printable('.'.join(place), 60))}: {reason}" for place, reason in problems)
        raise InvalidInput("; ".join(sentences), reasons)
    return record(**found)


_Problems = list[tuple[tuple[str, ...], str]]


class _Inside(ValueError):
    """What is wrong in a value that holds others."""

    def __init__(self, problems: _Problems) -> None:
        super().__init__()
        self.problems = problems


def _read(record: Any, given: Mapping[str, Any], unknown: str) -> tuple[dict[str, Any], _Problems]:
    hints = _hints(record)
    found: dict[str, Any] = {}
    problems: _Problems = []
    for name in record.FIELDS:
        if name in given:
            try:
                found[name] = _value(hints[name], given[name])
            except _Inside as error:
                problems += [((name, *place), reason) for place, reason in error.problems]
            except ValueError as error:
                problems.append(((name,), str(error)))
        elif name not in record.DEFAULTS:
            problems.append(((name,), "is required"))
    for name in given.keys() - set(record.FIELDS) if unknown == "refused" else ():
        problems.append(((name,), f"there is no such field; {suggestion(name, record.FIELDS, 'fields')}"))
    return found, problems


@cache
def _hints(record: Any) -> dict[str, Any]:
    classes = [each for each in reversed(record.__mro__) if issubclass(each, Record) and each is not Record]
    return {name: hint for each in classes for name, hint in annotations_of(each, vars(sys.modules[each.__module__])).items()}


def annotations_of(annotated: Any, names: dict[str, Any]) -> dict[str, Any]:
    """What the annotations of a class or function stand for; where they are texts, these are the names in them.

    `get_type_hints` reads texts by `compile`, whose first call takes 3 ms, as much as most of a short command.
    """
    found = annotated.__annotations__.items()
    return {name: eval(hint, names) if isinstance(hint, str) else hint for name, hint in found}  # noqa: S307 - our own code


def _value(hint: Any, given: Any) -> Any:
    """The value of a field with that annotation; ValueError with the reason, worded to follow the field's name."""
    origin, inside = get_origin(hint), get_args(hint)
    if origin is Annotated:
        if reading := next((extra.read for extra in inside[1:] if isinstance(extra, Read)), None):
            return reading(given)
        value = _value(inside[0], given)
        for check in inside[1:]:
            value = value if value is None else check(value)
        return value
    if origin in (Union, types.UnionType):
        return None if given is None else _value(next(each for each in inside if each is not type(None)), given)
    if origin is Literal:
        if given not in inside:
            *most, last = map(repr, inside)
            raise ValueError(f"must be {', '.join(most)} or {last}")
        return given
    if origin in (Mapping, tuple):
        return _many(origin, inside, given)
    if isinstance(hint, type) and issubclass(hint, Record):
        return _inner(hint, given)
    return _READERS[hint](given) if hint in _READERS else hint(_text(given))  # such as a Path


def _many(origin: type[Any], inside: tuple[Any, ...], given: Any) -> Any:
    """The mapping or tuple of what is written as one; a tuple is of one type, `tuple[str, ...]`."""
    if origin is Mapping and not isinstance(given, Mapping):
        raise ValueError("must be an object of fields and values")
    if origin is tuple and not isinstance(given, list | tuple):
        raise ValueError("must be a list")
    pairs = given.items() if origin is Mapping else ((str(place), value) for place, value in enumerate(given))
    found, problems = {}, []
    for name, value in pairs:
        try:
            found[name] = _value(inside[1] if origin is Mapping else inside[0], value)
        except _Inside as error:
            problems += [((name, *place), reason) for place, reason in error.problems]
        except ValueError as error:
            problems.append(((name,), str(error)))
    if problems:
        raise _Inside(problems)
    return found if origin is Mapping else tuple(found.values())


def _inner(record: Any, given: Any) -> Any:
    if not isinstance(given, Mapping):
        raise ValueError("must be an object of fields and values")
    found, problems = _read(record, given, "refused")
    if problems:
        raise _Inside(problems)
    return record(**found)


def _text(given: Any) -> str:
    if not isinstance(given, str):
        raise ValueError("must be a valid string")
    return given


def _integer(given: Any) -> int:
    text = given.strip() if isinstance(given, str) else given
    if isinstance(text, bool) or not isinstance(text, int | str) or not re.fullmatch(r"[+-]?[0-9]{1,20}", str(text)):
        raise ValueError("must be a valid integer" + (", unable to parse string as an integer" if isinstance(given, str) else ""))
    return int(text)


def _number(given: Any) -> float:
    try:
        if isinstance(given, str | int | float) and not isinstance(given, bool):
            return float(given)
    except (ValueError, OverflowError):
        pass
    raise ValueError("must be a valid number")


def _truth(given: Any) -> bool:
    found = given if isinstance(given, bool) else _TRUTHS.get(str(given).strip().lower())
    if found is None:
        raise ValueError("must be a valid boolean, true or false")
    return found


_READERS: Final[dict[Any, Callable[[Any], Any]]] = {
    str: _text,
    int: _integer,
    float: _number,
    bool: _truth,
    Secret: lambda given: Secret(_text(given)),
}
