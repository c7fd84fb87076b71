"""Removes secrets from text that is stored: what looks like a secret is replaced, in doubt too much rather than too little."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from functools import cache, lru_cache
from typing import Any, Final

HIDDEN: Final = "***"

_NAME: Final = (
    "passw(?:or)?ds?|passwd|passphrase|pwd|secrets?|secret[_-]?key|token|authorization|api[_-]?keys?|"
    "access[_-]?keys?|private[_-]?keys?|credentials?|cookie"
)
_VALUE: Final = r"""\\*[bBrRuUfF]?(?:"(?:[^"\\]|\\.)*"?|'(?:[^'\\]|\\.)*'?|[^\s,;&"'()\[\]{}<>]+)"""
# Each pattern begins with something that is rare, and nothing before that repeats without a bound: so the time grows only in
# proportion to the length.
_PATTERNS: Final = (
    # scheme://user:password@host, and scheme://token@host
    (r"(://[^\s/:@?#\"'<>]{0,200}):[^\s\"'<>]{0,300}@", rf"\1:{HIDDEN}@"),
    (r"(https?://)[^\s/:@?#\"'<>]{1,300}@", rf"\1{HIDDEN}@"),
    # Headers, whose value goes on to the end of the line or of the text in quotes
    (r"((?:authorization|cookie)\\{0,3}[\"']?\s{0,3}[:=,]\s{0,3}b?\\{0,3}[\"']?)[^\n\"'\\]+", rf"\1{HIDDEN}"),
    (r"(\bbearer\s{1,3})[\w.~+/=-]{8,}", rf"\1{HIDDEN}"),
    # name=value, "name": "value", ('name', 'value')
    (
        rf"((?:{_NAME})(?:\\{{0,3}}[\"']\s{{0,3}}[:=,]|\s{{0,3}}[:=])>?\s{{0,3}})(?!{re.escape(HIDDEN)}){_VALUE}",
        rf"\1{HIDDEN}",
    ),
    # --name value
    (rf"(--[\w-]{{0,40}}?(?:{_NAME})\s{{1,3}}){_VALUE}", rf"\1{HIDDEN}"),
)
_SUSPECT: Final = ("://", "bearer", "pass", "pwd", "secret", "token", "authorization", "key", "credential", "cookie")
"""No pattern matches a text without one of these; searching for these words costs a fifteenth of what the patterns cost."""
_IN_ADDRESS: Final = r"(://[^\s/:@?#\"'<>]{0,200}:)[^\s/?#\"'<>]{1,500}@"
_DEEPEST: Final = 4
_DEEPEST_SHOWN: Final = 50
_MOST: Final = 50


def redacted(text: str) -> str:
    """The text, with `***` in place of passwords, tokens and keys in addresses, headers, assignments, JSON and options."""
    folded = text.casefold()
    for part in _SUSPECT:
        if part in folded:
            break
    else:
        return text
    for pattern, replacement in patterns():
        text = pattern.sub(replacement, text)
    return text


@cache
def patterns() -> tuple[tuple[re.Pattern[str], str], ...]:
    """What finds a secret, and what is put in its place; compiled when there may be one, as most commands show none."""
    return tuple((re.compile(pattern, re.IGNORECASE), replacement) for pattern, replacement in _PATTERNS)


def redacted_field(name: str, value: Any, depth: int = 0) -> Any:
    """The value of that name as plain JSON data, with `***` in place of what its name or its form shows to be secret."""
    if _is_secret(name):
        return HIDDEN
    if value is None or isinstance(value, bool | int | float):
        return str(value) if isinstance(value, float) and not math.isfinite(value) else value  # JSON has no NaN
    if isinstance(value, Mapping) and depth < _DEEPEST:
        items = list(value.items())[:_MOST]
        return {str(key): redacted_field(str(key), inner, depth + 1) for key, inner in items}
    if isinstance(value, list | tuple | set | frozenset) and depth < _DEEPEST:
        return [redacted_field("", inner, depth + 1) for inner in list(value)[:_MOST]]
    return redacted(str(value))


def without_url_passwords(value: Any, depth: int = 0) -> Any:
    """Plain data as it may be shown: with `***` in place of the passwords of addresses, and all else as it is."""
    if isinstance(value, str):
        return re.sub(_IN_ADDRESS, rf"\1{HIDDEN}@", value) if "://" in value else value
    if isinstance(value, list) and depth < _DEEPEST_SHOWN:
        return [without_url_passwords(inner, depth + 1) for inner in value]
    if isinstance(value, dict) and depth < _DEEPEST_SHOWN:
        return {name: without_url_passwords(inner, depth + 1) for name, inner in value.items()}
    return value


@lru_cache(maxsize=1_000)
def _is_secret(name: str) -> bool:
    """Whether a value of that name is secret; cached, as the log lines of a worker have few names."""
    return bool(re.search(_NAME, name, re.IGNORECASE))
