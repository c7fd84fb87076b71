"""What people write in the config file about a job: addresses of pages about it, and commands of their own.

What is filled in comes from Redis, so anybody may have written it: an address gets it quoted, a command only where it cannot be
taken for anything but a word.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

from qtui_workers.errors import InvalidInput, Refused
from qtui_workers.text import printable

if TYPE_CHECKING:
    from qtui.broker.models import JobRow

NAMES: Final = ("id", "queue", "status", "function")
"""What can be filled in."""
_PLACE: Final = r"\{([a-z_]+)\}"
_ADDRESS: Final = r"https?://[^\s{}/?#]+([/?#]\S*)?"
_WORD: Final = r"(?a)(?!-)(?!.*\.\.)[\w.:@/+,=%-]+"
"""Also another shell, at the far end of an ssh say, takes these as one word, which is no option and no way out of a folder."""


def of_address(text: str) -> str:
    """The template of an address, as it is written; ValueError where it is none."""
    if not re.fullmatch(_ADDRESS, text):
        raise ValueError(
            "must be an address that begins with http:// or https:// and a host, such as https://sentry.example/?query={id}"
        )
    _check_places(text)
    return text


def of_command(words: tuple[str, ...]) -> tuple[str, ...]:
    """The template of a command, as it is written; ValueError where it is none."""
    if not words or not words[0] or re.search(_PLACE, words[0]):
        raise ValueError('must begin with the name of a program: ["grep", "{id}", "/var/log/app.log"]')
    if "\0" in "".join(words):
        raise ValueError("must not hold a zero byte")
    for word in words:
        _check_places(word)
    return words


def _check_places(text: str) -> None:
    for name in re.findall(_PLACE, text):
        if name not in NAMES:
            raise ValueError(f"there is no {{{name}}}; what can be filled in is {', '.join(f'{{{each}}}' for each in NAMES)}")


def facts_of(row: JobRow | None) -> dict[str, str | None]:
    """What can be filled in of a job; None where it is not known."""
    if row is None:
        return {}
    return {
        "id": row.id,
        "queue": row.queue,
        "status": row.status.value if row.status else None,
        "function": row.function,
    }


def addresses(templates: Mapping[str, str], row: JobRow) -> dict[str, str]:
    """The addresses of pages about a job, by their names; without those for which something is not known."""
    facts = facts_of(row)
    return {
        name: _filled(template, facts, _quoted)
        for name, template in templates.items()
        if all(facts[place] for place in re.findall(_PLACE, template))
    }


def words(template: tuple[str, ...], row: JobRow | None) -> tuple[str, ...]:
    """The words of a command about a job, or about none.

    Raises InvalidInput where something is not known, Refused where it could be taken for more than a word.
    """
    facts = facts_of(row)
    for name in dict.fromkeys(name for word in template for name in re.findall(_PLACE, word)):
        value = facts.get(name)
        if not value:
            raise InvalidInput(f"the job's {name} is not known" if row else "this is about a job, and none is under the cursor")
        if not re.fullmatch(_WORD, value):
            raise Refused(f"the job's {name}, {printable(value, 60)!r}, could be taken for more than a word: nothing was run")
    return tuple(_filled(word, facts, str) for word in template)


def _quoted(value: str) -> str:
    from urllib.parse import quote

    return quote(value, safe="", errors="replace")


def _filled(template: str, facts: Mapping[str, str | None], made: Callable[[str], str]) -> str:
    return re.sub(_PLACE, lambda place: made(facts[place[1]] or ""), template)
