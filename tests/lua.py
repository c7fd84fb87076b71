"""All Lua scripts, and what luacheck finds in them: `python -m tests.lua` prints it, by file and line.

A file is checked within every script that requires it, as it uses what comes before it. What is never used by any of them
is a finding; what only some of them use is not.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from qtui_workers.server.scripts import Script

ROOT: Final = Path(__file__).parent.parent
PACKAGES: Final = ("qtui_workers", "qtui.broker")
LUACHECK: Final = shutil.which("luacheck")
_FOUND: Final = re.compile(r"^\s*(\S+):(\d+):\d+: (.*)$", re.MULTILINE)
_UNUSED: Final = "(W21"


def folder(package: str) -> Path:
    """Where a package keeps its scripts."""
    return Path(str(files(package))) / "lua"


def all_scripts() -> Iterator[tuple[str, Script]]:
    """Every file of both packages as a script, with its path."""
    for package in PACKAGES:
        for path in sorted(folder(package).glob("*.lua")):
            yield str(path.relative_to(ROOT)), Script.load(path.stem, package)


def findings() -> list[str]:
    """What luacheck, which has to be installed, finds in all scripts: `FILE:LINE: (CODE) what`."""
    scripts = [script for _, script in all_scripts()]
    users = Counter(part.name for script in scripts for part in script.parts)
    found = Counter(text for texts in _check(scripts) for text in texts)
    return sorted(text for text, times in found.items() if _UNUSED not in text or times == users[Path(text.split(":")[0]).stem])


def _check(scripts: Sequence[Script]) -> Iterator[set[str]]:
    """What is found in each, by one luacheck: most of what it takes is its start."""
    assert LUACHECK
    with TemporaryDirectory() as folder:
        paths = [Path(folder) / f"{number}.lua" for number in range(len(scripts))]
        for path, script in zip(paths, scripts, strict=True):
            path.write_text("\n".join(part.text.rstrip("\n") for part in script.parts), "utf-8")
        command = [LUACHECK, *map(str, paths), "--config", str(ROOT / ".luacheckrc"), "--codes", "--no-color"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    seen = _FOUND.findall(done.stdout)
    for path, script in zip(paths, scripts, strict=True):
        lines = [(part.name, number) for part in script.parts for number in range(1, len(part.text.splitlines()) + 1)]
        wheres = [(*lines[int(line) - 1], what) for name, line, what in seen if name == str(path)]
        yield {f"{name}.lua:{number}: {re.sub(r' on line [0-9]+', '', what)}" for name, number, what in wheres}


def main() -> int:
    """Prints the findings; 1 where there are any, and a word where luacheck is not installed."""
    if not LUACHECK:
        print("luacheck is not installed (Debian: lua-check): the Lua scripts are not checked", file=sys.stderr)
        return 0
    found = findings()
    print("\n".join(found) or "The Lua scripts are fine.")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
