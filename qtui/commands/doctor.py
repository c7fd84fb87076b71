"""`qtui doctor`: what is wrong with this Redis, its queues and its workers, and what to do about it."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Final

from qtui import connection_options
from qtui.commands.connection import connected
from qtui.commands.options import ContextName, Json, Url
from qtui.presentation import labels
from qtui.printing import output
from qtui_workers.records import as_dict
from qtui_workers.text import printable

if TYPE_CHECKING:
    from qtui.broker.diagnosis.doctor import Facts, Finding

ORDER: Final = 38


def doctor(url: Url = None, context: ContextName = None, json: Json = False) -> None:
    """What is wrong here and what to do: queues, workers, and the server itself; exits 1 if something is broken."""
    from qtui.broker.diagnosis.doctor import examine, load

    with connected(url, context) as (client, chosen):
        facts = load(client, connection_options.suffix(chosen))
    findings = examine(facts)
    if json:
        output.emit({"server": as_dict(facts.overview.server), "findings": [asdict(finding) for finding in findings]})
    else:
        output.note(printable(f"connection: {chosen.name}"))
        output.say(_text(facts, findings))
    if any(finding.severity == "bad" for finding in findings):
        raise SystemExit(1)


def _text(facts: Facts, findings: list[Finding]) -> str:
    lines = [line for finding in findings for line in _lines(finding)]
    if all(finding.severity == "hint" for finding in findings):
        seen = facts.overview
        lines.append(f"✓ nothing is wrong; queues: {len(seen.queues):,}, workers: {seen.workers:,}.")
    return "\n".join(lines)


def _lines(finding: Finding) -> list[str]:
    what = finding.what.removeprefix(f"{finding.about}: ").removeprefix(f"{finding.about} ")
    first = f"{labels.SEVERITIES[finding.severity]} {printable(finding.about, 80)}: {printable(what)}"
    return [first, f"    {printable(finding.advice)}"] if finding.advice else [first]
