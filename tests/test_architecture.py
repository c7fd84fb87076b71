"""ARCHITECTURE.md names every room; it and the docstrings name nothing that is not there."""

from __future__ import annotations

import pkgutil
import re
from contextlib import suppress
from pathlib import Path

from tests.test_layers import FLOORS, modules

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "ARCHITECTURE.md").read_text("utf-8")


def test_every_room_has_its_line() -> None:
    named = re.findall(r"^\| `([a-z_/]+)/` \|", PAGE, re.MULTILINE)
    folders = {path.parent for package in ("qtui", "workers") for path in (ROOT / package).rglob("*.py")}
    folders |= {path.parent for package in ("qtui", "workers") for path in (ROOT / package).rglob("*.lua")}
    rooms = {str(folder.relative_to(ROOT)) for folder in folders if "__pycache__" not in folder.parts}
    assert sorted(named) == sorted({*rooms, "tests"})


def test_every_file_that_is_named_exists() -> None:
    named = re.findall(r"`((?:qtui|workers|tests)/[\w/]+\.(?:py|lua))`", PAGE)
    assert len(named) > 10
    assert [name for name in named if not (ROOT / name).is_file()] == []
    scripts = {path.name for path in ROOT.glob("**/lua/*.lua")}
    assert set(re.findall(r"`(\w+\.lua)`", PAGE)) <= scripts


def test_the_order_of_the_rooms_is_the_one_that_is_checked() -> None:
    written = re.search(r"in the order of the table's.*? part: (.*?); and (.*?)\.", PAGE, re.DOTALL)
    assert written
    assert [tuple(re.findall(r"`(\w+)`", order)) for order in written.groups()] == list(FLOORS.values())


def test_every_module_that_a_docstring_names_exists() -> None:
    named = [
        (name, module)
        for module, path in modules().items()
        for name in re.findall(r"`([a-z_]+(?:\.\w+)+)`", path.read_text("utf-8"))
        if name.split(".")[0] in {*FLOORS, *sum(FLOORS.values(), ())} and not name.endswith((".lock", ".tcss"))
    ]
    assert len(named) > 30
    assert [each for each in named if not _exists(each[0])] == []


def _exists(name: str) -> bool:
    """Whether a name that may begin with a room is that of a module, or of what one holds."""
    for package in ("", "qtui.", "qtui_workers."):
        with suppress(ImportError, AttributeError):
            pkgutil.resolve_name(package + name)
            return True
    return False
