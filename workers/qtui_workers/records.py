"""Values that people write, in the environment or a file, as frozen dataclasses: checked by the annotations of their fields.

Light to import, unlike pydantic, which checks payloads: each command reads the environment and the config file when it starts.
A field is a `str`, `int`, `float`, `bool`, `Path`, `Secret`, a Literal, another such dataclass, a dict or tuple of these, each of
them or None; an `Annotated` adds `Range`, `Pattern` or `Read`.
"""

from __future__ import annotations

import math
import re
import types
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, is_dataclass
from functools import cache
from typing import Annotated, Any, Final, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from qtui_workers.errors import InvalidInput
from qtui_workers.naming import suggestion
from qtui_workers.text import printable

R = TypeVar("R")

_TRUTHS: Final = dict.fromkeys(("1", "true", "t", "yes", "y", "on"), True) | dict.fromkeys(
    ("0", "false", "f", "no", "n", "off"), False
)


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


@dataclass(frozen=True, slots=True)
class Range:
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


@dataclass(frozen=True, slots=True)
class Pattern:
    """A text that is as this regular expression says."""

    pattern: str

    def __call__(self, text: str) -> str:
        if not re.fullmatch(self.pattern, text):
            raise ValueError(f"must match pattern '{self.pattern}'")
        return text


@dataclass(frozen=True, slots=True)
class Read:
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
    for each in fields(record):
        if each.name in given:
            try:
                found[each.name] = _value(hints[each.name], given[each.name])
            except _Inside as error:
                problems += [((each.name, *place), reason) for place, reason in error.problems]
            except ValueError as error:
                problems.append(((each.name,), str(error)))
        elif each.default is each.default_factory:  # both are MISSING
            problems.append(((each.name,), "is required"))
    for name in given.keys() - hints.keys() if unknown == "refused" else ():
        problems.append(((name,), f"there is no such field; {suggestion(name, tuple(hints), 'fields')}"))
    return found, problems


@cache
def _hints(record: Any) -> dict[str, Any]:
    return get_type_hints(record, include_extras=True)


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
    if origin in (dict, tuple):
        return _many(origin, inside, given)
    if is_dataclass(hint):
        return _inner(hint, given)
    return _READERS[hint](given) if hint in _READERS else hint(_text(given))  # such as a Path


def _many(origin: type[Any], inside: tuple[Any, ...], given: Any) -> Any:
    """The dict or tuple of what is written as one; a tuple is of one type, `tuple[str, ...]`."""
    if origin is dict and not isinstance(given, Mapping):
        raise ValueError("must be an object of fields and values")
    if origin is tuple and not isinstance(given, list | tuple):
        raise ValueError("must be a list")
    pairs = given.items() if origin is dict else ((str(place), value) for place, value in enumerate(given))
    found, problems = {}, []
    for name, value in pairs:
        try:
            found[name] = _value(inside[1] if origin is dict else inside[0], value)
        except _Inside as error:
            problems += [((name, *place), reason) for place, reason in error.problems]
        except ValueError as error:
            problems.append(((name,), str(error)))
    if problems:
        raise _Inside(problems)
    return found if origin is dict else tuple(found.values())


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
