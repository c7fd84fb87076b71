"""Who may import whom: read from the sources, and from what is really loaded."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import clean_environment

ROOT = Path(__file__).parent.parent

FORBIDDEN = {
    "workers": ("qtui", "textual", "rich"),
    "qtui/broker": ("textual", "rich", "typer", "qtui.screens", "qtui.widgets", "qtui.commands", "qtui.app", "qtui.cli"),
    "qtui/widgets": ("qtui.screens", "qtui.app", "qtui.commands", "redis", "rq"),
    "qtui/screens": ("qtui.commands", "qtui.cli"),
    "qtui/commands": ("textual", "qtui.screens", "qtui.widgets", "qtui.app"),
}
"""What a room must not import."""


def imports(path: Path) -> Iterator[tuple[int, str]]:
    """Every module that a file imports when it runs, with the line; those for type checkers only are left out."""
    tree = ast.parse(path.read_text("utf-8"))
    typing_only = {
        id(node)
        for block in ast.walk(tree)
        if isinstance(block, ast.If) and "TYPE_CHECKING" in ast.unparse(block.test)
        for node in ast.walk(block)
    }
    for node in ast.walk(tree):
        if id(node) in typing_only:
            continue
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: imports are absolute"
            yield node.lineno, node.module or ""


@pytest.mark.parametrize("room", FORBIDDEN)
def test_a_room_imports_only_what_is_below_it(room: str) -> None:
    wrong = [
        f"{path.relative_to(ROOT)}:{line} imports {name}"
        for path in (ROOT / room).rglob("*.py")
        for line, name in imports(path)
        if any(name == no or name.startswith(f"{no}.") for no in FORBIDDEN[room])
    ]
    assert not wrong, "\n".join(wrong)


def test_every_module_has_a_docstring_and_stays_under_400_lines() -> None:
    sources = [path for room in ("qtui", "workers", "tests", "screenshots", "benchmarks") for path in (ROOT / room).rglob("*.py")]
    assert len(sources) > 40
    long = [f"{path}: {n} lines" for path in sources if (n := len(path.read_text("utf-8").splitlines())) > 400]
    mute = [str(path) for path in sources if (tree := ast.parse(path.read_text("utf-8"))).body and not ast.get_docstring(tree)]
    assert not long + mute


def loaded_by(arguments: list[str], home: Path, **environment: str) -> set[str]:
    """The top-level modules in memory when a command of ours has ended."""
    code = (
        "import sys, json\n"
        "from qtui.cli import main\n"
        f"sys.argv = {['qtui', *arguments]!r}\n"
        "try: main()\n"
        "except SystemExit as end: assert not end.code, end.code\n"
        "print(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=clean_environment(home, **environment),
        capture_output=True,
        text=True,
        timeout=60,
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stderr.splitlines()[-1]))


def test_enqueue_loads_no_textual(server, home: Path) -> None:
    loaded = loaded_by(["enqueue", "test_job", "message=hello", "--json"], home, REDIS_URL=server.url)
    assert "redis" in loaded
    assert "textual" not in loaded


def test_a_worker_loads_nothing_of_the_operators_side(home: Path) -> None:
    code = "import sys, qtui_workers.cli; print(sorted({n.partition('.')[0] for n in sys.modules} & {'qtui', 'textual'}))"
    done = subprocess.run(
        [sys.executable, "-c", code], env=clean_environment(home), capture_output=True, text=True, timeout=60, cwd=ROOT
    )
    assert done.stdout.strip() == "[]", done.stderr
