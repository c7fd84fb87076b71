"""Reads TOML that is as plain as most config files are; `tomllib`, which reads all of it, takes 4 ms to import."""

from __future__ import annotations

from typing import Any


def read(text: str) -> dict[str, Any] | None:
    """What the text says, where each of its lines is a table's name, a comment, or a name and its value.

    None where a value is more than a text without escapes, a whole number or a bool, and where anything may be wrong: then
    `tomllib` has to read it, or to say what is wrong.
    """
    found: dict[str, Any] = {}
    table, seen = found, set[str]()
    for line in (each.strip(" ") for each in text.split("\n")):
        if not line.isprintable():
            return None
        if not line or line[0] == "#":
            continue
        if line[0] == "[":
            inner = _table(found, line)
            if inner is None or line in seen:
                return None
            table = inner
            seen.add(line)
            continue
        name, _, written = line.partition("=")
        name, value = name.rstrip(" "), _value(written.lstrip(" "))
        if value is None or name in table or not _is_bare(name):
            return None
        table[name] = value
    return found


def _table(found: dict[str, Any], line: str) -> dict[str, Any] | None:
    """The table that a line such as `[contexts.prod]` begins; made where there is none."""
    names = line[1:-1].split(".")
    if line[-1] != "]" or not all(map(_is_bare, names)):
        return None
    table = found
    for name in names:
        table = table.setdefault(name, {})
        if not isinstance(table, dict):
            return None
    return table


def _is_bare(name: str) -> bool:
    return name.isascii() and name.replace("-", "x").replace("_", "x").isalnum()


def _value(written: str) -> str | int | bool | None:
    if written in ("true", "false"):
        return written == "true"
    if len(written) < 2 or written[0] != '"':
        is_number = written.isascii() and written.isdecimal() and len(written) < 10
        return int(written) if is_number and (written[0] != "0" or written == "0") else None
    inside = written[1:-1]
    return inside if written[-1] == '"' and '"' not in inside and "\\" not in inside else None
