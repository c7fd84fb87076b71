"""`qtui enqueue`: put jobs of any processor into a queue, from a shell script or by hand. Loads no Textual."""

from __future__ import annotations

import json as jsonlib
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any, Final

from qtui import connection_options
from qtui.broker.one_job.payload_fields import LARGEST, bounded, fields_of, from_pairs, parse_json, text_of
from qtui.commands.connection import changing, connected
from qtui.commands.options import ContextName, Json, Url, complete_processors, complete_queues, one_of
from qtui.printing import output
from qtui_workers.command_line.declare import argument, option
from qtui_workers.define import discovery
from qtui_workers.define.decorator import Processor
from qtui_workers.define.options import RetrySettings
from qtui_workers.enqueue.enqueue_options import EnqueueOptions
from qtui_workers.enqueue.job_template import make_template
from qtui_workers.enqueue.queue_service import QueueService
from qtui_workers.errors import InvalidInput
from qtui_workers.text import printable

if TYPE_CHECKING:
    import redis

ORDER: Final = 40

MOST_COPIES = 1_000_000
_summary = EnqueueOptions.summary
_NAMED: Final = 3
"""At most this many ids are printed before the command waits for the jobs to end."""

Words = Annotated[
    list[str] | None,
    argument(
        metavar="JSON | @FILE | - | key=value",
        help="The payload: fields as key=value (key:=JSON for other types), a JSON object, @FILE with one, or - for one a line.",
        show_default=False,
    ),
]


def enqueue(
    processor: Annotated[
        str | None,
        argument(
            metavar="PROCESSOR",
            help="The processor's name; --list shows them.",
            show_default=False,
            autocompletion=complete_processors,
        ),
    ] = None,
    words: Words = None,
    queue: Annotated[str | None, option(metavar="Q", help=_summary("queue"), autocompletion=complete_queues)] = None,
    count: Annotated[int, option(metavar="N", help="That many jobs, all with this payload.")] = 1,
    delay: Annotated[str | None, option(metavar="5s", help=_summary("delay"))] = None,
    at: Annotated[str | None, option(metavar="TIME", help=_summary("at"))] = None,
    priority: Annotated[
        str | None,
        option(
            metavar="P", help="high, normal or low; else the processor's own.", autocompletion=one_of("high", "normal", "low")
        ),
    ] = None,
    attempts: Annotated[int | None, option(metavar="N", help=_summary("attempts"))] = None,
    backoff: Annotated[str | None, option(metavar="B", help="fixed:2s or exponential:2s.")] = None,
    timeout: Annotated[str | None, option(metavar="5m", help=_summary("timeout"))] = None,
    job_id: Annotated[str | None, option("--id", metavar="ID", help=_summary("job_id"))] = None,
    unique: Annotated[bool, option("--unique", help=_summary("unique"))] = False,
    wait: Annotated[float | None, option(metavar="[SECONDS]", help="Wait until the jobs have ended.")] = None,
    listing: Annotated[bool, option("--list", help="Show the processors and their fields.")] = False,
    url: Url = None,
    context: ContextName = None,
    json: Json = False,
) -> None:
    """Enqueue a job; its payload is validated first, and nothing is enqueued where a field is wrong."""
    if listing:
        _list(json)
        return
    if processor is None:
        raise InvalidInput("name a processor: qtui enqueue --list shows them")
    found = discovery.get(processor)
    payloads = _payloads(found, words or [])
    options: dict[str, Any] = {
        "queue": queue, "delay": delay, "at": at, "priority": priority, "attempts": attempts, "backoff": backoff,
        "timeout": timeout,
    }  # fmt: skip
    target = make_template(found, **options).queue
    _check_numbers(count, len(payloads), job_id, unique)
    with connected(url, context) as (client, chosen):
        with changing(client, chosen, "enqueue", found.name) as change:
            service = QueueService(client)
            if len(payloads) == 1 and count == 1:
                enqueued = service.enqueue(found, payloads[0], job_id=job_id, unique=unique, **options)
                ids, new = [enqueued.id], enqueued.new
            else:
                ids, new = service.enqueue_many(found, payloads * count, **options), True
            change.ids, change.jobs, change.done = tuple(ids[:_NAMED]), len(ids), len(ids) if new else 0
            change.outcome = f"enqueued in {target}" if new else "the same job has not ended"
        answer: dict[str, Any] = {"ids": ids, "count": len(ids), "queue": target, "new": new}
        ended = None if wait is None else _wait(client, answer, wait, json, connection_options.suffix(chosen))
    _print_answer(answer, ended, json)
    if wait is None and not json:
        output.note(_enqueued(answer, named=False))


