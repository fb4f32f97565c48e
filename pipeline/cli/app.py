"""All commands together."""

from typing import Annotated

import typer

from pipeline.cli import (
    aspects,
    cases,
    classify,
    correct,
    corrections,
    doctor,
    evaluate,
    publish,
    rebuild,
    rejects,
    status,
    timeline,
    topics,
    train,
    up,
    verify,
    watch,
    worker,
)

COMMANDS = (
    up,
    publish,
    watch,
    timeline,
    cases,
    correct,
    corrections,
    classify,
    aspects,
    evaluate,
    train,
    status,
    doctor,
    verify,
    rejects,
    topics,
    rebuild,
    worker,
)


def _version(asked: bool) -> None:
    if asked:
        from importlib.metadata import PackageNotFoundError, version

        try:
            typer.echo(f"heartline {version('heartline')}")
        except PackageNotFoundError:
            typer.echo("heartline (not installed)")
        raise typer.Exit


def _start(
    _: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and end.")
    ] = False,
) -> None:
    """What customers and employees feel, routed in real time to the team that can mend it.

    Settings come from flags, from the environment (HEARTLINE_KAFKA, HEARTLINE_REDIS, HEARTLINE_PREFIX, …) or from a
    `heartline up` that runs on this machine. Piped, every command answers in JSON. NO_COLOR is respected.

    \b
    heartline up --demo                    servers, workers and a story, live
    heartline publish feedback.ndjson      what people said, from a file
    heartline watch alerts --team billing  as they come
    heartline timeline ana@example.com     how somebody felt, and why
    """


def create_app() -> typer.Typer:
    """Answer the command line."""
    app = typer.Typer(
        name="heartline",
        no_args_is_help=True,
        add_completion=True,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_start)
    for each in COMMANDS:
        each.add_to(app)
    return app
