"""What a command that is proposed to a person needs to act on the same connection as what proposes it."""

from __future__ import annotations

from qtui_workers.server.contexts import Context


def words(context: Context) -> list[str]:
    """The options that chose a connection; none where the environment or the config file did.

    A password in the address is hidden: whoever pastes it has to fill it in.
    """
    return [_hidden(word) if "@" in word or "password" in word.lower() else word for word in context.options]


def _hidden(address: str) -> str:
    import re  # here and below: not needed for most connections

    from qtui_workers.reporting.redaction import HIDDEN, without_url_passwords

    plain = str(without_url_passwords(address))
    return re.sub(r"([?&](?:ssl_)?password=)[^&]*", rf"\1{HIDDEN}", plain, flags=re.IGNORECASE)


def suffix(context: Context) -> str:
    """The same as the end of a command line: " --context shop"; '' where nothing is needed."""
    if not context.options:
        return ""
    import shlex

    from qtui_workers.text import printable

    return printable(f" {shlex.join(words(context))}", 1_000)
