"""What a word may be completed to, printed for the shell without typer, which takes longer to load than a person likes to wait.

The scripts in the shells are typer's (`--install-completion`): they ask by variables. Where the words so far are not plain, typer
answers (`qtui.commands.with_typer`), in the same words.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from qtui.commands import find, help_texts
from qtui_workers.command_line.plain_reader import NamedParameter, NotPlain, next_after, split

Item = tuple[str, str]
"""What the word may become, and what that means; '' where it says that itself."""


def answer(begin: Callable[..., None], instruction: str) -> str:
    """What is printed for the shell; `begin` takes the options before the command. Raises NotPlain where typer has to answer."""
    shell = {"complete_bash": _bash, "complete_zsh": _zsh, "complete_fish": _fish}.get(instruction)
    if shell is None:
        raise NotPlain
    return shell(begin)


def items(begin: Callable[..., None], words: list[str], begun: str) -> list[Item]:
    """What a word that is `begun` may become after these words, those of `qtui` without its own name."""
    if "=" in words or "=" in begun or "--" in words:
        raise NotPlain
    before, rest = split(words)
    given, parameter, _ = next_after(begin, before)
    if rest and parameter is None:
        command = find(rest[0])
        if command is None:
            raise NotPlain
        more, parameter, options = next_after(command.function, rest[1:])
        if begun[:1] == "-" and not (parameter and parameter.declared.is_option):
            named = [*options, *((flag, "Show this message and exit.") for flag in help_texts.ASKING)]
            return [item for item in named if item[0].startswith(begun)]
        return _values(parameter, begun, given | more)
    if begun[:1] == "-":
        raise NotPlain
    if parameter is None or not parameter.declared.is_option:
        return [item for item in _commands() if item[0].startswith(begun)]
    return _values(parameter, begun, given)


def _commands() -> list[Item]:
    """The commands, each with a line about it; NotPlain where the help is not kept, as all of them would have to be loaded."""
    if not (found := help_texts.summaries()):
        raise NotPlain
    return [*found.items()]


def _values(parameter: NamedParameter | None, begun: str, given: dict[str, Any]) -> list[Item]:
    complete = parameter.declared.complete if parameter else None
    return [(value, "") for value in (complete(begun, given) if complete else ()) if value.startswith(begun)]


def _bash(begin: Callable[..., None]) -> str:
    words = _words(os.environ["COMP_WORDS"])
    place = int(os.environ["COMP_CWORD"])
    begun = words[place] if place < len(words) else ""
    return "\n".join(value for value, _ in items(begin, words[1:place], begun))


def _zsh(begin: Callable[..., None]) -> str:
    found = "\n".join(":".join(f'"{_quoted(text)}"' for text in item if text) for item in _typed(begin))
    return f"_arguments '*: :(({found}))'" if found else "_files"


def _quoted(text: str) -> str:
    """A text as the script in zsh takes it, which evaluates what it gets."""
    for mark, shown in {'"': '""', "'": "''", "$": "\\$", "`": "\\`", ":": r"\\:"}.items():
        text = text.replace(mark, shown)
    return text


def _fish(begin: Callable[..., None]) -> str:
    found = _typed(begin)
    if os.environ.get("_TYPER_COMPLETE_FISH_ACTION") == "is-args":  # else the shell completes names of files
        raise SystemExit(0 if found else 1)
    return "\n".join("\t".join(filter(None, item)) for item in found)


def _typed(begin: Callable[..., None]) -> list[Item]:
    line = os.environ["_TYPER_COMPLETE_ARGS"]
    words = _words(line)[1:]
    begun = words.pop() if words and not line.endswith(" ") else ""
    return items(begin, words, begun)


def _words(line: str) -> list[str]:
    if set(line) & set("'\"\\"):
        raise NotPlain
    return line.split()
