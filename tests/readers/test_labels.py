"""Labels as they stand in files, right and broken."""

import json
from typing import Any

import pytest

from pipeline.domain.emotions import Emotion
from pipeline.domain.errors import Rejected
from pipeline.domain.limits import RECORD_BYTES_MAX
from pipeline.readers.labels import Label, parse_label

ROW = {"text": "x", "emotions": {"cared for": 2}, "primary": "cared_for", "valence": 1, "source": "shop"}


def parsed(**given: Any) -> Label:
    """Answer the label of a good row with these fields instead."""
    return parse_label(json.dumps({**ROW, **given}).encode())


def test_both_spellings_are_one_emotion() -> None:
    """ "cared for" and "cared_for" name the same emotion, wherever they stand."""
    label = parsed(primary=["Cared for", "none", "cared_for"])
    assert label.emotions == {Emotion.CARED_FOR}
    assert label.primaries == (Emotion.CARED_FOR, None)


def test_what_is_not_labelled_is_not_judged() -> None:
    """Success, effort and action count where the row has them, null being an answer, too."""
    assert parsed().aside == {}
    assert parsed(effort=None, success="met", split=None).aside == {"effort": None, "success": "met"}


def test_rows_are_grouped_by_any_field() -> None:
    """The group of a row is the field that was asked for; a row without it has none."""
    assert parsed().group == "shop"
    row = json.dumps(ROW | {"case": 7}).encode()
    assert (parse_label(row, "case").group, parse_label(row, "team").group) == ("7", None)


@pytest.mark.parametrize(
    ("primary", "valence", "negative"),
    [
        ("irritated", -2, True),
        ("irritated", 0, True),
        (["irritated", "neglected"], -1, True),
        ("none", -1, True),
        ("none", 0, False),
        ("happy", 0, False),
        (["happy", "none"], 1, False),
        (["irritated", "happy"], -1, None),
        (["irritated", "none"], -1, None),
        ("irritated", 1, None),
        ("happy", -1, None),
    ],
)
def test_negative(primary: Any, valence: int, negative: bool | None) -> None:
    """A hurting primary or a valence below zero is negative; labels that contradict themselves leave it open."""
    assert parsed(primary=primary, valence=valence).negative is negative


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"text": 3}, "text must be a string, not 3"),
        ({"emotions": ["happy"]}, "emotions must map"),
        ({"emotions": {"glad": 1}}, '"glad" is none of the twenty'),
        ({"emotions": {"happy": 4}}, "emotions.happy must be a number from 1 to 3, not 4"),
        ({"primary": []}, "empty list"),
        ({"primary": None}, "null is none of the twenty"),
        ({"primary": ["happy", "none of it"]}, "none of it"),
        ({"valence": -3}, "valence must be a number from -2 to 2, not -3"),
        ({"valence": True}, "valence must be"),
        ({"effort": "huge"}, 'effort must be low, high, null, not "huge"'),
        ({"action": []}, "action must be"),
        ({"understood": "no"}, "understood must be"),
        ({"split": "test"}, "split must be train or dev"),
        ({"source": {}}, "source must be a string or a number"),
        ({"text": "\ud800"}, "not JSON"),
    ],
)
def test_broken_rows_are_told_in_words(given: dict[str, Any], said: str) -> None:
    """What is wrong with a row is said with the field and the value."""
    with pytest.raises(Rejected) as told:
        parsed(**given)
    assert said in told.value.detail


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (b"{", "not JSON"),
        (b"\xff", "not JSON"),
        (b"[]", "this is list"),
        (b"{}", "text, emotions, primary, valence missing"),
        (b"[" * 100_000, "not JSON"),
        (b" " * (RECORD_BYTES_MAX + 1), "longer than"),
    ],
)
def test_lines_that_are_no_rows(line: bytes, said: str) -> None:
    """A line that is no JSON object, or too long, is refused with the reason."""
    with pytest.raises(Rejected) as told:
        parse_label(line)
    assert said in told.value.detail


def test_wrong_values_are_repeated_in_short() -> None:
    """An error does not repeat a value of any length."""
    with pytest.raises(Rejected) as told:
        parsed(primary="x" * 10_000, emotions={})
    assert len(told.value.detail) < 120
