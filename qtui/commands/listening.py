"""The note that is printed where jobs wait for workers that are not there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from qtui.broker.workers import listeners
from qtui.presentation import questions
from qtui.printing import output
from qtui_workers.text import printable

if TYPE_CHECKING:
    import redis


def say_who_listens(client: redis.Redis, queues: Sequence[str], here: str) -> None:
    """A note for each of the first queues from which nobody would take jobs now; `here`: as `here.suffix`."""
    for queue in listeners.load(client, tuple(queues[: questions.NAMED])) if queues else ():
        if not queue.at_work:
            output.note(printable(questions.listening(queue, here), 500))
