"""``heartline topics``: make what is missing, compare what is there."""

import typer

from pipeline.cli.frame import Place, command


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    topics = typer.Typer(help="Make the topics, or compare them with what they have to be.", no_args_is_help=True)
    command(topics, "apply")(apply)
    command(topics, "list")(list_)
    app.add_typer(topics, name="topics")


async def apply(place: Place) -> int:
    """Make every topic that is missing; one that exists is left as it is, and told where it is not right.

    \b
    heartline topics apply
    heartline topics apply --kafka broker:9092 --prefix staging.
    """
    return await _tell(place, change=True)


async def list_(place: Place) -> int:
    """Show every topic: partitions, what it carries, and whether it is as it has to be (exit 1 if not).

    \b
    heartline topics list
    """
    return await _tell(place, change=False)


async def _tell(place: Place, *, change: bool) -> int:
    from pipeline.buses.topics import apply, inspect
    from pipeline.cli import show
    from pipeline.compose import load_policy
    from pipeline.flow import topic_names

    settings = place.settings
    teams = sorted(load_policy(settings).teams)
    states = await (apply if change else inspect)(settings, teams)
    known = {settings.topic(name): topic for name, topic in topic_names(teams).items()}
    if place.json:
        for state in states:
            topic = known[state.name]
            show.emit({**state._asdict(), "key": topic.key, "carries": topic.carries, "compacted": topic.compacted})
    else:
        from rich.table import Table
        from rich.text import Text

        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
        for heading in ("topic", "parts", "key", "keeps", "purpose", "state"):
            wide = heading == "purpose"
            table.add_column(heading, no_wrap=True, overflow="ellipsis", ratio=1 if wide else None)
        for state in states:
            topic = known[state.name]
            days = topic.retention_ms // 86_400_000
            style = "#ff6b6b" if state.ailments else "#5fd787"
            told = "not as it has to be" if state.ailments else "made" if state.made else "as it has to be"
            told = "missing" if state.ailments and not state.partitions else told
            table.add_row(
                show.line(state.name),
                str(state.partitions),
                topic.key,
                "compacted" if topic.compacted else f"{days} days",
                topic.purpose,
                Text(told, style=style),
            )
        show.console().print(table)
    for ailment in (ailment for state in states for ailment in state.ailments):
        show.complain(ailment)
    return 1 if any(state.ailments for state in states) else 0
