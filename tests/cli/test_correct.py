"""Correcting from the command line: which moment is meant, and what is said of it."""

import io
from datetime import UTC, datetime
from typing import Any

import pytest
from rich.console import Console

from pipeline.cli import show
from pipeline.cli.correct import _checked, _tell, chosen, felt
from pipeline.cli.corrections import moment_of
from pipeline.cli.watch import correction_line
from pipeline.domain.emotions import Emotion
from pipeline.domain.errors import Misconfigured
from tests.makers import correction, moment

MOMENTS = [moment(number, Emotion.HAPPY).model_copy(update={"id": name}) for number, name in enumerate(["ab1", "ab2"])]


@pytest.mark.parametrize(
    ("primary", "others", "emotions"),
    [
        (None, (), None),
        ("none", (), {}),
        ("happy", (), {"happy": 2}),
        ("happy:3", ("valued", "safe:1"), {"happy": 3, "valued": 2, "safe": 1}),
    ],
)
def test_what_the_options_name(primary: str | None, others: tuple[str, ...], emotions: dict[str, int] | None) -> None:
    """An emotion without an intensity is clear; none is a feeling that is not there; no option says nothing."""
    assert felt(primary, others) == emotions


@pytest.mark.parametrize(
    ("primary", "others", "told"),
    [
        (None, ("happy",), "--primary"),
        ("happy:4", (), "intensity"),
        ("happy:", (), "intensity"),
        ("happy", ("safe:x",), "intensity"),
    ],
)
def test_options_that_name_nothing(primary: str | None, others: tuple[str, ...], told: str) -> None:
    """A feeling beside no primary one, or of no intensity that there is, is told."""
    with pytest.raises(Misconfigured, match=told):
        felt(primary, others)


def test_which_moment_is_meant() -> None:
    """Without an id the newest is meant, else the one whose id begins so; none, and several, are told."""
    assert chosen(MOMENTS, None).id == "ab2"
    assert chosen(MOMENTS, "ab1").id == "ab1"
    for beginning, told in (("ab", "2 moments begin with ab"), ("x", "no moment is x"), (None, "no moment is kept")):
        with pytest.raises(Misconfigured, match=told):
            chosen(MOMENTS if beginning else [], beginning)


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({"emotions": {"sleepy": 2}, "primary": "sleepy"}, "sleepy is none of the emotions: dissatisfied"),
        ({"emotions": None, "effort": "some"}, "/effort"),
        ({"emotions": None}, "nothing is corrected"),
    ],
)
def test_what_cannot_be_said_is_told(said: dict[str, Any], told: str) -> None:
    """A wrong value is a wrong usage that names its place."""
    with pytest.raises(Misconfigured, match=told):
        _checked({"moment": "m", "person": "p", "by": "ben", **said})


def test_a_correction_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """A person sees the words, what was read, what it is now, and who said so, and no name is obeyed."""
    file = io.StringIO()
    shown = Console(file=file, width=120, markup=False, emoji=False, highlight=False, no_color=True)
    monkeypatch.setattr(show, "console", lambda: shown)
    said = correction(0, by="ben\x1b[2J", emotions={"disappointed": 2}, primary="disappointed", valence=-1)
    _tell(MOMENTS[0], said)
    assert "happy  +0.0  →  disappointed  -0.5   moment ab1, by ben␛[2J" in file.getvalue()
    assert correction_line(said).plain.endswith(f"corrects {said.moment[:8]} of p1-a  disappointed  valence -1")
    assert "\x1b" not in file.getvalue() + correction_line(said).plain


def test_since_when() -> None:
    """A day begins in UTC, a time with an offset is that time, anything else is told."""
    assert moment_of("2026-11-01") == datetime(2026, 11, 1, tzinfo=UTC)
    assert moment_of("2026-11-01T01:00:00+01:00") == datetime(2026, 11, 1, tzinfo=UTC)
    with pytest.raises(Misconfigured, match="--since yesterday"):
        moment_of("yesterday")
