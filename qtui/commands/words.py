"""Reads the words of a command line by what the command declares, without typer: importing it takes longer than most commands.

It reads what is plain, and leaves the rest to typer (`qtui.commands.with_typer`), which reads it all over again and has the words
for what is wrong: an unknown command or option, a value that is missing or no number, `--help` of an odd terminal.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from types import UnionType
from typing import Annotated, Any, Final, Union, get_args, get_origin

from qtui.commands.declare import REQUIRED, Parameter, declared_by
from qtui_workers.records import Record

_KINDS: Final = (str, int, float, bool)


class NotPlain(Exception):
    """Words that typer has to read."""


class _Place(Record):
    """A parameter of the function of a command."""

    name: str
    kind: type[Any]
    """Of one value: str, int, float or bool."""
    many: bool
    declared: Parameter
    required: bool

    @property
    def flags(self) -> tuple[str, ...]:
        return self.declared.flags or (f"--{self.name.replace('_', '-')}",)


def read(function: Callable[..., Any], words: Sequence[str]) -> dict[str, Any]:
    """The arguments with which the words call the function, without those that are left at their defaults.

    Raises NotPlain where that is not certain.
    """
    places = list(_places(function))
    options = {flag: place for place in places if place.declared.is_option for flag in place.flags}
    values: dict[str, Any] = {}
    plain: list[str] = []
    left = iter(words)
    for word in left:
        if word == "--":
            plain += left
        elif word[:1] != "-" or word == "-":
            plain.append(word)
        else:
            flag, equals, text = word.partition("=")
            if (place := options.get(flag)) is None or (place.name in values and not place.many):
                raise NotPlain
            if place.kind is bool:
                if equals or not place.declared.flags:
                    raise NotPlain
                values[place.name] = True
                continue
            if not equals and ((text := next(left, "-")) and text[0] == "-"):
                raise NotPlain
            value = _value(place, text)
            values[place.name] = [*values.get(place.name, []), value] if place.many else value
    values |= _arguments([place for place in places if not place.declared.is_option], plain)
    if any(place.required and place.name not in values for place in places):
        raise NotPlain
    return values


def _arguments(places: list[_Place], words: list[str]) -> dict[str, Any]:
    """The words without a name, one for each place; a list, which is the last one, takes all that are left."""
    found: dict[str, Any] = {}
    for place in places:
        taken, words = (words, []) if place.many else (words[:1], words[1:])
        if taken:
            read_ones = [_value(place, word) for word in taken]
            found[place.name] = read_ones if place.many else read_ones[0]
    if words:
        raise NotPlain
    return found


def _value(place: _Place, text: str) -> Any:
    try:
        value = place.kind(text)
    except ValueError:
        raise NotPlain from None
    least, most = place.declared.least, place.declared.most
    if (least is not None and not value >= least) or (most is not None and not value <= most):
        raise NotPlain
    return value


def _places(function: Callable[..., Any]) -> Iterator[_Place]:
    for name, (hint, default) in declared_by(function).items():
        origin: Any = get_origin(hint)
        if origin is not Annotated:
            raise NotPlain
        inner, parameter = get_args(hint)
        if get_origin(inner) in (Union, UnionType):
            (inner,) = (each for each in get_args(inner) if each is not type(None))
        many = get_origin(inner) is list
        kind = get_args(inner)[0] if many else inner
        if kind not in _KINDS or not isinstance(parameter, Parameter):
            raise NotPlain
        yield _Place(name, kind, many, parameter, default is REQUIRED)
