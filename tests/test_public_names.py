"""What programs import from `qtui_workers`: each name, what it is, and that nothing can take its place."""

from __future__ import annotations

import ast
import importlib
import re
import subprocess
import sys
from pathlib import Path

import pytest

import qtui_workers
from tests.everything import all_modules
from tests.support import clean_environment

PROMISED = {
    "Limit", "Payload", "QueueService", "RedisUnavailable", "Reschedule", "Unrecoverable", "Worker", "around_job", "connect",
    "current_job_id", "follow", "initiate_publishing", "limits", "once_per_process", "processor", "progress",
}  # fmt: skip
ROOT = Path(__file__).parent.parent


def typed() -> dict[str, str]:
    """The imports for type checkers: each public name, and the module that defines it."""
    tree = ast.parse(Path(qtui_workers.__file__).read_text("utf-8"))
    (block,) = [node for node in tree.body if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"]
    return {alias.name: str(line.module) for line in block.body if isinstance(line, ast.ImportFrom) for alias in line.names}


def python(home: Path, code: str) -> str:
    """What a fresh Python prints that runs this code."""
    path = f"{ROOT}:{Path(qtui_workers.__file__).parent.parent}"
    environment = clean_environment(home, PYTHONPATH=path)
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_the_names_that_are_promised_are_listed_and_known_to_type_checkers() -> None:
    assert set(qtui_workers.__all__) == PROMISED == typed().keys()
    assert set(dir(qtui_workers)) >= PROMISED


@pytest.mark.parametrize("name", sorted(PROMISED))
def test_a_name_is_what_type_checkers_take_it_for(name: str) -> None:
    assert getattr(qtui_workers, name) is getattr(importlib.import_module(typed()[name]), name)


def test_no_room_and_no_module_has_a_public_name() -> None:
    assert not {part for module in all_modules() for part in module.split(".")} & PROMISED


def test_a_name_stays_what_it_is_after_everything_was_imported(home: Path) -> None:
    code = (
        "import types, qtui_workers\n"
        "from tests.everything import all_modules\n"
        "all_modules()\n"
        "print([name for name in qtui_workers.__all__ if isinstance(getattr(qtui_workers, name), types.ModuleType)])"
    )
    assert python(home, code) == "[]"


def test_the_package_by_itself_loads_none_of_its_modules(home: Path) -> None:
    code = "import sys, qtui_workers; print([name for name in sys.modules if name.startswith('qtui_workers.')])"
    assert python(home, code) == "[]"


def test_another_name_is_no_attribute() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'Processor'"):
        _ = qtui_workers.Processor


def test_the_readme_imports_nothing_else_of_the_processing_side() -> None:
    blocks = "\n".join(re.findall(r"^```python\n(.*?)^```$", (ROOT / "README.md").read_text("utf-8"), re.MULTILINE | re.DOTALL))
    imports = re.findall(r"^from (qtui_workers[\w.]*) import (.+)$", blocks, re.MULTILINE)
    assert {module for module, _ in imports} == {"qtui_workers"}
    assert {name.strip() for _, names in imports for name in names.split(",")} <= PROMISED
