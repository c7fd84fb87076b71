"""Styles are parsed once a process instead of once an application: an eighth of what a story costs."""

from __future__ import annotations

from typing import Any

from textual.css.model import RuleSet
from textual.css.stylesheet import Stylesheet

_parse = Stylesheet._parse_rules  # noqa: SLF001 - Textual's own cache is one of a single stylesheet
_parsed: dict[tuple[Any, ...], list[RuleSet]] = {}


def _parse_once(
    self: Stylesheet, css: str, read_from: Any, is_default_rules: bool = False, tie_breaker: int = 0, scope: str = ""
) -> list[RuleSet]:
    source = css, read_from, is_default_rules, tie_breaker, scope
    known = *source, tuple(self._variables.items())
    if known not in _parsed:
        _parsed[known] = _parse(self, *source)
    return _parsed[known]


def parse_once() -> None:
    """From now on all applications of this process share what was parsed: a theme's values are part of what is looked up."""
    Stylesheet._parse_rules = _parse_once  # type: ignore[method-assign] # noqa: SLF001
