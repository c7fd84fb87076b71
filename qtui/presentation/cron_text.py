"""When a cron job runs, in words."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from qtui.broker.lists.schedule import CronRow
from qtui.presentation import formatting

_NAMES: Final = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}


def words(row: CronRow) -> str:
    """Such as "at 02:30, only on Monday (Europe/Berlin)" or "every 5m"; "–" if it is not known.

    An expression for which there are no words is shown as it is.
    """
    if row.every is not None:
        return f"every {formatting.age(row.every)}"
    if row.cron is None:
        return formatting.UNKNOWN
    return _expression(row.cron) + ("" if row.timezone == "UTC" else f" ({row.timezone})")


@lru_cache(maxsize=1_000)
def _expression(cron: str) -> str:
    from cron_descriptor import Options, get_description

    options = Options()
    options.use_24hour_time_format = True
    options.locale_code = "en_US"
    fields = _NAMES.get(cron, cron).split()
    if len(fields) == 6:  # croniter has the seconds last, as RQ has; others have them first
        fields = [fields[-1], *fields[:-1]]
    try:
        text = str(get_description(" ".join(fields), options))
    except Exception:  # noqa: BLE001 - it raises many kinds for what croniter reads and it does not
        return cron
    return text[:1].lower() + text[1:]
