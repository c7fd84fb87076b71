"""The messages of the dashboard: what a thread reports to its screen, and what a screen requests from the App."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from textual.message import Message

from qtui.shared.looking import Look

if TYPE_CHECKING:
    import redis

    from qtui.broker.bulk.trash import Batch
    from qtui.broker.careful_retry import Care
    from qtui.broker.operations import Plan
    from qtui.broker.search.expression import Expression
    from qtui.broker.status import Status
    from qtui.shared.session import Session

Request = TypeVar("Request")
Data = TypeVar("Data")


@dataclass
class Loaded(Message, Generic[Request, Data]):
    """The data that a screen requested was loaded from Redis."""

    request: Request
    """The request, as the screen's `request()` returned it."""
    look: Look[Data]


@dataclass
class LoadFailed(Message):
    """Loading failed."""

    error: Exception


@dataclass
class ReachChanged(Message):
    """A server does not answer any more, or does so again."""

    session: Session
    """Of the connection."""


@dataclass
class OperationConfirmed(Message):
    """The operator agreed to an operation."""

    session: Session
    """Of the connection for which the question was shown."""
    plan: Plan
    on_done: Callable[[], object] | None
    """Called when at least one job was changed."""
    care: Care
    """How carefully, where it is a retry."""


@dataclass
class ChangeConfirmed(Message):
    """The operator agreed to a change that is not an operation on jobs."""

    session: Session
    """Of the connection for which the question was shown."""
    change: Callable[[redis.Redis], str]
    """Called in a thread: makes the change, and returns a sentence that describes it."""
    what: str
    """What it is, for the audit: "pause"."""
    about: str
    """The question that was shown."""


@dataclass
class UndoConfirmed(Message):
    """The operator agreed to put back what was removed."""

    session: Session
    """Of the connection for which the question was shown."""
    batch: Batch


@dataclass
class ViewShown(Message):
    """A screen is seen, for the first time or again."""


@dataclass
class DialogClosed(Message):
    """A dialog with a question before a change is no longer on the screen."""


@dataclass
class CopyRequested(Message):
    """The operator wants a text on the clipboard."""

    text: str
    what: str = ""
    """What it is, for the sentence about it: "200 ids"; without it the text itself is shown."""
    said: Callable[[str], object] | None = None
    """Called with what was done, such as "Copied", instead of a notification."""


@dataclass
class ContentsRequested(Message):
    """The operator wants to see what is in a list: its jobs counted by function, payload and other values."""

    queue: str | None
    """None: all queues."""
    status: Status
    expression: Expression


@dataclass
class TakersRequested(Message):
    """The operator wants to see which workers can take a job."""

    job: str | None = None
    """This one …"""
    queue: str | None = None
    """… or the one that is next in this queue."""


@dataclass
class TailRequested(Message):
    """The operator wants to see what happens to some jobs, as it happens."""

    ids: tuple[str, ...] = ()
    """These jobs."""
    queue: str | None = None
    """The jobs of this queue, where none are named."""


@dataclass
class PagerRequested(Message):
    """A text is to be shown in the operator's pager."""

    text: str
