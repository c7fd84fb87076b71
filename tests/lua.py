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
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Final

from qtui_workers.server.scripts import Script

ROOT: Final = Path(__file__).parent.parent
PACKAGES: Final = ("qtui_workers", "qtui.broker")
LUACHECK: Final = shutil.which("luacheck")
_FOUND: Final = re.compile(r"^\s*stdin:(\d+):\d+: (.*)$", re.MULTILINE)
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
    found: Counter[str] = Counter()
    users: Counter[str] = Counter()
    for _, script in all_scripts():
        users.update(part.name for part in script.parts)
        found.update(set(_check(script)))
    return sorted(text for text, times in found.items() if _UNUSED not in text or times == users[Path(text.split(":")[0]).stem])


def _check(script: Script) -> Iterator[str]:
    assert LUACHECK
    lines = [(part.name, number) for part in script.parts for number in range(1, len(part.text.splitlines()) + 1)]
    text = "\n".join(part.text.rstrip("\n") for part in script.parts)
    command = [LUACHECK, "-", "--config", str(ROOT / ".luacheckrc"), "--codes", "--no-color"]
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    for line, what in _FOUND.findall(done.stdout):
        name, number = lines[int(line) - 1]
        yield f"{name}.lua:{number}: {re.sub(r' on line [0-9]+', '', what)}"


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
