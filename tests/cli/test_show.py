"""Showing: text of strangers is harmless, words that show why are marked where they stand."""

import io
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from rich.table import Table

from pipeline.cli import show
from pipeline.domain.emotions import Emotion
from pipeline.domain.reading import Span

HOSTILE = [
    "\x1b[2J\x1b[31mred",
    "\x1b]0;title\x07",
    "\x9b31m C1",
    "abc\u202edcba",
    "\u2066isolated\u2069",
    "bell\x07\x08\x08\x00",
    "tag\U000e0041",
    "half \ud800 pair",
    "[red]markup[/red] [link=http://example.org]x[/link]",
]


@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
def test_hostile(text: str) -> None:
    """Nothing that a terminal obeys, and no markup, comes through a console or a table."""
    file = io.StringIO()
    out = Console(file=file, markup=False, emoji=False, highlight=False, width=120, no_color=True)
    table = Table()
    table.add_column()
    table.add_row(show.line(text))
    out.print(table)
    out.print(show.marked(text, ()))
    told = file.getvalue()
    told.encode()  # lone surrogates cannot be written
    assert not any(unicodedata.category(letter) in {"Cc", "Cs"} for letter in told if letter != "\n")
    assert "\u202e" not in told
    if "[red]" in text:
        assert "[red]markup[/red]" in told


@given(st.text())
def test_safe(text: str) -> None:
    """Whatever the text, what is left has no control characters but line ends and can be encoded; twice is once."""
    told = show.safe(text)
    told.encode()
    assert not any(unicodedata.category(letter) in {"Cc", "Cs", "Zl", "Zp"} for letter in told if letter != "\n")
    assert show.safe(told) == told
    assert "\n" not in show.line(text)


def test_stacked_marks() -> None:
    """Marks that are heaped on a letter cannot climb over other lines."""
    assert show.safe("a" + "\u0301" * 40) == "a" + "\u0301" * 3


@given(st.text(max_size=80), st.data())
def test_marked(text: str, data: st.DataObject) -> None:
    """Marking words loses and invents no text, wherever the spans are."""
    pairs = data.draw(st.lists(st.tuples(st.integers(0, 90), st.integers(1, 90)), max_size=4))
    spans = tuple(Span(start=s, end=s + n, emotion=Emotion.HAPPY) for s, n in pairs)
    told = show.marked(text, spans, one_line=False).plain
    letters = [letter for letter in show.safe(text) if not letter.isspace()]
    assert [letter for letter in told if not letter.isspace() and letter != "…"] == [x for x in letters if x != "…"]


def test_window() -> None:
    """Of a long text the part with the words that show why is shown."""
    text = "x " * 300 + "nobody calls back" + " y" * 300
    start = text.index("nobody")
    told = show.marked(text, (Span(start=start, end=start + 6, emotion=Emotion.NEGLECTED),), 60).plain
    assert "nobody calls back" in told
    assert len(told) <= 62


@pytest.mark.parametrize(
    ("value", "told"), [(0, "─────│─────"), (-100, "█████│─────"), (100, "─────│█████"), (999, "─────│█████")]
)
def test_bar(value: float, told: str) -> None:
    """A bar grows from zero to either side and stays in its cells."""
    assert show.bar(value, -100, 100, 11).plain == told


def test_excerpt() -> None:
    """An excerpt is one line, cut with an ellipsis."""
    assert show.excerpt("a\nb   c", 10) == "a b c"
    assert show.excerpt("abcdefghij", 5) == "abcd…"


def test_emotions_have_colours() -> None:
    """Every emotion has the colour of its cluster."""
    assert {show.emotion_style(emotion) for emotion in Emotion} == set(show.CLUSTER_STYLES.values())
