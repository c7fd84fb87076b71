"""`qtui keys`: what the keys of the dashboard are called."""

from __future__ import annotations

from typing import Final

from qtui.commands.connection import preferences
from qtui.commands.options import Json
from qtui.printing import output
from qtui.printing.tables import columns

ORDER: Final = 245
FIXED: Final = "Fixed, and not in this list: tab, enter and arrows in dialogs, and the keys that edit a field."


def keys(json: Json = False) -> None:
    """The keys of the dashboard with the names by which `[keymap]` in the config file gives them to other keys."""
    from qtui.dashboard.launch import named_keys

    given = preferences().keymap
    found = [each._replace(keys=given.get(each.name, each.keys)) for each in named_keys()]
    if json:
        output.emit([each._asdict() for each in found])
    else:
        output.say(columns(["NAME", "KEYS", "WHAT"], [[*each] for each in found], ()))
        output.say(FIXED)
