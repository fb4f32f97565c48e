"""``heartline rebuild``: forget what Redis holds and read the log again."""

import sys
from typing import Annotated

import typer

from pipeline.cli.frame import Place, command


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    command(app)(rebuild)


async def rebuild(
    place: Place,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> int:
    """Forget every timeline and identity in Redis and read the log again: Redis is a view of it.

    Stop the workers first; started again they read feedback from its first record. What the log does not hold any
    more does not come back; cases come back as they stand in their own topic, and corrections are sent once more.
    The alerts are sent again, under the ids that they had.

    \b
    heartline rebuild --yes
    """
    from pipeline.cli import show
    from pipeline.cli.doors import stores
    from pipeline.compose import load_policy
    from pipeline.domain.errors import Misconfigured
    from pipeline.rebuild import rebuild as begin

    settings = place.settings
    if not yes:
        if sys.stdin is None or not sys.stdin.isatty():
            raise Misconfigured("this forgets what Redis holds; give it --yes")
        typer.confirm(f"Forget everything under {settings.redis_prefix}: at {settings.redis}?", abort=True)
    async with stores(settings) as house:
        done = await begin(settings, house, sorted(load_policy(settings).teams))
    if place.json:
        show.emit(
            {
                "keys_deleted": done.keys,
                "cases_kept": done.cases,
                "corrections_kept": done.corrections,
                "records_to_read": done.records,
            }
        )
    else:
        show.console().print(
            f"{done.keys:,} keys forgotten, {done.cases:,} cases and {done.corrections:,} corrections kept; "
            f"{done.records:,} records will be read again: start the workers"
        )
    return 0
