"""Who may import whom: read from the sources, and from what is really loaded."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Mapping
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from tests.support import clean_environment

ROOT = Path(__file__).parent.parent
PACKAGES = {"qtui": ROOT / "qtui", "qtui_workers": ROOT / "workers" / "qtui_workers"}

FORBIDDEN = {
    "qtui_workers": ("qtui", "textual", "rich"),
    "qtui.broker": ("textual", "rich", "typer", "qtui.screens", "qtui.widgets", "qtui.commands", "qtui.app", "qtui.cli"),
    "qtui.widgets": ("qtui.screens", "qtui.app", "qtui.commands", "redis", "rq"),
    "qtui.screens": ("qtui.commands", "qtui.cli", "qtui.app", "qtui.changes", "qtui.palette"),
    "qtui.commands": ("textual", "qtui.screens", "qtui.widgets", "qtui.app"),
}
"""What a room must not import."""

FLOORS = ("command_line", "server", "reading", "reporting", "define", "rate", "enqueue", "services", "processors", "engine")
"""The rooms of the processing side: each imports only those before it, and modules beside the rooms that import no room."""


@cache
def modules() -> Mapping[str, Path]:
    """The file of every module of ours, by its dotted name."""
    return {
        ".".join((name, *path.relative_to(folder).with_suffix("").parts)).removesuffix(".__init__"): path
        for name, folder in PACKAGES.items()
        for path in sorted(folder.rglob("*.py"))
    }


@cache
def imported_by(module: str) -> frozenset[str]:
    """Every module that a module imports, also only for type checkers, also inside functions; a name of ours as its module."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(modules()[module].read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.module, f"{module}:{node.lineno}: imports are absolute"
            assert node.level == 0, f"{module}:{node.lineno}: imports are absolute"
            whole = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= (whole & modules().keys()) | ({node.module} if whole - modules().keys() else set())
    return frozenset(found)


def is_in(module: str, room: str) -> bool:
    return module == room or module.startswith(f"{room}.")


@pytest.mark.parametrize("room", FORBIDDEN)
def test_a_room_imports_only_what_is_below_it(room: str) -> None:
    inside = [module for module in modules() if is_in(module, room)]
    assert inside
    wrong = [
        f"{module} imports {name}"
        for module in inside
        for name in imported_by(module)
        if any(is_in(name, forbidden) for forbidden in FORBIDDEN[room])
    ]
    assert not wrong, "\n".join(wrong)


def test_no_module_imports_itself_over_others() -> None:
    # What the package imports for type checkers only, it loads when the name is first used.
    graph = {module: imported_by(module) & modules().keys() for module in modules() if module != "qtui_workers"}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(f"a circle of imports: {' ← '.join(error.args[1])}")


def test_one_module_of_the_commands_knows_typer() -> None:
    assert [module for module in modules() if is_in(module, "qtui") and "typer" in imported_by(module)] == [
        "qtui.commands.with_typer"
    ]


def test_a_circle_would_be_found() -> None:
    with pytest.raises(CycleError):
        TopologicalSorter({"a": ["b"], "b": ["c"], "c": ["a"]}).prepare()


def room_of(module: str) -> str:
    """The room of a module of the processing side; '' for what stands beside the rooms."""
    _, _, rest = module.partition(".")
    room, _, _ = rest.partition(".")
    return room if (PACKAGES["qtui_workers"] / room).is_dir() else ""


def test_the_rooms_of_the_processing_side_stand_on_each_other() -> None:
    rooms = {path.name for path in PACKAGES["qtui_workers"].iterdir() if (path / "__init__.py").exists()}
    assert rooms == set(FLOORS)
    height = {"": -1} | {room: number for number, room in enumerate(FLOORS)}
    wrong = [
        f"{module} imports {name}"
        for module in modules()
        if is_in(module, "qtui_workers") and module not in ("qtui_workers", "qtui_workers.cli", "qtui_workers.testing")
        for name in imported_by(module)
        if is_in(name, "qtui_workers") and height[room_of(name)] > height[room_of(module)]
    ]
    assert not wrong, "\n".join(wrong)


def test_every_module_has_a_docstring_and_stays_under_400_lines() -> None:
    folders = [*PACKAGES.values(), *(ROOT / name for name in ("tests", "screenshots", "benchmarks"))]
    sources = [path for folder in folders for path in folder.rglob("*.py")]
    assert len(sources) > 200
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
    return set(json.loads(lines_of(code, home, **environment)[-1]))


def lines_of(code: str, home: Path, **environment: str) -> list[str]:
    """What a program of Python writes to standard error, line by line."""
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=clean_environment(home, **environment),
        capture_output=True,
        text=True,
        timeout=60,
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stderr
    return done.stderr.splitlines()


def test_enqueue_loads_no_textual(server, home: Path) -> None:
    loaded = loaded_by(["enqueue", "test_job", "message=hello", "--json"], home, REDIS_URL=server.url)
    assert "redis" in loaded
    assert "textual" not in loaded


def test_a_worker_loads_nothing_of_the_operators_side(home: Path) -> None:
    operator = "{'qtui', 'textual'}"
    code = (
        "import sys, qtui_workers.cli, qtui_workers.engine.start; "
        f"print(sorted({{n.partition('.')[0] for n in sys.modules}} & {operator}), file=sys.stderr)"
    )
    assert lines_of(code, home) == ["[]"]
