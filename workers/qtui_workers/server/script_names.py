"""The names that scripts use in place of what they stand for: `keys.job(id)`, `statuses.waits[status]`, `args.worker`.

Each is replaced in the text of the script where it stands, so that a script makes no tables and no functions of names that a
call does not need. A table is made only where a script looks a fact up by a status that it does not know before it runs.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from types import FunctionType
from typing import Any, Final

from qtui_workers.server import keys
from qtui_workers.statuses import FACTS, Status
from qtui_workers.text import encode

_NAME: Final = re.compile(r"\b(keys|statuses|args)\.(\w+)")
_FUNCTION: Final = re.compile(r"^local function (\w+)\(.*?^end\n", re.MULTILINE | re.DOTALL)
"""A function at the beginning of a line; the functions inside others are indented."""
_STATUS: Final = re.compile(r"\.(\w+)")
_ARGUMENT: Final = re.compile(r"\0(\d+)\0")
_WORD: Final = re.compile(r"[\w.]+")
_IDENTIFIER: Final = re.compile(r"\w+")


def written_out(body: str, arguments: tuple[str, ...]) -> str:
    """The script with what its names stand for; `FIRST` is the place of the first argument without a name.

    Raises ValueError where it uses a name that does not exist.
    """
    tables: set[str] = set()
    text = _replaced(body, arguments, tables)
    facts = ", ".join(f"{fact} = {_column(fact)}" for fact in sorted(tables))
    head = f"local statuses = {{ {facts} }}\n" if facts else ""
    return f"{head}local FIRST = {len(arguments) + 1}\n{text}"


def without_unused(body: str) -> str:
    """The script without the functions of the files that it requires which it does not call: the server would make each of them
    anew at every call."""
    functions = {found[1]: found[0] for found in _FUNCTION.finditer(body)}
    used = Counter(_IDENTIFIER.findall(body))
    while unused := [name for name in functions if used[name] == 1]:
        for name in unused:
            text = functions.pop(name)
            body = body.replace(text, "")
            used.subtract(_IDENTIFIER.findall(text))
    return body


def _replaced(body: str, arguments: tuple[str, ...], tables: set[str]) -> str:
    """The text; notes in `tables` the facts that it needs as tables."""
    pieces, at = [], 0
    for found in _NAME.finditer(body):
        if found.start() < at:  # inside the arguments of a key's name
            continue
        pieces.append(body[at : found.start()])
        kind, name = found.groups()
        at = found.end()
        if kind == "args":
            pieces.append(_argument(name, arguments))
        elif kind == "statuses":
            status = _STATUS.match(body, at)
            at = status.end() if status else at
            pieces.append(_fact(name, status[1] if status else None, tables))
        else:
            called = body[at : at + 1] == "("
            given, at = _given(body, at)
            pieces.append(_key(name, [_replaced(one, arguments, tables) for one in given]) if called else _uncalled(name))
    return "".join([*pieces, body[at:]])


def _argument(name: str, arguments: tuple[str, ...]) -> str:
    if name not in arguments:
        raise ValueError(f"args.{name}: the script declares no such argument")
    return f"ARGV[{arguments.index(name) + 1}]"


def _fact(fact: str, status: str | None, tables: set[str]) -> str:
    """A fact of that status, or the table with that of all statuses."""
    if fact not in FACTS:
        raise ValueError(f"statuses.{fact}: qtui_workers/statuses.py has no such fact")
    if status is None:
        tables.add(fact)
        return f"statuses.{fact}"
    return _value(getattr(Status[status.upper()], fact))


def _column(fact: str) -> str:
    """A fact of all statuses as a table in Lua."""
    values: Mapping[str, Any] = {status.value: getattr(status, fact) for status in Status}
    return f"{{ {', '.join(f'{status} = {_value(value)}' for status, value in values.items() if value)} }}"


def _value(value: str | bool | None) -> str:
    return _quoted(value) if isinstance(value, str) else "true" if value else "nil"


def _key(name: str, given: list[str]) -> str:
    """The name of a key in Lua: a text, or the pieces of which it is made."""
    made = getattr(keys, name, None)
    if isinstance(made, str) and not given:
        return _quoted(made)
    if not isinstance(made, FunctionType) or made.__module__ != keys.__name__:
        raise ValueError(f"keys.{name}: server/keys.py has no such name")
    if len(given) != len(_parameters(made)):
        raise ValueError(f"keys.{name}: called with {len(given)} arguments")
    text = made(*(f"\0{place}\0" for place in range(len(given))))
    pieces = [_quoted(piece) if place % 2 == 0 else _operand(given[int(piece)]) for place, piece in _parts(text)]
    return f"({' .. '.join(pieces)})"


def _uncalled(name: str) -> str:
    """The name of a key that is a text, or the function that makes one, as a value."""
    made = getattr(keys, name, None)
    if not isinstance(made, FunctionType):
        return _key(name, [])
    parameters = _parameters(made)
    return f"function({', '.join(parameters)}) return {_key(name, parameters)} end"


def _parameters(function: FunctionType) -> list[str]:
    """The names of its parameters, without `inspect`, which takes longer to import than all scripts to be put together."""
    return list(function.__code__.co_varnames[: function.__code__.co_argcount])


def _parts(text: str) -> Iterator[tuple[int, str]]:
    """What stands between the places of arguments (even), and the numbers of these (odd)."""
    return ((place, piece) for place, piece in enumerate(_ARGUMENT.split(text)) if piece)


def _operand(expression: str) -> str:
    return expression if _WORD.fullmatch(expression) else f"({expression})"


def _given(body: str, at: int) -> tuple[list[str], int]:
    """The arguments of a call that begins there, and where it ends; none where there is no call."""
    if body[at : at + 1] != "(":
        return [], at
    given, depth, begin, quote = [], 0, at + 1, ""
    for place in range(at, len(body)):
        character = body[place]
        if quote or character in "'\"":
            quote = "" if character == quote else quote or character
        elif character in "([{":
            depth += 1
        elif character in ")]}" and depth > 1:
            depth -= 1
        elif character in "),":
            if depth > 1:
                continue
            given.append(body[begin:place].strip())
            begin = place + 1
            if character == ")":
                return given, begin
    raise ValueError(f"a call does not end: {body[at : at + 50]}")


def _quoted(text: str) -> str:
    """The text as a Lua string, whatever its bytes."""
    plain = text.isascii() and text.isprintable() and not set(text) & set("\"\\'")
    return f"'{text}'" if plain else '"' + "".join(f"\\{byte:03}" for byte in encode(text)) + '"'
