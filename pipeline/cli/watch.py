"""``heartline watch``: alerts, moments or cases, as they come."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipeline.cli.frame import Place, command, complaints

if TYPE_CHECKING:
    from rich.text import Text

    from pipeline.domain.cases import Case
    from pipeline.domain.correction import Correction
    from pipeline.domain.events import Alert, Merge, Moment


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    command(app)(watch)


async def watch(
    place: Place,
    what: Annotated[str, typer.Argument(metavar="alerts|moments|cases", help="What to watch.")],
    team: Annotated[
        list[str] | None, typer.Option("--team", metavar="TEAM", help="Only what this team answers; may be repeated.")
    ] = None,
    from_start: Annotated[bool, typer.Option("--from-start", help="Begin with what is there already.")] = False,
    limit: Annotated[int | None, typer.Option("--limit", min=1, metavar="N", help="End after so many.")] = None,
) -> int:
    """Watch alerts, moments or cases as they come; NDJSON when piped.

    An alert may come twice, always with the same id.

    \b
    heartline watch alerts --team billing
    heartline watch moments --from-start --limit 100 | jq .reading.primary
    """
    from pipeline.buses.feed import follow
    from pipeline.cli import show
    from pipeline.cli.doors import demand_topics
    from pipeline.compose import load_policy
    from pipeline.domain.envelope import open_envelope
    from pipeline.domain.errors import Misconfigured, Rejected

    if what not in {"alerts", "moments", "cases"}:
        raise Misconfigured(f"watch {what}: there are alerts, moments and cases")
    teams = sorted(load_policy(place.settings).teams)
    if unknown := sorted(set(team or ()) - set(teams)):
        raise Misconfigured(f"--team {unknown[0]}: the policy knows {', '.join(teams)}")
    wanted = set(team or teams)
    topics = [f"alerts.{name}" for name in sorted(wanted)] if what == "alerts" else [what]
    await demand_topics(place.settings, topics)
    complaints(place)
    if not place.json:
        show.note(f"{what} as they come; Ctrl-C ends")
    left = limit
    async for record in follow(place.settings, topics, None, "earliest" if from_start else "latest"):
        try:
            envelope = open_envelope(record)
            if what == "cases" and envelope.data.get("team") not in wanted:
                continue
            tell(place, envelope.type, envelope.data)
        except Rejected:
            continue  # somebody else's record; the workers put it into `rejects`
        if left is not None and (left := left - 1) == 0:
            break
    return 0


def tell(place: Place, kind: str, data: dict[str, Any]) -> None:
    """Show one event. Raises Rejected where it is not what its type says."""
    from pipeline.cli import show
    from pipeline.domain.cases import Case
    from pipeline.domain.correction import Correction
    from pipeline.domain.envelope import read_value
    from pipeline.domain.events import Alert, Merge, Moment

    if place.json:
        show.emit(data)
    elif kind == "alert.raised":
        show.console().print(alert_line(read_value(Alert, data)))
    elif kind == "case.changed":
        show.console().print(case_line(read_value(Case, data)))
    elif kind == "person.merged":
        show.console().print(merge_line(read_value(Merge, data)))
    elif kind == "reading.corrected":
        show.console().print(correction_line(read_value(Correction, data)))
    else:
        show.console().print(moment_line(read_value(Moment, data)))


def alert_line(alert: "Alert") -> "Text":
    """Answer an alert in a line or two: team, severity, who, what, why, until when."""
    from rich.text import Text

    from pipeline.cli import show

    words = [show.excerpt(word, 40) for word in dict.fromkeys(alert.why.words)]
    head = Text.assemble(
        (f"{show.when(alert.at)}  ", "dim"),
        ("● ", show.SEVERITY_STYLES[alert.severity]),
        (f"{show.line(alert.team):<10}", "bold"),
        f"{show.short(alert.person)}  ",
        show.emotion_text(alert.why.primary),
        f" at {show.line(alert.touchpoint)}, {show.line(alert.channel)}",
        (f"  about {', '.join(map(show.topic, alert.why.topics[:3]))}" if alert.why.topics else "", "dim"),
        (f"   by {show.when(alert.respond_by)}", "dim"),
    )
    quote = Text("\n" + " " * 20)
    quote.append(show.excerpt(alert.text, max(20, show.console().width - 60)), style="italic")
    if words:
        quote.append("   why: ", style="dim")
        quote.append(" · ".join(words[:3]), style=show.emotion_style(alert.why.primary))
    return head + quote


def case_line(case: "Case") -> "Text":
    """Answer a change of a case in a line."""
    from rich.text import Text

    from pipeline.cli import show

    return Text.assemble(
        (f"{show.when(case.opened_at)}  ", "dim"),
        ("● ", show.SEVERITY_STYLES[case.severity]),
        (f"{show.line(case.team):<10}", "bold"),
        f"{show.short(case.person)}  {show.line(case.touchpoint)}  ",
        f"{case.state}, {case.hurts} hurt{'s' if case.hurts != 1 else ''}  ",
        (
            f"answer by {show.when(case.respond_by)}  {show.excerpt(case.text, max(20, show.console().width - 90))}",
            "dim",
        ),
    )


def moment_line(moment: "Moment") -> "Text":
    """Answer a moment in a line: when, channel, who, what is felt, and the words that show it."""
    from rich.text import Text

    from pipeline.cli import show

    emotion = show.emotion_text(moment.reading.primary, understood=moment.reading.understood)
    emotion.pad_right(max(0, 15 - len(emotion)))
    return Text.assemble(
        (f"{show.when(moment.at)}  ", "dim"),
        f"{show.channel(moment.feedback.channel):<11}{show.short(moment.person)}  ",
        emotion,
        show.marked(moment.feedback.text, moment.reading.spans, max(20, show.console().width - 58)),
    )


def merge_line(merge: "Merge") -> "Text":
    """Answer a merge in a line."""
    from rich.text import Text

    from pipeline.cli import show

    told = f"{show.when(merge.at)}  {show.short(merge.person)} proved to be {show.short(merge.into)}"
    return Text(told, style="dim")


def correction_line(correction: "Correction") -> "Text":
    """Answer a correction in a line: when, who says so, of whom, and what should have been read."""
    from rich.text import Text

    from pipeline.cli import show

    told = Text.assemble(
        (f"{show.when(correction.at)}  ", "dim"),
        f"{show.excerpt(correction.by, 20)} corrects {show.line(correction.moment[:8])} of "
        f"{show.short(correction.person)}  ",
    )
    if correction.primary is not None:
        told.append_text(show.emotion_text(None if correction.primary == "none" else correction.primary))
    for name in ("valence", "success", "effort", "action"):
        if (said := getattr(correction, name)) is not None:
            told.append(f"  {name} {said}", style="dim")
    return told
