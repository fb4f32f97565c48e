"""``heartline timeline``: how somebody felt, over all channels, and the words that show why."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipeline.cli.frame import Place, command

if TYPE_CHECKING:
    from rich.text import Text

    from pipeline.client import Told
    from pipeline.domain.cases import Case
    from pipeline.domain.events import Moment
    from pipeline.domain.policy import Policy

_BEGINNING = re.compile(r"p[0-9]-[0-9a-f]{4,31}")
TEXT_CHARS = 320
TOPICS_SHOWN = 3
SILENCE_DAYS = 7
TRUST_CELLS = 41
ID_CHARS = 8  # of a moment: enough for `heartline correct`
HEIGHTS = "▁▂▃▄▅▆▇█"


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    command(app)(timeline)


async def timeline(
    place: Place,
    who: Annotated[
        str,
        typer.Argument(
            metavar="PERSON|HANDLE", help="A person's id or its beginning, an e-mail, a number, kind:value."
        ),
    ],
    limit: Annotated[
        int, typer.Option("--limit", min=1, max=1000, metavar="N", help="The newest so many moments.")
    ] = 50,
) -> int:
    """Show how somebody felt: every channel on one line of time, the words that show why, and what trust is left.

    Exit code 1 where nobody is known by that name.

    \b
    heartline timeline ana@example.com
    heartline timeline customer_id:C-1012 --limit 10
    heartline timeline "+44 113 496 0123" --json | jq .trust
    """
    from pipeline.cli import show
    from pipeline.client import Client
    from pipeline.clocks import SystemClock
    from pipeline.compose import load_policy

    policy = load_policy(place.settings)
    found = await Client(place.settings).timeline(await whole_id(place, who), limit)
    if found is None:
        show.complain(
            f"nobody is known as {who}; try an e-mail, a phone number, an id, or kind:value such as customer_id:C-1012"
        )
        return 1
    now = SystemClock().now()
    if place.json:
        show.emit(plain(found, policy, now))
    else:
        _show(found, policy, now)
    return 0


async def whole_id(place: Place, who: str) -> str:
    """Answer the whole id of a person where ``who`` is the beginning of one, as other commands show it."""
    from pipeline.cli.doors import stores
    from pipeline.domain.errors import Misconfigured

    if not _BEGINNING.fullmatch(who):
        return who
    async with stores(place.settings) as house:
        fitting = [person async for person in house.timelines.persons() if person.startswith(who)]
    if len(fitting) > 1 and who not in fitting:
        raise Misconfigured(f"{len(fitting)} persons begin with {who}; give more of it, as in {min(fitting)}")
    return fitting[0] if len(fitting) == 1 else who


def handles_of(moments: "Sequence[Moment]") -> dict[str, list[str]]:
    """Answer what a person was known by, newest first, by kind; spellings that mean the same count once."""
    known: dict[str, dict[str, str]] = {}
    for moment in reversed(moments):
        for handle in moment.feedback.handles:
            alike = re.sub(r"[\s()+-]", "", handle.value).casefold()
            known.setdefault(handle.kind, {}).setdefault(alike, handle.value)
    return {kind: list(values.values()) for kind, values in known.items()}


def plain(found: "Told", policy: "Policy", now: datetime) -> dict[str, Any]:
    """Answer a timeline as plain values."""
    from pipeline.domain.timeline import positives_owed, trust_balance, trust_entry

    figures = found.figures
    entries = []
    for moment in found.moments:
        amount, why = trust_entry(moment, policy)
        entries.append({**moment.model_dump(mode="json", exclude_none=True), "trust": {"amount": amount, "why": why}})
    return {
        "person": found.person,
        "aliases": sorted(figures.aliases),
        "handles": handles_of(found.moments),
        "moments": figures.moments,
        "positive": figures.positive,
        "negative": figures.negative,
        "neutral": figures.neutral,
        "ratio": figures.ratio,
        "positives_owed": positives_owed(figures),
        "trust": round(trust_balance(figures, now, policy.trust), 2),
        "emotions": dict(sorted(figures.emotions.items(), key=lambda one: -one[1])),
        "first": _time(figures.first_ms),
        "last": _time(figures.last_ms),
        "cases": [case.model_dump(mode="json", exclude_none=True) for case in found.cases],
        "timeline": entries,
    }


def _time(at_ms: int | None) -> str | None:
    return None if at_ms is None else datetime.fromtimestamp(at_ms / 1000, UTC).isoformat()


def _show(found: "Told", policy: "Policy", now: datetime) -> None:
    from rich.panel import Panel

    from pipeline.cli import show

    out = show.console()
    width = min(out.width, 110)
    out.print(Panel(_head(found, policy, now, width - 6), border_style="#5c6370", padding=(0, 2), width=width))
    _axis(found.moments, policy, now, width)
    hidden = found.figures.moments - len(found.moments)
    if hidden > 0:
        show.note(f"{hidden} earlier moments are not shown; --limit shows more")


def _head(found: "Told", policy: "Policy", now: datetime, width: int) -> "Any":
    from rich.console import Group
    from rich.text import Text

    from pipeline.cli import show

    figures, handles = found.figures, handles_of(found.moments)
    best = next((handles[kind][0] for kind in ("email", "customer_id", "employee_id", "social") if kind in handles), "")
    employee = any(moment.feedback.stakeholder == "employee" for moment in found.moments)
    lines = [
        Text.assemble(
            (show.line(best) or "anonymous", "bold"),
            (f"   {'employee' if employee else 'customer'}   {show.line(found.person)}", "dim"),
        )
    ]
    if handles:
        said = Text("known by ", style="dim")
        for kind, values in handles.items():
            said.append(f"  {show.line(kind).replace('_', ' ')} ", style="dim")
            said.append(", ".join(show.excerpt(value, 40) for value in values[:4]))
        lines.append(said)
    lines += [Text(), _trust(found, policy, now), _ratio(found), _felt(found)]
    if len(found.moments) > 1:
        lines += [Text(), *_curve(found.moments, width - 10)]
    lines += _cases(found.cases, now)
    if figures.aliases:
        lines.append(
            Text(f"was {len(figures.aliases) + 1} persons until a handle showed that they are one", style="dim")
        )
    return Group(*lines)


def _trust(found: "Told", policy: "Policy", now: datetime) -> "Text":
    from rich.text import Text

    from pipeline.cli import show
    from pipeline.domain.timeline import trust_balance

    balance = trust_balance(found.figures, now, policy.trust)
    style = show.CLUSTER_STYLES["destroyers" if balance < 0 else "advocacy"]
    return Text.assemble(
        ("trust   ", "dim"), (f"{balance:+4.0f} ", f"bold {style}"), show.bar(balance, -100, 100, TRUST_CELLS),
        ("  overdrawn" if balance < 0 else "", style),
    )  # fmt: skip


def _ratio(found: "Told") -> "Text":
    from rich.text import Text

    from pipeline.domain.timeline import positives_owed

    figures = found.figures
    owed = positives_owed(figures)
    told = Text.assemble(
        ("ratio   ", "dim"),
        (f"{figures.positive}", "bold #5fd787"),
        " : ",
        (f"{figures.negative}", "bold #ff6b6b"),
        f"   {figures.moments} moments",
    )
    if owed:
        told.append(f", {owed} good ones owed until it is 22 : 1", style="dim")
    return told


def _felt(found: "Told") -> "Text":
    from rich.text import Text

    from pipeline.cli import show
    from pipeline.domain.emotions import Cluster

    counts = dict.fromkeys(Cluster, 0)
    for emotion, count in found.figures.emotions.items():
        counts[emotion.cluster] += count
    told = Text("felt    ", style="dim")
    for cluster, count in counts.items():
        told.append(f"■ {count} {cluster}  ", style=show.CLUSTER_STYLES[cluster] if count else "dim")
    lately = [moment for moment in found.moments if moment.reading.primary][-4:]
    if lately:
        told.append("\nlately  ", style="dim")
        told.append_text(
            Text(" → ", style="dim").join([show.emotion_text(moment.reading.primary) for moment in lately])
        )
    return told


def _cases(cases: "Sequence[Case]", now: datetime) -> "list[Text]":
    from rich.text import Text

    from pipeline.cli import show

    told = [Text()] if cases else []
    for case in sorted(cases, key=lambda each: each.respond_by):
        late = case.respond_by < now
        told.append(
            Text.assemble(
                ("open    ", "dim"),
                ("● ", show.SEVERITY_STYLES[case.severity]),
                (show.line(case.touchpoint), "bold"),
                f"  {show.line(case.team)} answers",
                f", {case.hurts} hurt{'s' if case.hurts != 1 else ''}",
                (f"   by {show.when(case.respond_by)}{' late' if late else ''}", "#ff6b6b" if late else "dim"),
            )
        )
    return told


def _curve(moments: "Sequence[Moment]", width: int) -> "list[Text]":
    """Answer valence over time: a column a day (or more of them), as high as it was good, in the worst colour."""
    from rich.text import Text

    from pipeline.cli import show

    first, last = moments[0].at.date(), moments[-1].at.date()
    days = (last - first).days + 1
    cells = min(width, max(days, 2) if days > width // 2 else days * max(1, min(3, width // max(days, 1))))
    columns: dict[int, list[Moment]] = {}
    for moment in moments:
        place = min(cells - 1, (moment.at.date() - first).days * cells // days)
        columns.setdefault(place, []).append(moment)
    told = Text("        ")
    for cell in range(cells):
        if cell not in columns:
            told.append("·", style="#3e4451")
            continue
        valence = sum(moment.reading.valence for moment in columns[cell]) / len(columns[cell])
        worst = min(
            (moment.reading.primary for moment in columns[cell] if moment.reading.primary),
            key=lambda emotion: list(show.CLUSTER_STYLES).index(emotion.cluster),
            default=None,
        )
        height = HEIGHTS[round((valence + 1) / 2 * (len(HEIGHTS) - 1))]
        told.append(height, style=show.emotion_style(worst))
    ends = f"{first:%d %b %Y}", f"{last:%d %b %Y}"
    scale = Text("        " + ends[0] + " " * max(2, cells - len(ends[0]) - len(ends[1])) + ends[1], style="dim")
    return [told, scale]


def _axis(moments: "Sequence[Moment]", policy: "Policy", now: datetime, width: int) -> None:
    from rich.text import Text

    from pipeline.cli import show

    out = show.console()
    before: datetime | None = None
    for moment in moments:
        if before is not None and moment.at - before > timedelta(days=SILENCE_DAYS):
            out.print(Text(f"  ┆        {(moment.at - before).days} days of silence", style="dim"))
        if before is None or moment.at.date() != before.date():
            out.print(Text(f"\n{moment.at:%a %d %b %Y}", style="bold"))
        _entry(moment, policy, width)
        before = moment.at
    if moments and before is not None and now - before > timedelta(days=SILENCE_DAYS):
        primary = moments[-1].reading.primary
        hurt = primary is not None and primary.hurts
        told = f"  ┆        silent for {(now - before).days} days{', since a hurt' if hurt else ''}"
        out.print(Text(told, style="#ff6b6b" if hurt else "dim"))


def _entry(moment: "Moment", policy: "Policy", width: int) -> None:
    from rich.table import Table
    from rich.text import Text

    from pipeline.cli import show
    from pipeline.domain.timeline import trust_entry

    reading, feedback = moment.reading, moment.feedback
    style = show.emotion_style(reading.primary)
    amount = trust_entry(moment, policy).amount
    felt = Text(" + ").join(
        [show.emotion_text(emotion) for emotion in sorted(reading.emotions, key=lambda e: e != reading.primary)]
    ) if reading.emotions else show.emotion_text(None, understood=reading.understood)  # fmt: skip
    head = Table.grid(expand=True, padding=(0, 2, 0, 0))
    head.add_column(no_wrap=True, overflow="ellipsis")
    head.add_column(no_wrap=True, justify="right")
    paid = Text(f"{amount:+.0f} trust" if amount else "", style="#ff6b6b" if amount < 0 else "#5fd787")
    place = show.excerpt(feedback.touchpoint or "", 30)
    about = ", ".join(map(show.topic, reading.topics[:TOPICS_SHOWN]))
    head.add_row(
        Text.assemble(
            (f"{moment.at:%H:%M} ", "dim"), (f"{show.channel(feedback.channel, 14)}  ", ""), felt,
            (f"   {place}" if place else "", "dim"), (f"   {show.safe(moment.id[:ID_CHARS])}", "dim"),
            (f"   about {about}" if about else "", "dim"),  # last: it is what may be cut off
        ),
        paid,
    )  # fmt: skip
    parts = [head, show.marked(feedback.text, reading.spans, TEXT_CHARS), *_corrected(moment)]
    show.console().print(_Rail(parts, style, width))


def _corrected(moment: "Moment") -> "list[Text]":
    """Answer who corrected the reading, what it was, and why; nothing where nobody did."""
    from rich.text import Text

    from pipeline.cli import show

    if not moment.corrections or moment.read is None:
        return []
    latest, more = moment.corrections[-1], len(moment.corrections) - 1
    told = Text.assemble(
        (f"corrected by {show.excerpt(latest.by, 40)} {show.when(latest.at)}, was read as ", "dim"),
        show.emotion_text(moment.read.primary, understood=moment.read.understood),
        (f", {more} earlier correction{'s' if more != 1 else ''}" if more else "", "dim"),
    )
    if latest.note:
        told.append(f"; {show.excerpt(latest.note, TEXT_CHARS)}", style="dim italic")
    return [told]


class _Rail:
    """Parts beside a rail in the colour of what was felt."""

    def __init__(self, parts: "Sequence[Any]", style: str, width: int) -> None:
        self._parts, self._style, self._width = parts, style, width

    def __rich_console__(self, console: "Any", options: "Any") -> "Any":
        from rich.segment import Segment

        rail = Segment("  ┃ ", console.get_style(self._style))
        for part in self._parts:
            for line in console.render_lines(part, options.update(width=self._width - 4), pad=False):
                yield rail
                yield from line
                yield Segment.line()
