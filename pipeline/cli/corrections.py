"""``heartline corrections``: what people corrected, as labels to train and to evaluate with."""

from datetime import datetime
from typing import Annotated

import typer

from pipeline.cli.frame import Place, command


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    corrections = typer.Typer(help="What people corrected, as training labels.", no_args_is_help=True)
    command(corrections)(export)
    app.add_typer(corrections, name="corrections")


async def export(
    place: Place,
    since: Annotated[
        str | None, typer.Option("--since", metavar="TIME", help="Only what was corrected since then (ISO 8601, UTC).")
    ] = None,
) -> int:
    """Write a label for each moment that was corrected, as NDJSON, oldest correction first.

    The latest correction of a moment counts; what it leaves out is as the reader had read it. Moments are kept on the
    log for 28 days, unless you change it; corrections of older ones are counted on stderr.

    \b
    heartline corrections export > labels.ndjson
    heartline corrections export --since 2026-11-01 >> labels.ndjson
    """
    from pipeline.cli import show
    from pipeline.cli.doors import demand_topics
    from pipeline.corrections import labels

    after = None if since is None else moment_of(since)
    await demand_topics(place.settings, ["moments"])
    told, without_text = await labels(place.settings, after)
    for label in told:
        show.emit(label)
    if without_text:
        show.note(f"{without_text:,} corrected moments are not on the log any more; export them sooner")
    return 0


def moment_of(text: str) -> datetime:
    """Answer the time that ``text`` says, in UTC where it names no offset. Raises Misconfigured."""
    from datetime import UTC

    from pipeline.domain.errors import Misconfigured

    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise Misconfigured(f"--since {text}: a time looks like 2026-11-01 or 2026-11-01T12:00:00+01:00") from None
    return at if at.tzinfo else at.replace(tzinfo=UTC)
