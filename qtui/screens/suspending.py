"""The dialog that suspends all workers, or ends that."""

from __future__ import annotations

from typing import Any, Final

import redis

from qtui.presentation import questions
from qtui.screens.parts.resource import ResourceScreen
from qtui_workers.enqueue import suspension

TAKES_ONE: Final = "Running jobs end as usual; an rq worker that already waits for a job takes one more."


def ask_to_suspend(screen: ResourceScreen[Any, Any]) -> None:
    """Ask, then suspend all workers; or have them take jobs again where they are suspended."""
    session = screen.session
    seen = session.overview
    if seen is None:
        return
    question = questions.suspend_question(seen, session.name, resume=seen.suspended)

    def suspend(client: redis.Redis) -> str:
        return f"all workers {'are' if suspension.suspend(client) else 'were already'} suspended: P on Workers resumes them"

    def resume(client: redis.Redis) -> str:
        return "all workers take jobs again" if suspension.end(client) else "all workers were already resumed"

    lasts = f"It lasts until P on Workers, qtui resume --workers{session.here} or rq resume."
    if seen.suspended:
        screen.ask("Resume", question, resume, command=("resume",), options=("--workers",))
    else:
        screen.ask("Suspend", question, suspend, notes=(TAKES_ONE, lasts), command=("suspend",))
