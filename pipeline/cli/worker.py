"""``heartline worker``: one worker in this process."""

import os
from typing import Annotated

import typer

from pipeline.cli.frame import Place, command


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    command(app)(worker)


def worker(
    place: Place,
    only: Annotated[
        list[str] | None, typer.Argument(metavar="[AGENT]…", help="feedback, moments, alerts; default: all of them.")
    ] = None,
    group: Annotated[str | None, typer.Option("--group", help="Consumer group; workers of one group share.")] = None,
    policy: Annotated[str | None, typer.Option("--policy", metavar="FILE", help="The policy.")] = None,
    reader: Annotated[str | None, typer.Option("--reader", metavar="NAME", help="The emotion reader.")] = None,
) -> int:
    """Run one worker in this process until Ctrl-C or SIGTERM; start more of them to share the work.

    \b
    heartline worker --kafka broker:9092 --redis redis://state:6379/0
    heartline worker feedback                  only the agent that reads and stitches
    """
    from importlib.util import find_spec

    from pipeline.cli.crew import environment_of, worker_command
    from pipeline.domain.errors import Misconfigured

    if find_spec("faust") is None or find_spec("redis") is None:
        raise Misconfigured("a worker needs Faust and redis; run: pip install 'heartline[worker]'")
    settings = place.settings_with(**{k: v for k, v in (("group", group), ("policy", policy), ("reader", reader)) if v})
    program, *arguments = [*worker_command(), *(only or [])]
    # The worker takes this process: signals and exit code are its own.
    os.execve(program, [program, *arguments], environment_of(settings))  # noqa: S606
