"""`qtui check`: one line and an exit code, for monitoring."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Annotated, Final, NoReturn

from qtui.broker.diagnosis import alerts, wrong_types
from qtui.broker.diagnosis.alerts import Alert, Level, Threshold, Thresholds
from qtui.broker.queues import figures
from qtui.commands.connection import check_queue, connected
from qtui.commands.options import ContextName, Json, QueueName, Url
from qtui.presentation import formatting
from qtui.printing import output
from qtui_workers.command_line.declare import option
from qtui_workers.define.durations import parse_duration
from qtui_workers.errors import InvalidInput, NotFound, RedisUnavailable
from qtui_workers.text import printable

ORDER: Final = 37

NAMED: Final = 5
"""How many alerts the line names."""


def check(
    queue: QueueName = None,
    oldest: Annotated[
        str | None, option("--oldest", metavar="TIME", help="No job waits longer, such as 10m.", show_default=False)
    ] = None,
    failed: Annotated[
        str | None, option("--failed", metavar="N", help="No queue holds more failed jobs.", show_default=False)
    ] = None,
    fail_rate: Annotated[
        str | None,
        option(
            "--fail-rate", metavar="PERCENT", help="Of the jobs that ended in the last minute no more failed.", show_default=False
        ),
    ] = None,
    unattended: Annotated[bool, option("--unattended", help="No job waits where nobody listens.")] = False,
    url: Url = None,
    context: ContextName = None,
    json: Json = False,
) -> None:
    """For monitoring: one line; exit 0 all is well, 1 warning, 2 critical, 3 unknown. A limit is CRITICAL or WARNING,CRITICAL.

    Without a limit, what the dashboard shows as trouble is checked.
    """
    limits = Thresholds(
        _limit("--oldest", oldest, lambda text: parse_duration(text).total_seconds()),
        _limit("--failed", failed, _number),
        _limit("--fail-rate", fail_rate, _share),
        unattended,
    )
    try:
        with connected(url, context) as (client, _):
            check_queue(client, queue)
            seen = figures.load(client, queue)
            wrong = wrong_types.find(client, [each.row.name for each in seen.queues])
    except (RedisUnavailable, NotFound) as error:
        _end(Level.UNKNOWN, str(error), [], json)
    found = alerts.check(seen, limits, wrong)
    named = "; ".join(map(_words, found[:NAMED])) + _more(found)
    calm = f"queues: {len(seen.queues):,}, workers: {seen.overview.workers:,}"
    _end(alerts.worst(found), named or calm, found, json)


def _end(level: Level, line: str, found: Sequence[Alert], json: bool) -> NoReturn:
    """Ends with the exit code of the level, also where nobody takes the line: any other would be that of another level."""
    try:
        if json:
            levels = [asdict(alert) | {"level": alert.level.name.lower()} for alert in found]
            output.emit({"level": level.name.lower(), "text": line, "alerts": levels})
        else:
            output.say(f"{level.name}: {printable(line, 2_000)}")
    except output.OutputLost as error:
        output.note(f"qtui: {error}")
    except SystemExit:  # the reader of the pipe has left
        pass
    raise SystemExit(int(level))


WORDS: Final[dict[str, tuple[str, Callable[[float], str]]]] = {
    "oldest": ("the oldest job has waited {}", formatting.age),
    "failed": ("{} failed", lambda value: formatting.count(round(value))),
    "fail_rate": ("{} of the jobs that ended in the last minute failed", lambda value: f"{value * 100:.3g} %"),
}
"""The words for each figure, and how its values are written."""


def _words(alert: Alert) -> str:
    place = f"{alert.queue}: " if alert.queue else ""
    if alert.value is None or alert.limit is None:
        return place + alert.what
    sentence, shown = WORDS[alert.what]
    return f"{place}{sentence.format(shown(alert.value))} (limit {shown(alert.limit)})"


def _more(found: Sequence[Alert]) -> str:
    return f"; and {len(found) - NAMED:,} more" if len(found) > NAMED else ""


def _limit(option: str, text: str | None, read: Callable[[str], float]) -> Threshold | None:
    """The limit in `5m,10m` (warning, critical) or `10m` (critical); raises InvalidInput."""
    if text is None:
        return None
    try:
        *warning, critical = [read(part) for part in text.split(",")]
    except InvalidInput as error:
        raise InvalidInput(f"{option}: {error}") from None
    if len(warning) > 1 or warning > [critical]:
        raise InvalidInput(
            f"{option}: '{printable(text, 40)}' is not a limit: write one value, or the warning before the critical one"
        )
    return Threshold(critical, *warning)


def _number(text: str) -> float:
    if not re.fullmatch(r"\s*\d{1,12}\s*", text, re.ASCII):
        raise InvalidInput(f"'{printable(text, 40)}' is not a number")
    return int(text)


def _share(text: str) -> float:
    found = re.fullmatch(r"\s*(\d{1,3}(?:\.\d+)?)\s*%?\s*", text, re.ASCII)
    if not found or float(found[1]) > 100:
        raise InvalidInput(f"'{printable(text, 40)}' is not a share: write it as 5%")
    return float(found[1]) / 100
