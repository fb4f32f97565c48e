"""How an evaluation looks at a terminal."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.table import Table
    from rich.text import Text

CONFUSIONS_SHOWN = 8
GROUPS_SHOWN = 10
BAR_CELLS = 12
GROUP_CHARS = 32
Told = Mapping[str, Any]


def show_scores(told: Told) -> None:
    """Show what `evaluate` answers: figures beside the baseline and the floors, emotions, confusions, groups."""
    from rich.text import Text

    from pipeline.cli import show

    out = show.console()
    files = ", ".join(show.excerpt(Path(file).name, 40) for file in told["files"])
    counts = f"{told['rows']:,} rows of {files} ({told['split']}): {told['negative_rows']:,} negative"
    counts += f", {told['unclear_rows']:,} whose labels leave it open" if told["unclear_rows"] else ""
    out.print(Text.assemble((told["reader"], "bold"), "   ", (f"{counts}\n", "dim")))
    out.print(_figures(told))
    out.print(_emotions(told["emotions"]))
    if confusions := _confusions(told["confusion"]):
        out.print(confusions)
    if told["groups"]:
        out.print(_groups(told["by"], told["groups"]))


def _table(title: str, *headings: str) -> "Table":
    from rich.table import Table

    table = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for place, heading in enumerate(headings):
        table.add_column(heading, header_style="dim", justify="right" if place else "left")
    return table


def _figures(told: Told) -> "Table":
    from pipeline.readers.evaluation import AT_MOST, FIGURES

    base = told.get("baseline", {})
    floors = {each["figure"]: each for each in told["floors"]}
    headings = ["", told["reader"], *([base["reader"]] if base else []), *(["floor"] if floors else [])]
    table = _table("Figures", *headings)
    for name, title in FIGURES.items():
        value = told["figures"][name]
        if value is None:
            continue
        cells: list[Text | str] = [_number(value)]
        cells += [_number(base["figures"].get(name))] if base else []
        if floors:
            floor = floors.get(name)
            cells += [_floor(floor, "≤" if name in AT_MOST else "≥") if floor else ""]
        table.add_row(title, *cells)
    for name, title in (("texts_per_second", "texts a second"), ("cpu_us_a_text", "CPU µs a text")):
        speeds = [told["speed"][name], *([base["speed"][name]] if base else [])]
        table.add_row(title, *("–" if speed is None else f"{speed:,.0f}" for speed in speeds))
    return table


def _floor(floor: Told, bound: str) -> "Text":
    from rich.text import Text

    from pipeline.cli.show import CLUSTER_STYLES

    style, mark = (CLUSTER_STYLES["advocacy"], "✓") if floor["held"] else (CLUSTER_STYLES["destroyers"], "✗")
    return Text(f"{bound} {floor['floor']:.3f} {mark}", style=style)


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _emotions(emotions: Mapping[str, Told]) -> "Table":
    from rich.text import Text

    from pipeline.cli.show import emotion_style, emotion_text
    from pipeline.domain.emotions import Emotion

    table = _table("\nEmotions", "emotion", "precision", "recall", "F1", "", "labelled", "read")
    table.columns[4].justify = "left"
    for name, found in emotions.items():
        if not found["support"] and not found["read"]:
            continue
        table.add_row(
            emotion_text(Emotion(name)),
            *(_number(found[each]) for each in ("precision", "recall", "f1")),
            Text("━" * round((found["f1"] or 0) * BAR_CELLS), style=emotion_style(name)),
            f"{found['support']:,}",
            f"{found['read']:,}",
        )
    return table


def _confusions(matrix: Mapping[str, Mapping[str, int]]) -> "Table | None":
    wrong = [(count, meant, read) for meant, row in matrix.items() for read, count in row.items() if meant != read]
    if not wrong:
        return None
    table = _table("\nMost frequent confusions of the primary", "rows", "labelled", "read as", "of those labelled so")
    table.columns[0].justify, table.columns[1].justify, table.columns[2].justify = "right", "left", "left"
    for count, meant, read in sorted(wrong, key=lambda one: (-one[0], one[1:]))[:CONFUSIONS_SHOWN]:
        table.add_row(f"{count:,}", _name(meant), _name(read), f"{count / sum(matrix[meant].values()):.0%}")
    return table


def _name(name: str) -> "Text":
    from rich.text import Text

    from pipeline.cli.show import emotion_text
    from pipeline.domain.emotions import EMOTIONS, Emotion

    return emotion_text(Emotion(name)) if name in EMOTIONS else Text(name, style="dim")


def _groups(by: str, groups: Mapping[str, Told]) -> "Table":
    from pipeline.cli.show import excerpt

    shown = _worst(groups.items())
    title = f"\nBy {excerpt(by, 40)}" + (", the worst first" if len(shown) == len(groups) else ", the worst")
    table = _table(title, excerpt(by, 40), "rows", "negative right", "negative F1", "primary right", "valence r")
    for name, brief in shown:
        figures = (brief[each] for each in ("negative_accuracy", "negative_f1", "primary_accuracy", "valence_r"))
        table.add_row(excerpt(name, GROUP_CHARS), f"{brief['rows']:,}", *map(_number, figures))
    return table


def _worst(groups: Iterable[tuple[str, Told]]) -> list[tuple[str, Told]]:
    """Answer the groups in which the primary emotion is most often wrong."""
    return sorted(groups, key=lambda one: (_least(one[1]["primary_accuracy"]), one[0]))[:GROUPS_SHOWN]


def _least(value: float | None) -> float:
    return 1.0 if value is None else value
