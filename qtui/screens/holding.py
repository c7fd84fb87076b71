"""The dialogs that hold a function, and release it."""

from __future__ import annotations

from typing import Any, Final

import redis

from qtui.broker import holds
from qtui.broker.operations import Parameter
from qtui.presentation import labels, questions
from qtui.screens.parts.question import Question
from qtui.screens.parts.resource import ResourceScreen
from qtui.shared.messages import ChangeConfirmed
from qtui_workers.enqueue.holds import parse
from qtui_workers.reading.hold import Hold

WHAT: Final = Parameter(
    "what",
    "FUNCTION [FIELD=VALUE] [# REASON]",
    prompt="which jobs? Add FIELD=VALUE for those with a value in their payload, and # with a reason. Enter goes on.",
    hint="such as shop.charge customer_id=42 # gateway is down",
    parse=str,
)


def ask_to_hold(screen: ResourceScreen[Any, Any], function: str | None, held: Hold | None = None) -> None:
    """Ask, then hold a function; or release the hold in which a job waits."""
    if held:
        _release(screen, held)
    elif function:
        screen.ask_about("Hold", lambda text: _hold(screen, text or ""), WHAT, function)
    else:
        screen.notify("Nothing can be held: the name of the function cannot be read.", severity="warning")


def _hold(screen: ResourceScreen[Any, Any], text: str) -> Question:
    words, _, reason = text.partition(" # ")
    hold = parse(words.split(maxsplit=1))
    session, app = screen.session, screen.app
    seen = holds.preview(session.client, hold)

    def work(client: redis.Redis) -> str:
        new = holds.place(client, hold, reason.strip())
        report = holds.sweep(client, hold)
        state = "is held from now on" if new else "was held already"
        return f"{hold.text} {state}; {holds.HOLD.summary(report)}"

    return Question(
        questions.hold_question(hold.text, seen.plan.doable, session.name),
        sample=[labels.job_line(row) for row in seen.plan.sample],
        notes=[labels.unaware(seen, session.here)] if seen.unaware else [],
        agreed=lambda: app.post_message(ChangeConfirmed(session, work, "hold", hold.text)),
    )


def _release(screen: ResourceScreen[Any, Any], held: Hold) -> None:
    session, app = screen.session, screen.app

    def work(client: redis.Redis) -> str:
        _, report = holds.release(client, held.text)
        return f"{held.text} is released; {holds.PUT_BACK.summary(report)}"

    def ask(_text: str | None) -> Question:
        found = holds.plan_release(session.client, held.text)
        return Question(
            f"Release {held.text} on {session.name}? {questions.going_back(found.doable)}.",
            sample=[labels.job_line(row) for row in found.sample],
            notes=[f"{labels.held(held, session.server_now)}"],
            agreed=lambda: app.post_message(ChangeConfirmed(session, work, "release", held.text)),
        )

    screen.ask_about("Release", ask)
