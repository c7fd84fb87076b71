"""The limits that processors declare, by the queues that they are for."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from qtui_workers.define.limit import Limit
from qtui_workers.define.processor_facts import ProcessorFacts
from qtui_workers.errors import InvalidInput
from qtui_workers.naming import all_priorities


def declared_limits(processors: Iterable[ProcessorFacts]) -> dict[str, Limit]:
    """The limits by queue, each with its name; NAME-high and NAME-low have the limit of the queue NAME.

    Raises InvalidInput where two processors give one queue, or one name, different limits.
    """
    limits: dict[str, tuple[Limit, ProcessorFacts]] = {}
    named: dict[str, tuple[Limit, ProcessorFacts]] = {}
    for processor in processors:
        limit = processor.options.limit
        if limit is None:
            continue
        limit = replace(limit, name=limit.name or processor.queue)
        _check_same(named.setdefault(str(limit.name), (limit, processor)), limit, processor, f"limiter '{limit.name}'")
        for queue in all_priorities(processor.queue):
            _check_same(limits.setdefault(queue, (limit, processor)), limit, processor, f"queue '{queue}'")
    return {queue: limit for queue, (limit, _) in limits.items()}


def _check_same(first: tuple[Limit, ProcessorFacts], limit: Limit, processor: ProcessorFacts, what: str) -> None:
    other, owner = first
    if other != limit:
        raise InvalidInput(
            f"{what} has two limits: {other} of '{other.name}' by {owner.path}, and {limit} of '{limit.name}' by "
            f"{processor.path}; give both the same, or another queue"
        )
