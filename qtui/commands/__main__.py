"""`python -m qtui.commands` writes the kept help of the commands (`qtui.commands.help_texts`) anew."""

from __future__ import annotations

from pathlib import Path

from qtui import cli
from qtui.commands import help_texts
from qtui.commands.with_typer import texts_of


def made() -> str:
    """The content of the file, as it has to be."""
    texts = texts_of(cli.begin, cli.dashboard, help_texts.COLUMNS)
    parts = (f"{f'{help_texts.MARK} {name}'.rstrip()}\n{text}\n\n" for name, text in texts.items())
    return f"{help_texts.sources()}\n{''.join(parts)}"


if __name__ == "__main__":
    Path(help_texts.path()).write_text(made(), "utf-8")
