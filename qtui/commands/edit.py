"""`qtui edit`: an edited copy of a job, made in an editor, or from options in a script."""

from __future__ import annotations

import json as jsonlib
import os
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

from qtui.broker import edit as edits
from qtui.broker.edit import Editable, Edited
from qtui.broker.one_job import job_ids
from qtui.broker.one_job.payload_fields import parse_json, text_of
from qtui.commands.connection import changing, connected, refuse_read_only
from qtui.commands.options import ContextName, Json, Url
from qtui.printing import output
from qtui_workers.command_line.declare import argument, option
from qtui_workers.errors import InvalidInput, Refused
from qtui_workers.text import printable

if TYPE_CHECKING:
    import redis

ORDER: Final = 45

From = Annotated[
    str | None,
    option("--file", metavar="FILE", help="The arguments as JSON from a file, - for standard input.", show_default=False),
]
Sets = Annotated[
    list[str] | None,
    option("--set", metavar="FIELD=VALUE", help="Another value of a field; FIELD:=JSON.", show_default=False),
]


def edit(
    job_id: Annotated[str, argument(metavar="ID", help="The job's id, or the 8 characters that lists show.")],
    file: From = None,
    sets: Sets = None,
    url: Url = None,
    context: ContextName = None,
    json: Json = False,
) -> None:
    """Edit the arguments of a job in $VISUAL or $EDITOR, and enqueue them as a new job, linked with the old one."""
    if file is not None and sets:
        raise InvalidInput("give the arguments with --file or with --set, not both")
    with connected(url, context) as (client, chosen):
        refuse_read_only(chosen, "edit")
        (whole,) = job_ids.chosen(client, [job_id])
        job = edits.load(client, whole)
        with changing(client, chosen, "edit", ids=(whole,)) as change:
            if file is not None:
                edited = edits.enqueue(client, job, parse_json(text_of(file), file))
            elif sets:
                edited = edits.enqueue(client, job, _changed(job, sets))
            else:
                edited = _in_editor(client, job)
            change.outcome = f"enqueued as {edited.job_id} in {edited.queue}"
    _print(job, edited, json)


def _print(job: Editable, edited: Edited, json: bool) -> None:
    """The new id first; where standard output takes it no more, the error has it."""
    what = "an edited copy" if edited.changed else "a duplicate"
    rest = f"; {job.job_id} is still {job.status}" if job.status in ("queued", "scheduled", "deferred", "started") else ""
    try:
        if json:
            output.emit({"id": edited.job_id, "edited_from": job.job_id, "queue": edited.queue, "changed": edited.changed})
        else:
            output.say(edited.job_id)
            output.note(printable(f"Enqueued in {edited.queue}: {what} of {job.job_id}{rest}.", 400))
    except output.OutputLost as error:
        raise output.OutputLost(f"Enqueued in {edited.queue}: {edited.job_id}, {what} of {job.job_id}, but {error}") from error


def _changed(job: Editable, pairs: list[str]) -> dict[str, Any]:
    """The document with other values; a text stays a number or JSON where it has replaced one."""
    document = jsonlib.loads(jsonlib.dumps(job.document))
    for pair in pairs:
        name, equals, text = pair.partition("=")
        if not equals or not name.strip(":"):
            raise InvalidInput(f"'{printable(pair, 60)}' is no FIELD=VALUE: write a field's name, = and its value")
        path = name.removesuffix(":").split(".")
        target = document
        for part in path[:-1]:
            target = target.get(part) if isinstance(target, dict) else None
        if not isinstance(target, dict):
            raise InvalidInput(f"'{printable(name, 60)}' is no field: the fields are {', '.join(job.document) or 'none'}")
        as_text = not name.endswith(":") and isinstance(target.get(path[-1], ""), str)
        target[path[-1]] = text if as_text else parse_json(text, f"the value of {printable(name, 60)}")
    return dict(document)


def _in_editor(client: redis.Redis, job: Editable) -> Edited:
    """Let a person edit until the arguments fit; raises Refused where they give up."""
    if not (output.is_terminal(sys.stdin) and output.is_terminal(sys.stderr)):
        raise Refused("there is no terminal for an editor: give the arguments with --file or --set")
    with tempfile.TemporaryDirectory(prefix="qtui-edit-") as folder:
        path = Path(folder) / "arguments.json"
        path.write_text(jsonlib.dumps(job.document, indent=2, ensure_ascii=False) + "\n", "utf-8")
        while True:
            _open(path)
            try:
                text = path.read_text("utf-8")
                if not text.strip():
                    raise Refused("the file is empty: nothing was enqueued")
                document = parse_json(text, "the file")
                edits.check(job, document)
            except (InvalidInput, UnicodeDecodeError) as error:
                if not _agrees(f"{error}. Edit again?", usual=True):
                    raise Refused("nothing was enqueued") from None
                continue
            if document == job.document and not _agrees("Nothing was changed. Enqueue a duplicate?", usual=False):
                raise Refused("nothing was enqueued")
            return edits.enqueue(client, job, document)


def _open(path: Path) -> None:
    editor = os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi"
    try:
        shown = None if output.is_terminal(sys.stdout) else sys.stderr  # standard output is for the new job's id
        code = subprocess.run([*shlex.split(editor), str(path)], stdout=shown, check=False).returncode
    except (OSError, ValueError, IndexError) as error:
        raise InvalidInput(f"the editor {printable(editor, 100)!r} cannot be started: {error}. Set EDITOR") from error
    if code:
        raise Refused(f"the editor ended with exit code {code}: nothing was enqueued")


def _agrees(question: str, *, usual: bool) -> bool:
    output.write_note(f"{printable(question, 1_000)} [{'Y/n' if usual else 'y/N'}] ")
    answer = sys.stdin.readline()
    return bool(answer) and (answer.strip().lower() or ("y" if usual else "n")) in ("y", "yes")
