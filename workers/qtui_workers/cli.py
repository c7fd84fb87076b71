"""`qtui-worker`: the command that works on jobs. It loads what works (`engine.start`) once its words are read, without typer."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated, Any, Final

from qtui_workers.command_line import streams
from qtui_workers.command_line.declare import argument, option
from qtui_workers.command_line.plain_reader import NotPlain, read
from qtui_workers.define.durations import parse_duration
from qtui_workers.engine.lease import LEASE
from qtui_workers.engine.process.signals import leave, on_stop
from qtui_workers.errors import InvalidInput, QtuiError, Refused
from qtui_workers.naming import check_name, default_queues
from qtui_workers.records import Range
from qtui_workers.reporting.worker_logs import LogFormat, say_at_the_end
from qtui_workers.server import prefix
from qtui_workers.server.contexts import Connections, Context, choose, read_config
from qtui_workers.settings import Settings
from qtui_workers.text import printable

if TYPE_CHECKING:
    import typer

COMPLETION: Final = "_QTUI_WORKER_COMPLETE"
"""The variable by which a shell asks what a word may be completed to."""


class WorkerSettings(Settings):
    """How a worker works where its command-line options do not say so."""

    job_concurrency: Annotated[int, Range(least=1, most=256)] = 1
    """Jobs that one `qtui-worker` runs at the same time."""


def complete_queues(incomplete: str, given: Mapping[str, Any]) -> list[str]:
    """The queues of the connection that is named so far, and those that processors name."""
    from qtui_workers.server import completion

    known = completion.queues(incomplete, given.get("url"), given.get("context"))
    from qtui_workers.define.discovery import discover

    named = [name for name in default_queues(p.queue for p in discover().processors.values()) if name.startswith(incomplete)]
    return list(dict.fromkeys([*known, *named]))


def complete_contexts(incomplete: str, _given: Mapping[str, Any]) -> list[str]:
    """The named connections that begin like this."""
    from qtui_workers.server import completion

    return completion.contexts(incomplete)


Queues = Annotated[
    list[str] | None,
    argument(
        metavar="QUEUE",
        autocompletion=complete_queues,
        help="Queues to work on, the most urgent first. Without any every queue that a processor names, each with its "
        "-high and -low.",
    ),
]
Url = Annotated[
    str | None,
    option(
        metavar="URL",
        help="Redis: redis://, rediss://, unix:// or embedded:. Without it --context, REDIS_URL or REDIS_HOST …, the config "
        "file; with nothing set, the embedded server of this user.",
    ),
]
ContextName = Annotated[
    str | None,
    option(metavar="NAME", help="A named connection of the config file.", autocompletion=complete_contexts),
]
Burst = Annotated[bool, option("--burst", help="End when the queues are empty.")]
Name = Annotated[str | None, option(metavar="NAME", help="The name of this worker, unlike any other's.")]
Allow = Annotated[
    list[str] | None,
    option(metavar="PREFIX", help="Also run functions under this dotted prefix, such as my_app.jobs; repeatable."),
]
AllowPickle = Annotated[
    bool,
    option(
        "--allow-pickle",
        help="Also read pickled jobs, RQ's default. A pickle can run any code: only where all who enqueue are trusted.",
    ),
]
Paths = Annotated[
    list[str] | None,
    option(
        "--path",
        "-P",
        metavar="FOLDER",
        help="Where modules are found besides PYTHONPATH; repeatable. Without it the current folder.",
    ),
]
Concurrency = Annotated[
    int | None,
    option(min=1, max=256, metavar="N", help="How many jobs are worked on at a time. Without it JOB_CONCURRENCY, and else 1."),
]
ShutdownTimeout = Annotated[
    float,
    option(
        min=0,
        metavar="SECONDS",
        help="How long running jobs may go on after a signal; then they go back to the head of their queue.",
    ),
]
InProcess = Annotated[
    bool,
    option(
        "--in-process",
        help="Run jobs in the worker's own process: faster, but a job that crashes or hangs takes the worker with it, and is "
        "not taken up again soon. Not with --max-jobs, --max-memory or --lease.",
    ),
]
MaxJobs = Annotated[
    int | None,
    option(
        min=1,
        metavar="N",
        help="Jobs after which the process that runs them is replaced; the worker stays. Without it never.",
    ),
]
MaxMemory = Annotated[
    int | None,
    option(
        min=1,
        metavar="MIB",
        help="Mebibytes above which the process that runs the jobs is replaced after a job; the worker stays. Without it never.",
    ),
]
LeaseSeconds = Annotated[
    float | None,
    option(
        min=3,
        max=3600,
        metavar="SECONDS",
        help=f"Within this the jobs of a worker that was killed run again. Without it {LEASE:g}.",
    ),
]
NoCron = Annotated[bool, option("--no-cron", help="Leave the processors' cron jobs to other workers.")]
RefuseAfter = Annotated[
    str,
    option(
        metavar="DURATION",
        help="How long a job that this worker cannot run (unknown processor or field, function not allowed, pickle) is left "
        "for other workers before it fails; 0: it fails at once.",
    ),
]
HealthPort = Annotated[
    str | None,
    option(
        metavar="PORT",
        help="Answer GET /live, /ready and /metrics there: PORT on loopback, or HOST:PORT. Without it nothing listens.",
    ),
]
Format = Annotated[LogFormat, option(help="How log records are written.")]
ShowVersion = Annotated[bool, option("--version", help="Show the version and exit.")]


def work(
    queues: Queues = None,
    url: Url = None,
    context: ContextName = None,
    burst: Burst = False,
    name: Name = None,
    allow: Allow = None,
    allow_pickle: AllowPickle = False,
    path: Paths = None,
    concurrency: Concurrency = None,
    shutdown_timeout: ShutdownTimeout = 30.0,
    in_process: InProcess = False,
    max_jobs: MaxJobs = None,
    max_memory: MaxMemory = None,
    lease: LeaseSeconds = None,
    no_cron: NoCron = False,
    refuse_after: RefuseAfter = "10m",
    health_port: HealthPort = None,
    log_format: Format = LogFormat.TEXT,
    show_version: ShowVersion = False,
) -> None:
    """Works on jobs, with the scheduler, until SIGTERM, SIGHUP or Ctrl-C: then running jobs may end first.

    A second signal, at least a second later, puts them back into their queue at once. With a concurrency of 2 or more
    SIGTTIN adds a process, SIGTTOU takes one away; with 1 they do nothing.
    """
    if show_version:
        from importlib.metadata import version

        streams.say(f"qtui-worker {version('qtui-rq')}")
        return
    streams.drop_output()
    sys.path += [os.path.realpath(folder) for folder in path or ["."]]  # absolute: a job may change the current folder
    names = [check_name(queue) for queue in queues or []]
    if name is not None:
        check_name(name, "worker name")
    if in_process:
        _check_no_process_options({"--max-jobs": max_jobs, "--max-memory": max_memory, "--lease": lease})
    chosen = _chosen(url, context)
    patience = parse_duration(refuse_after).total_seconds()
    size = concurrency or WorkerSettings.read().job_concurrency
    from qtui_workers.define import declared_processors

    declared_processors.begin()  # not sooner: it has loaded pydantic, redis and rq, which processors import too
    from qtui_workers.engine.start import StartOptions, start

    options = StartOptions(
        queues=names,
        target=chosen.target,
        burst=burst,
        name=name,
        allow=allow or (),
        allow_pickle=allow_pickle,
        concurrency=size,
        shutdown_timeout=shutdown_timeout,
        in_process=in_process,
        max_jobs=max_jobs,
        max_memory=max_memory and max_memory * 1024 * 1024,
        lease=LEASE if lease is None else lease,
        cron=not no_cron,
        refuse_after=patience,
        health_port=health_port,
        log_format=log_format,
    )
    raise SystemExit(start(options))


def _check_no_process_options(values: Mapping[str, float | None]) -> None:
    for name, value in values.items():
        if value is not None:
            raise InvalidInput(f"{name} is about the process that runs the jobs: with --in-process there is none")


def _chosen(url: str | None, context: str | None) -> Context:
    """The connection; where its prefix of keys is not that of this process, this program begins anew with it. Raises Refused."""
    chosen = choose(url, context, read_config(Connections))
    if not prefix.fits(chosen):  # RQ, too, has read its prefix by now
        prefix.begin_anew(sys.orig_argv[1:], chosen.prefix)
    if chosen.read_only:
        raise Refused(f"{chosen.name} is read-only: no worker works there")
    return chosen


def make_app() -> typer.Typer:
    """The command as typer reads it: for help, completion, errors, and words that are not plain."""
    import typer

    from qtui_workers.command_line.with_typer import HELP, translated

    app = typer.Typer(add_completion=True, rich_markup_mode=None, pretty_exceptions_enable=False, context_settings=HELP)
    app.command()(translated(work))
    return app


def _help() -> str:
    from typer.main import get_command

    with get_command(make_app()).make_context("qtui-worker", [], resilient_parsing=True) as context:
        return context.get_help()


def _run(words: list[str]) -> None:
    given = None
    if COMPLETION not in os.environ:
        if words and words[-1] in ("--help", "-h"):
            streams.say(_help())
            return
        with suppress(NotPlain):
            given = read(work, words)
    if given is None:
        make_app()(words, prog_name="qtui-worker")
    else:
        work(**given)


def main() -> None:
    """The entry point of `qtui-worker`: an error becomes one sentence on standard error, and an exit code of its own."""
    on_stop(leave)
    gc.disable()  # what is imported stays: to look through it for garbage takes a tenth of the start; `start` enables it
    streams.keep()
    try:
        _run(sys.argv[1:])
    except QtuiError as error:
        say_at_the_end(f"qtui-worker: {printable(str(error), 2_000)}")
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
