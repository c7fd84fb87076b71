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
    "qtui.broker": ("textual", "rich", "typer"),
    "qtui.presentation": ("textual", "typer"),
    "qtui.printing": ("textual", "typer"),
    "qtui.preferences": ("textual", "typer"),
    "qtui.widgets": ("redis", "rq"),
    "qtui.start": ("textual", "typer"),
    "qtui.commands": ("textual", "qtui.screens", "qtui.widgets", "qtui.dashboard.app"),
}
"""What a room must not import."""

FLOORS = {
    "qtui_workers": (
        *("command_line", "server", "reading", "reporting", "define", "rate", "enqueue", "services", "processors", "engine"),
    ),
    "qtui": (
        *("broker", "presentation", "printing", "preferences", "widgets", "shared", "screens", "start", "dashboard", "commands"),
    ),
}
"""The rooms of each package: each imports only those before it, and modules beside the rooms that import no room."""
ABOVE = ("qtui", "qtui.__main__", "qtui.cli", "qtui_workers", "qtui_workers.cli", "qtui_workers.testing")
"""What stands above the rooms."""


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


def test_a_lazy_module_has_the_name_that_type_checkers_know() -> None:
    branches = [
        (module, node)
        for module, path in modules().items()
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.If) and any("Lazy(" in ast.unparse(each) for each in node.orelse)
    ]
    assert len(branches) > 5
    wrong = {module: names for module, node in branches if (names := lazy_names(node.orelse) - imported_names(node.body))}
    assert not wrong


def lazy_names(statements: list[ast.stmt]) -> set[tuple[str, str]]:
    """Each name that stands for a module that is imported later, with that module."""
    found = set()
    for each in statements:
        assert isinstance(each, ast.Assign)
        (target,), value = each.targets, each.value
        names = target.elts if isinstance(target, ast.Tuple) else [target]
        calls = value.elts if isinstance(value, ast.Tuple) else [value]
        found |= {(ast.unparse(name), ast.literal_eval(call.args[0])) for name, call in zip(names, calls, strict=True)}  # type: ignore[attr-defined]  # a call of Lazy
    return found


def imported_names(statements: list[ast.stmt]) -> set[tuple[str, str]]:
    """Each name that is imported, with the module that it would stand for."""
    return {
        (alias.asname or alias.name, f"{each.module}.{alias.name}" if isinstance(each, ast.ImportFrom) else alias.name)
        for each in statements
        if isinstance(each, ast.Import | ast.ImportFrom)
        for alias in each.names
    }


def test_one_module_of_the_commands_knows_typer() -> None:
    assert [module for module in modules() if is_in(module, "qtui") and "typer" in imported_by(module)] == [
        "qtui.commands.with_typer"
    ]


def test_a_circle_would_be_found() -> None:
    with pytest.raises(CycleError):
        TopologicalSorter({"a": ["b"], "b": ["c"], "c": ["a"]}).prepare()


def room_of(module: str) -> str:
    """The room of a module; '' for what stands beside the rooms."""
    package, _, rest = module.partition(".")
    room, _, _ = rest.partition(".")
    return room if room in FLOORS[package] else ""


@pytest.mark.parametrize("package", FLOORS)
def test_the_rooms_of_a_package_stand_on_each_other(package: str) -> None:
    rooms = {path.parent.name for path in PACKAGES[package].glob("*/__init__.py")}
    assert rooms == set(FLOORS[package])
    height = {"": -1} | {room: number for number, room in enumerate(FLOORS[package])}
    wrong = [
        f"{module} imports {name}"
        for module in modules()
        if is_in(module, package) and module not in ABOVE
        for name in imported_by(module)
        if is_in(name, package) and height[room_of(name)] > height[room_of(module)]
    ]
    assert not wrong, "\n".join(wrong)


def test_no_room_imports_itself_over_others() -> None:
    """Each folder is one node, a module beside folders another; a folder's own `__init__` belongs to what imports it."""
    folders = {path.parent for name in PACKAGES for path in PACKAGES[name].rglob("*/__init__.py")}
    assert len(folders) > 20
    for folder in folders:
        circles = circle_within(folder)
        assert not circles, f"a circle of rooms in {folder}: {' ← '.join(circles)}"


def circle_within(folder: Path) -> list[str]:
    """A circle of imports among what lies directly in a folder: its modules, and its folders as a whole."""

    def member(path: Path) -> str:
        return path.relative_to(folder).parts[0].removesuffix(".py") if path.is_relative_to(folder) else ""

    graph: dict[str, set[str]] = {}
    for module, path in modules().items():
        if inside := member(path):
            others = {member(modules()[name]) for name in imported_by(module) & modules().keys()}
            graph.setdefault(inside, set()).update(others - {"", "__init__", inside})
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


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
