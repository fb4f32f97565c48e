"""``heartline cases``: what is open, whose it is, and until when."""

from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.cli.frame import Place, command

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.text import Text

    from pipeline.domain.cases import Case


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    command(app)(cases)


async def cases(
    place: Place,
    team: Annotated[str | None, typer.Option("--team", metavar="TEAM", help="Only the cases of this team.")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, metavar="N", help="At most so many, newest first.")] = 50,
) -> int:
    """Show the open cases, newest first: one for each person and touchpoint; further hurts join it.

    \b
    heartline cases --team billing
    """
    from pipeline.cli import show
    from pipeline.cli.doors import stores
    from pipeline.compose import load_policy
    from pipeline.domain.errors import Misconfigured

    teams = load_policy(place.settings).teams
    if team is not None and team not in teams:
        raise Misconfigured(f"--team {team}: the policy knows {', '.join(sorted(teams))}")
    async with stores(place.settings) as house:
        found = await house.cases.newest(team, limit)
    if place.json:
        for case in found:
            show.emit(case.model_dump(mode="json", exclude_none=True))
    else:
        _table(found, limit)
    return 0


def _table(found: "Sequence[Case]", limit: int) -> None:
    from rich.table import Table
    from rich.text import Text

    from pipeline.cli import show
    from pipeline.clocks import SystemClock

    out = show.console()
    if not found:
        out.print("no case is open")
        return
    now = SystemClock().now()
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for heading in ("team", "person", "touchpoint", "felt", "hurts", "answer by (UTC)"):
        table.add_column(heading, no_wrap=True, justify="right" if heading == "hurts" else "left")
    table.add_column("last words", no_wrap=True, overflow="ellipsis", ratio=1)
    for case in found:
        late = case.respond_by < now
        table.add_row(
            Text.assemble(("● ", show.SEVERITY_STYLES[case.severity]), (show.line(case.team), "bold")),
            show.short(case.person),
            show.line(case.touchpoint),
            _felt(case),
            str(case.hurts),
            Text(show.when(case.respond_by) + (" late" if late else ""), style="#ff6b6b" if late else ""),
            Text(show.excerpt(case.text, 200), style="dim"),
        )
    out.print(table)
    if len(found) == limit:
        out.print(Text(f"the newest {limit}; --limit shows more", style="dim"))


def _felt(case: "Case") -> "Text":
    from rich.text import Text

    from pipeline.cli import show
    from pipeline.domain.emotions import Emotion

    if case.primary in set(Emotion):
        return show.emotion_text(Emotion(case.primary))
    return Text(show.line(case.primary or "unsure"), style="dim")