def _wait(client: redis.Redis, answer: dict[str, Any], seconds: float, json: bool, here: str) -> list[dict[str, Any]]:
    """How each job has ended, or how far it is; where the wait is broken off, the answer is printed before that is raised."""
    try:
        output.note(_enqueued(answer, named=True))
        from qtui.commands import waiting  # loads what explains a queue that stands still

        return waiting.wait(client, answer["queue"], answer["ids"], seconds, here)
    except BaseException:  # Ctrl-C too: the person must know what is enqueued
        _print_answer(answer, None, json)
        raise


def _check_numbers(count: int, payloads: int, job_id: str | None, unique: bool) -> None:
    """Raises InvalidInput if the count is out of range, or if these options cannot be combined."""
    if not 1 <= count <= MOST_COPIES:
        raise InvalidInput(f"--count must be from 1 to {MOST_COPIES:,}, not {count}")
    if job_id and (count > 1 or payloads != 1):
        raise InvalidInput("--id names one job: it does not go with --count or several payloads")
    if unique and not job_id:
        raise InvalidInput("--unique needs --id: it refuses a second job of the same id")


def _payloads(processor: Processor[Any, Any], words: list[str]) -> list[dict[str, Any]]:
    if words == ["-"]:
        return list(_lines(processor))
    if len(words) == 1 and words[0].startswith("@"):
        return [_object(text_of(words[0][1:]), words[0])]
    if len(words) == 1 and words[0].lstrip().startswith(("{", "[", '"')):
        return [_object(words[0], "the payload")]
    return [from_pairs(processor.payload, words)]


def _lines(processor: Processor[Any, Any]) -> Iterator[dict[str, Any]]:
    lines = iter(lambda: sys.stdin.buffer.readline(LARGEST + 1), b"")
    for number, line in enumerate(lines, 1):
        if bounded(line, f"line {number}").strip():
            payload = _object(line.decode("utf-8", "replace"), f"line {number}")
            processor.validate(payload, f"line {number}: payload")
            yield payload


def _object(text: str, what: str) -> dict[str, Any]:
    what = printable(what, 200)
    value = parse_json(text, what)
    if not isinstance(value, dict):
        raise InvalidInput(f"{what} must be a JSON object of the payload's fields")
    return value


def _print_answer(answer: dict[str, Any], ended: list[dict[str, Any]] | None, json: bool) -> None:
    if ended is not None:
        answer |= ended[0] if len(ended) == 1 else {"jobs": ended}
    try:
        if json:
            output.emit(answer)
        else:
            for number, job_id in enumerate(answer["ids"]):
                end = f"  {_in_words(ended[number])}" if ended else ""
                output.say(f"{job_id}{end}")
    except output.OutputLost as error:
        raise output.OutputLost(f"{_enqueued(answer, named=True)}, but {error}") from error
    if ended and any(each["status"] != "finished" for each in ended):
        raise SystemExit(1)


def _enqueued(answer: dict[str, Any], *, named: bool) -> str:
    """The report of what was enqueued, with the first ids; or, where it is not new, that the same job is there already."""
    ids, count = answer["ids"], answer["count"]
    jobs = "1 job" if count == 1 else f"{count:,} jobs"
    first = f": {' '.join(ids[:_NAMED])}{f' and {count - _NAMED:,} more' if count > _NAMED else ''}" if named else "."
    what = f"Enqueued {jobs}" if answer["new"] else "The same job has not ended, so there is no other"
    return f"{what} in {answer['queue']}{first}"


def _in_words(end: dict[str, Any]) -> str:
    outcome = end["failed_reason"] or jsonlib.dumps(end["result"], ensure_ascii=False)
    return printable(f"{end['status']}  {outcome}", 500)


def _list(json: bool) -> None:
    found = discovery.discover()
    if json:
        output.emit([_processor_json(each) for each in found.processors.values()])
    else:
        for each in found.processors.values():
            output.say(f"{each.name}  ({each.queue})  {each.summary}")
            for field in fields_of(each.payload):
                star = "*" if field.required else " "
                output.say(f"  {star} {field.name:<18} {field.description} ({field.hint})")
    for module, reason in found.broken.items():
        output.note(f"{module} could not be imported: {printable(reason, 300)}")


def _processor_json(processor: Processor[Any, Any]) -> dict[str, Any]:
    return {
        "name": processor.name,
        "queue": processor.queue,
        "summary": processor.summary,
        "function": processor.path,
        "attempts": processor.options.usual_attempts(RetrySettings.read().job_max_retries),
        "payload_schema": processor.payload.model_json_schema(),
        "result_schema": processor.result.model_json_schema(),
    }
