"""Reads the words of a command line by what the command declares, without typer: importing it takes longer than most commands.

It reads what is plain, and leaves the rest to typer (`command_line.with_typer`), which reads it all over again and has the words
for what is wrong: an unknown command or option, a value that is missing or no number, `--help` of an odd terminal.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from qtui_workers.command_line.declare import REQUIRED, Parameter, declared_by
from qtui_workers.records import Record


class NotPlain(Exception):
    """Words that typer has to read."""


class NamedParameter(Record):
    """A parameter of the function of a command: its name, and what is typed for it."""

    name: str
    kind: type[Any]
    """Of one value: str, int, float, bool, or a StrEnum."""
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
    known = list(parameters_of(function))
    values, plain, waiting = _taken(known, words)
    values |= _arguments([parameter for parameter in known if not parameter.declared.is_option], plain)
    if waiting or any(parameter.required and parameter.name not in values for parameter in known):
        raise NotPlain
    return values


def next_after(
    function: Callable[..., Any], words: Sequence[str]
) -> tuple[dict[str, Any], NamedParameter | None, list[tuple[str, str]]]:
    """What may come after these words: the values of options so far, the parameter of the next word, and the options with help.

    Raises NotPlain as `read` does.
    """
    known = list(parameters_of(function))
    values, plain, waiting = _taken(known, words)
    options = [
        (flag, parameter.declared.help)
        for parameter in known
        if parameter.declared.is_option and (parameter.many or parameter.name not in values)
        for flag in parameter.flags
    ]
    left = [parameter for parameter in known if not parameter.declared.is_option]
    while left and plain and not left[0].many:
        del left[0], plain[0]
    if left and plain:
        values[left[0].name] = plain
    return values, waiting or next(iter(left), None), options


def split(words: list[str]) -> tuple[list[str], list[str]]:
    """The options before the command, and the words from its name on."""
    at = 0
    while at < len(words) and words[at].startswith("-"):
        at += 2 if words[at] in ("--url", "--context") else 1
    return words[:at], words[at:]


def _taken(parameters: list[NamedParameter], words: Sequence[str]) -> tuple[dict[str, Any], list[str], NamedParameter | None]:
    """The values of the options, the words without a name, and the option that has yet to get its value."""
    options = {flag: parameter for parameter in parameters if parameter.declared.is_option for flag in parameter.flags}
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
            if (parameter := options.get(flag)) is None or (parameter.name in values and not parameter.many):
                raise NotPlain
            if parameter.kind is bool:
                if equals or not parameter.declared.flags:
                    raise NotPlain
                values[parameter.name] = True
                continue
            if not equals:
                if (following := next(left, None)) is None:
                    return values, plain, parameter
                if (text := following)[:1] == "-":
                    raise NotPlain
            value = _value(parameter, text)
            values[parameter.name] = [*values.get(parameter.name, []), value] if parameter.many else value
    return values, plain, None


def _arguments(parameters: list[NamedParameter], words: list[str]) -> dict[str, Any]:
    """The words without a name, one for each parameter; a list, which is the last one, takes all that are left."""
    found: dict[str, Any] = {}
    for parameter in parameters:
        taken, words = (words, []) if parameter.many else (words[:1], words[1:])
        if taken:
            read_ones = [_value(parameter, word) for word in taken]
            found[parameter.name] = read_ones if parameter.many else read_ones[0]
    if words:
        raise NotPlain
    return found


def _value(parameter: NamedParameter, text: str) -> Any:
    try:
        value = parameter.kind(text)
    except ValueError:
        raise NotPlain from None
    least, most = parameter.declared.least, parameter.declared.most
    if (least is not None and not value >= least) or (most is not None and not value <= most):
        raise NotPlain
    return value


def parameters_of(function: Callable[..., Any]) -> Iterator[NamedParameter]:
    """The parameters of a command's function; raises NotPlain where one is of no kind that is read here."""
    for name, (hint, default) in declared_by(function).items():
        origin: Any = get_origin(hint)
        if origin is not Annotated:
            raise NotPlain
        inner, declared = get_args(hint)
        if get_origin(inner) in (Union, UnionType):
            (inner,) = (each for each in get_args(inner) if each is not type(None))
        many = get_origin(inner) is list
        kind = get_args(inner)[0] if many else inner
        if not issubclass(kind, str | int | float) or not isinstance(declared, Parameter):
            raise NotPlain
        yield NamedParameter(name, kind, many, declared, default is REQUIRED)
