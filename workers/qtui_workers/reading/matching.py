"""Whether a job's function and the values of its payload are those that a person has typed: in filters, and in holds."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Sequence
from functools import cache, lru_cache
from typing import Any


@cache
def pattern(value: str) -> re.Pattern[str]:
    """Matches a whole text in which `*` stands for anything."""
    return re.compile(".*".join(map(re.escape, value.split("*"))), re.DOTALL)


def is_function(typed: str) -> Callable[[str], bool]:
    """Whether a dotted name is what was typed, or ends with it: `send_email` is meant by `mail.send_email` too."""
    ends = re.compile(r"(?:.*\.)?" + pattern(typed).pattern, re.DOTALL)
    return lru_cache(10_000)(lambda name: bool(ends.fullmatch(name)))


def is_value(typed: str) -> Callable[[Any], bool]:
    """Whether a plain value is what was typed; in a list it is enough that one item is."""
    is_one = _is_one_value(typed)
    return lambda value: any(map(is_one, value if isinstance(value, list) else [value]))


def _is_one_value(typed: str) -> Callable[[Any], bool]:
    matches = pattern(typed).fullmatch
    try:
        number = float(typed)
    except ValueError:
        number = math.nan

    def fits(value: Any) -> bool:
        if value is None or isinstance(value, dict | list):
            return False
        if isinstance(value, int | float) and not isinstance(value, bool) and value == number:
            return True
        return bool(matches(as_text(value)))

    return fits


def as_text(value: Any) -> str:
    """A plain value as people type it: text as it is, everything else as JSON writes it."""
    if isinstance(value, str):
        return value
    return str(value) if type(value) is int else json.dumps(value, ensure_ascii=False)


def at_path(value: Any, path: Sequence[str]) -> Any:
    """What a path of keys and places leads to; None where it leads nowhere."""
    for step in path:
        if isinstance(value, dict):
            value = value.get(step)
        elif isinstance(value, list) and step.isdecimal() and int(step) < len(value):
            value = value[int(step)]
        else:
            return None
    return value


def argument(args: Sequence[Any], kwargs: dict[str, Any], path: Sequence[str]) -> Any:
    """The value that a path leads to, from a keyword on, or from `args` or `kwargs` on; None where it leads nowhere."""
    found = at_path(kwargs, path)
    return at_path({"args": args, "kwargs": kwargs}, path) if found is None else found
