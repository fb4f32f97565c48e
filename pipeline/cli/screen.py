"""The demo's screen: readings as they come, alerts by team, timelines that grow, and the totals."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

from rich.layout import Layout
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from pipeline.cli import show
from pipeline.cli.tally import Tally
from pipeline.domain.emotions import Cluster
from pipeline.domain.events import Alert, Moment
from pipeline.domain.policy import Policy
from pipeline.domain.timeline import Figures, add, trust_balance

NAME_CELLS = 18
TRUST_CELLS = 11
DAYS = 42
ALERTS_CELLS = 36
STREAM_CELLS = 47  # of a line of the stream, before the words
BORDER = "#5c6370"
LADDER = tuple(Cluster)


def frame(tally: Tally, policy: Policy, size: tuple[int, int]) -> Layout:
    """Answer the whole screen for ``size`` (columns, lines)."""
    width, height = size
    persons = max(3, min(12, (height - 12) // 3))
    whole = Layout()
    whole.split_column(
        Layout(_totals(tally, width), name="totals", size=3),
        Layout(name="middle"),
        Layout(_timelines(tally, policy, persons, width), name="timelines", size=persons + 2),
    )
    lines = height - persons - 5
    alerts = min(44, max(ALERTS_CELLS, width // 3))
    whole["middle"].split_row(
        Layout(_stream(tally, lines - 2, width - alerts - 4)), Layout(_alerts(tally, policy, lines - 2), size=alerts)
    )
    return whole


def _panel(inside: Table | Text, title: str | Text, below: Text | None = None) -> Panel:
    return Panel(
        inside,
        title=title,
        title_align="left",
        subtitle=below,
        subtitle_align="right",
        border_style=BORDER,
        padding=(0, 1),
    )


def _totals(tally: Tally, width: int) -> Panel:
    first = tally.first_alert_seconds
    figures = [
        ("published", f"{tally.published:,}"),
        ("moments", f"{len(tally.moments):,}"),
        ("alerts", f"{sum(map(len, tally.alerts.values())):,}"),
        ("cases", f"{len(tally.cases):,}"),
        ("rejected", f"{tally.rejected:,}"),
        ("events/s", f"{tally.events_per_second or 0:,.0f}"),
        ("first alert", f"{first:.1f} s" if first is not None else "…"),
    ]
    table = Table.grid(expand=True)
    for _ in figures:
        table.add_column(justify="center", no_wrap=True)
    gap = " " if width < 120 else "  "
    table.add_row(*(Text.assemble((value, "bold"), gap, (name, "dim")) for name, value in figures))
    return _panel(
        table, Text.assemble(("♥ ", "#ff6b6b"), ("Heartline", "bold"), ("  six weeks of feedback, replayed", "dim"))
    )


def _stream(tally: Tally, lines: int, width: int) -> Panel:
    table = Table.grid(padding=(0, 1, 0, 0))
    for cells in (12, 1, 9, 12):
        table.add_column(width=cells, no_wrap=True)
    words = max(10, width - STREAM_CELLS + 4)
    table.add_column(no_wrap=True, width=words, overflow="ellipsis")
    for moment in list(tally.newest)[-lines:]:
        table.add_row(
            Text(f"{moment.at:%d %b %H:%M}", style="dim"),
            Text(show.CHANNEL_MARKS.get(moment.feedback.channel, "·"), style="dim"),
            Text(show.short(moment.person), style="dim"),
            show.emotion_text(moment.reading.primary, understood=moment.reading.understood),
            _words(moment, words),
        )
    legend = Text(" ").join(Text(f"■ {cluster}", style=show.CLUSTER_STYLES[cluster]) for cluster in LADDER)
    return _panel(table, "what people say, and the words that show how it felt", legend)


def _words(moment: Moment, cells: int) -> Text:
    """Answer the words that show why; where none do, the beginning of what was said."""
    text = moment.feedback.text
    if not moment.reading.spans:
        return Text(show.excerpt(text, cells), style="dim")
    told = Text(no_wrap=True, overflow="ellipsis")
    seen: set[str] = set()
    for span in moment.reading.spans:
        word = show.excerpt(text[span.start : span.end], 40)
        if word.casefold() not in seen:
            seen.add(word.casefold())
            told.append(" · " if told else "", style="dim")
            told.append(word, style=show.emotion_style(span.emotion))
    return told


def _alerts(tally: Tally, policy: Policy, lines: int) -> Panel:
    table = Table.grid(expand=True)
    table.add_column(no_wrap=True, overflow="ellipsis")
    teams = sorted(tally.alerts.items(), key=lambda one: (-len(one[1]), one[0]))
    most = max((len(alerts) for _, alerts in teams), default=1)
    both = 2 * len(teams) <= lines
    for team, alerts in teams[: lines if not both else None]:
        newest = next(reversed(alerts.values()))
        bar = Text("▇" * max(1, round(9 * len(alerts) / most)), style=show.SEVERITY_STYLES[newest.severity])
        head = Text(f"{show.excerpt(team, 10):<10} ", style="bold")
        table.add_row(Text.assemble(head, f"{len(alerts):>4} ", bar))
        if both:
            table.add_row(_alert_line(newest))
    if not teams:
        table.add_row(Text("none yet", style="dim"))
    return _panel(table, "alerts by team")


def _alert_line(alert: Alert) -> Text:
    felt = show.emotion_text(alert.why.primary)
    by = alert.respond_by - alert.raised_at
    hours = by / timedelta(hours=1)
    return Text.assemble(
        ("  ● ", show.SEVERITY_STYLES[alert.severity]),
        felt,
        (f" {show.excerpt(alert.touchpoint, 11)}, {hours:.0f} h", "dim"),
    )


def _timelines(tally: Tally, policy: Policy, count: int, width: int) -> Panel:
    whole = [moment for several in tally.timelines.values() for moment in several.values()]
    end = max((moment.at for moment in whole), default=datetime(2026, 1, 1, tzinfo=UTC))
    cells = max(1, (width - 4 - NAME_CELLS - TRUST_CELLS - 8) // DAYS)
    scale = min(41, max(TRUST_CELLS, width - 4 - NAME_CELLS - 8 - cells * DAYS)) // 2 * 2 - 1
    table = Table.grid(padding=(0, 1, 0, 0))
    table.add_column(width=NAME_CELLS, no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True, justify="right", width=4)
    table.add_column(no_wrap=True)
    last = max((moment.at for moment in whole), default=end).date()
    first = min((moment.at for moment in whole), default=end).date()
    days = max(DAYS, (last - first).days + 1)
    start = last - timedelta(days=days - 1) if (last - first).days + 1 > DAYS else first
    for person in _leading(tally, count):
        moments = sorted(tally.timelines[person].values(), key=lambda moment: moment.at)
        trust = trust_balance(add(Figures(), moments, policy), end, policy.trust)
        table.add_row(
            Text(name_of(moments), style="bold"),
            _strip(moments, start, min(days, DAYS), cells),
            Text(f"{trust:+.0f}", style=show.CLUSTER_STYLES["destroyers" if trust < 0 else "advocacy"]),
            show.bar(trust, -100, 100, scale),
        )
    return _panel(table, "timelines: six weeks, a cell a day, and the trust that is left")


def _leading(tally: Tally, count: int) -> Sequence[str]:
    """Answer those who have said most, in the order in which they first spoke."""
    most = sorted(tally.timelines, key=lambda person: (-len(tally.timelines[person]), person))[:count]
    spoken = {person: min((m.at for m in tally.timelines[person].values()), default=None) for person in most}
    return sorted((p for p in most if spoken[p] is not None), key=lambda person: (spoken[person], person))


def _strip(moments: Sequence[Moment], start: date, days: int, cells: int) -> Text:
    """Answer a cell a day in the colour of the worst that was felt on it, and · where nothing was said."""
    felt: dict[int, int] = {}
    for moment in moments:
        primary = moment.reading.primary
        rung = LADDER.index(primary.cluster) if primary else len(LADDER)
        day = (moment.at.date() - start).days
        felt[day] = min(felt.get(day, len(LADDER)), rung)
    told = Text()
    for day in range(days):
        if day not in felt:
            told.append("·" * cells, style="#3e4451")
        elif felt[day] == len(LADDER):
            told.append("□" + " " * (cells - 1), style="dim")
        else:
            told.append("█" * cells, style=show.CLUSTER_STYLES[LADDER[felt[day]]])
    return told


def name_of(moments: Sequence[Moment]) -> str:
    """Answer what a person may be called on a screen: the beginning of an address, a name, or an id."""
    handles = {handle.kind: handle.value for moment in moments for handle in moment.feedback.handles}
    if email := handles.get("email"):
        return show.excerpt(email.partition("@")[0].casefold(), NAME_CELLS)
    for kind in ("social", "customer_id", "employee_id", "phone", "respondent"):
        if kind in handles:
            return show.excerpt(handles[kind], NAME_CELLS)
    return "anonymous"
