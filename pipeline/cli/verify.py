"""``heartline verify``: does what came out account for all that went in?"""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipeline.cli.frame import Place, command

if TYPE_CHECKING:
    from pipeline.domain.ledger import Report


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    command(app)(verify)


async def verify(
    place: Place,
    ledger: Annotated[
        list[str] | None,
        typer.Option("--ledger", metavar="FILE", help="What `publish --ledger` noted; may be given several times."),
    ] = None,
    wait: Annotated[
        float, typer.Option("--wait", min=0.0, metavar="SECONDS", help="How long to wait for workers that are behind.")
    ] = 60.0,
    group: Annotated[str | None, typer.Option("--group", help="Consumer group of the workers.")] = None,
    policy: Annotated[str | None, typer.Option("--policy", metavar="FILE", help="The policy.")] = None,
) -> int:
    """Check that every feedback has one outcome and that timelines, alerts and cases follow from it (exit 1 if not).

    Everything is read, nothing is changed. With a ledger, what producers were told is checked as well.

    \b
    heartline verify
    heartline verify --ledger published.ndjson --wait 300
    """
    from pathlib import Path

    from pipeline.cli import show
    from pipeline.compose import load_policy
    from pipeline.verify import verify as check

    settings = place.settings_with(**{k: v for k, v in (("group", group), ("policy", policy)) if v})
    ledgers = [Path(name) for name in ledger or ()]
    report = await check(settings, load_policy(settings), ledgers=ledgers, wait_seconds=wait)
    if place.json:
        show.emit(_plain(report))
    else:
        _tell(report)
    return 0 if report.clean else 1


def _plain(report: "Report") -> dict[str, Any]:
    return {
        "clean": report.clean,
        "verdict": report.verdict,
        **report.totals,
        "reasons": dict(report.reasons),
        "lag": dict(report.lag),
        "anomalies": {
            name: {"count": found.count, "examples": found.examples} for name, found in report.anomalies.items()
        },
    }


def _tell(report: "Report") -> None:
    from rich.table import Table
    from rich.text import Text

    from pipeline.cli import show

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for heading in ("anomaly", "count", "for example"):
        table.add_column(heading)
    for name, found in report.anomalies.items():
        style = "#ff6b6b" if found.count else "#5fd787"
        first, *more = found.examples or [""]
        table.add_row(name, Text(str(found.count), style=style), show.line(first))
        for example in more:
            table.add_row("", "", show.line(example))
    out = show.console()
    out.print(table)
    told = " · ".join(f"{count} {name}" for name, count in report.totals.items())
    out.print(Text(told, style="dim"))
    for reason, count in sorted(report.reasons.items()):
        out.print(Text(f"rejected as {reason}: {count}", style="dim"))
    out.print(Text(report.verdict, style="#5fd787" if report.clean else "bold #ff6b6b"))
    if report.behind:
        places = ", ".join(f"{behind} of {topic}" for topic, behind in report.lag.items())
        show.complain(
            f"the workers have not read {places}; what is on its way looks lost. Start workers (heartline worker), "
            "or wait longer (--wait)"
        )
