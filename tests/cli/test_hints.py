"""Every text that names a command for people names it with the options of the connection, or the test knows why it need not."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from qtui.commands import find_all

ROOT = Path(__file__).parents[2]
NAMES = "|".join(sorted((command.name for command in find_all()), key=len, reverse=True))
COMMAND = re.compile(rf"\bqtui (?:(?:{NAMES})\b|\{{)|[Ss]tart (?:one|it|a worker|another worker)?:? ?qtui-worker\b")
OPTIONS = re.compile(r"\{[^}]*\b(here|connection_options\.suffix)\b[^}]*\}")
"""The options of the connection, in a text of a program."""
LOCAL = re.compile(r"\bqtui (?:keys|demo|enqueue --list)\b")
"""These need no connection."""

NO_HINTS = {
    "qtui/cli.py: qtui {version('qtui-rq')}",
    "qtui/commands/connection.py: {chosen.name} is read-only: qtui {what} was not done",
    "workers/qtui_workers/engine/worker.py: qtui {_own_version()}, rq {version('rq')}",
}
"""Versions, and what was refused: nobody is to type them."""


def _texts(tree: ast.AST) -> Iterator[ast.expr]:
    """The texts of a module, but for docstrings, and for the help of options, which is the same for all connections."""
    if isinstance(tree, ast.Constant | ast.JoinedStr):
        yield tree
        return
    if isinstance(tree, ast.Expr) and isinstance(tree.value, ast.Constant):
        return
    if isinstance(tree, ast.Call) and isinstance(tree.func, ast.Name) and tree.func.id in ("option", "argument"):
        return
    for child in ast.iter_child_nodes(tree):
        yield from _texts(child)


def _flat(text: ast.expr) -> str:
    """The text as it reads, with what is filled in between braces."""
    if isinstance(text, ast.Constant):
        return text.value if isinstance(text.value, str) else ""
    assert isinstance(text, ast.JoinedStr)
    return "".join(
        f"{{{ast.unparse(part.value)}}}" if isinstance(part, ast.FormattedValue) else str(getattr(part, "value", ""))
        for part in text.values
    )


def hints(source: str) -> list[str]:
    """The texts of a module that name a command without the options of the connection after it."""
    return [
        text
        for text in map(_flat, _texts(ast.parse(source)))
        for named in COMMAND.finditer(text)
        if not LOCAL.match(text, named.start()) and not OPTIONS.search(text[named.end() :])
    ]


def test_every_text_that_names_a_command_has_the_options_of_the_connection() -> None:
    left = {
        f"{path.relative_to(ROOT)}: {text}"
        for folder in ("qtui", "workers")
        for path in sorted((ROOT / folder).rglob("*.py"))
        for text in hints(path.read_text("utf-8"))
    }
    assert left == NO_HINTS


@pytest.mark.parametrize(
    "source",
    [
        'say("run qtui undo --list")',
        'f"qtui undo {batch} puts it back"',
        'f"{here}: qtui hold lists it"',
        'f"Start one: qtui-worker"',
    ],
)
def test_a_command_without_them_is_found(source: str) -> None:
    assert hints(source)


@pytest.mark.parametrize(
    "source",
    [
        'f"qtui undo {batch}{here} puts it back"',
        'f"qtui undo{self.here}"',
        '"qtui keys lists them"',
        'option(help="as qtui hold")',
    ],
)
def test_one_with_them_and_one_that_needs_none_is_not(source: str) -> None:
    assert not hints(source)
