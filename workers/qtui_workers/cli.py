"""`qtui-worker`: the command that works on jobs. It loads what works (`engine.start`) once its words are read."""

from __future__ import annotations

import gc
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer

from qtui_workers.define.durations import parse_duration
from qtui_workers.engine.lease import LEASE
from qtui_workers.engine.signals import leave, on_stop
from qtui_workers.errors import InvalidInput, QtuiError, Refused
from qtui_workers.naming import check_name, default_queues
from qtui_workers.records import Range
from qtui_workers.reporting.worker_logs import LogFormat, say_at_the_end
from qtui_workers.server import completion, prefix
from qtui_workers.server.contexts import Connections, choose, read_config
from qtui_workers.settings import Settings
from qtui_workers.text import printable


class WorkerSettings(Settings):
    """How a worker works where its command-line options do not say so."""

    job_concurrency: Annotated[int, Range(least=1, most=256)] = 1
    """Jobs that one `qtui-worker` runs at the same time."""


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"qtui-worker {version('qtui-rq')}")
        raise typer.Exit


app = typer.Typer(
    add_completion=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def complete_queues(ctx: typer.Context, incomplete: str) -> list[str]:
    """The queues of the connection that is named so far, and those that processors name."""
    known = completion.queues(incomplete, ctx.params.get("url"), ctx.params.get("context"))
    from qtui_workers.define.discovery import discover

    named = [name for name in default_queues(p.queue for p in discover().processors.values()) if name.startswith(incomplete)]
    return list(dict.fromkeys([*known, *named]))


@app.command()
def work(
    queues: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="QUEUE",
            autocompletion=complete_queues,
            help="Queues to work on, the most urgent first. Without any every queue that a processor names, each with its "
            "-high and -low.",
        ),
    ] = None,
    url: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="Redis: redis://, rediss://, unix:// or embedded:. Without it --context, REDIS_URL or REDIS_HOST …, the config "
            "file; with nothing set, the embedded server of this user.",
        ),
    ] = None,
    context: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="A named connection of the config file.", autocompletion=completion.contexts),
    ] = None,
    burst: Annotated[bool, typer.Option("--burst", help="End when the queues are empty.")] = False,
    name: Annotated[str | None, typer.Option(metavar="NAME", help="The name of this worker, unlike any other's.")] = None,
    allow: Annotated[
        list[str] | None,
        typer.Option(metavar="PREFIX", help="Also run functions under this dotted prefix, such as my_app.jobs; repeatable."),
    ] = None,
    allow_pickle: Annotated[
        bool,
        typer.Option(
            "--allow-pickle",
            help="Also read pickled jobs, RQ's default. A pickle can run any code: only where all who enqueue are trusted.",
        ),
    ] = False,
    path: Annotated[
        list[str] | None,
        typer.Option(
            "--path",
            "-P",
            metavar="FOLDER",
            help="Where modules are found besides PYTHONPATH; repeatable. Without it the current folder.",
        ),
    ] = None,
    concurrency: Annotated[
        int | None,
        typer.Option(
            min=1, max=256, metavar="N", help="How many jobs are worked on at a time. Without it JOB_CONCURRENCY, and else 1."
        ),
    ] = None,
    shutdown_timeout: Annotated[
        float,
        typer.Option(
            min=0,
            metavar="SECONDS",
            help="How long running jobs may go on after a signal; then they go back to the head of their queue.",
        ),
    ] = 30.0,
    in_process: Annotated[
        bool,
        typer.Option(
            "--in-process",
            help="Run jobs in the worker's own process: faster, but a job that crashes or hangs takes the worker with it, and is "
            "not taken up again soon. Not with --max-jobs, --max-memory or --lease.",
        ),
    ] = False,
    max_jobs: Annotated[
        int | None,
        typer.Option(
            min=1,
            metavar="N",
            help="Jobs after which the process that runs them is replaced; the worker stays. Without it never.",
        ),
    ] = None,
    max_memory: Annotated[
        int | None,
        typer.Option(
            min=1,
            metavar="MIB",
            help="Mebibytes above which the process that runs the jobs is replaced after a job; the worker stays. "
            "Without it never.",
        ),
    ] = None,
    lease: Annotated[
        float | None,
        typer.Option(
            min=3,
            max=3600,
            metavar="SECONDS",
            help=f"Within this the jobs of a worker that was killed run again. Without it {LEASE:g}.",
        ),
    ] = None,
    no_cron: Annotated[bool, typer.Option("--no-cron", help="Leave the processors' cron jobs to other workers.")] = False,
    refuse_after: Annotated[
        str,
        typer.Option(
            metavar="DURATION",
            help="How long a job that this worker cannot run (unknown processor or field, function not allowed, pickle) is left "
            "for other workers before it fails; 0: it fails at once.",
        ),
    ] = "10m",
    health_port: Annotated[
        str | None,
        typer.Option(
            metavar="PORT",
            help="Answer GET /live, /ready and /metrics there: PORT on loopback, or HOST:PORT. Without it nothing listens.",
        ),
    ] = None,
    log_format: Annotated[LogFormat, typer.Option(help="How log records are written.")] = LogFormat.TEXT,
    _version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Works on jobs, with the scheduler, until SIGTERM, SIGHUP or Ctrl-C: then running jobs may end first.

    A second signal, at least a second later, puts them back into their queue at once. With a concurrency of 2 or more
    SIGTTIN adds a process, SIGTTOU takes one away; with 1 nothing heeds them.
    """
    sys.path += [str(Path(folder).resolve()) for folder in path or ["."]]  # absolute: a job may change the current folder
    names = [check_name(queue) for queue in queues or []]
    if name is not None:
        check_name(name, "worker name")
    for option, value in {"--max-jobs": max_jobs, "--max-memory": max_memory, "--lease": lease}.items():
        if in_process and value is not None:
            raise InvalidInput(f"{option} is about the process that runs the jobs: with --in-process there is none")
    chosen = choose(url, context, read_config(Connections))
    if not prefix.fits(chosen):  # RQ, too, has read its prefix by now
        prefix.begin_anew(sys.orig_argv[1:], chosen.prefix)
    if chosen.read_only:
        raise Refused(f"{chosen.name} is read-only: no worker works there")
    patience = parse_duration(refuse_after).total_seconds()
    size = concurrency or WorkerSettings.read().job_concurrency
    from qtui_workers.engine.start import Wanted, start

    wanted = Wanted(
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
    raise typer.Exit(start(wanted))


def main() -> None:
    """The entry point of `qtui-worker`: an error becomes one sentence on standard error, and an exit code of its own."""
    on_stop(leave)
    gc.disable()  # what is imported stays: to look through it for garbage takes a tenth of the start; `start` enables it
    try:
        app()
    except QtuiError as error:
        say_at_the_end(f"qtui-worker: {printable(str(error), 2_000)}")
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
