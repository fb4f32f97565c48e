"""Corrections: what they take and refuse, which of several counts, and the reading that comes of it."""

from datetime import timedelta, timezone
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from pipeline.domain.correction import Correction, corrected, history, label
from pipeline.domain.emotions import EMOTIONS, Emotion
from pipeline.domain.limits import CORRECTIONS_MAX, NOTE_CHARS_MAX
from pipeline.domain.reading import Reading, Span
from tests.makers import NOON, correction, reading

SAID = {"moment": "m", "person": "p1-a", "by": "ben", "at": NOON.isoformat()}
SPANS = (Span(start=0, end=4, emotion=Emotion.NEGLECTED), Span(start=5, end=9, emotion=Emotion.HAPPY))
READ = reading(Emotion.NEGLECTED, Emotion.HAPPY, spans=SPANS).model_copy(
    update={"success": "unmet", "effort": "high", "action": "respond", "review": True, "topics": ("invoice",)}
)


@pytest.mark.parametrize(
    "said",
    [
        {},
        {"note": "only a note"},
        {"primary": "happy"},
        {"emotions": {"happy": 2}},
        {"emotions": {"happy": 2}, "primary": "pleased"},
        {"emotions": {"happy": 2}, "primary": "none"},
        {"emotions": {}, "primary": "happy"},
        {"emotions": {"sleepy": 2}, "primary": "sleepy"},
        {"emotions": {"happy": 4}, "primary": "happy"},
        {"emotions": {"happy": True}, "primary": "happy"},
        {"emotions": {"happy": {"intensity": 2}}, "primary": "happy"},
        {"emotions": dict.fromkeys(EMOTIONS[:4], 2), "primary": EMOTIONS[0]},
        {"valence": 3},
        {"valence": 0.5},
        {"success": "maybe"},
        {"effort": "some"},
        {"action": "shout"},
        {"valence": 1, "by": " "},
        {"valence": 1, "moment": ""},
        {"valence": 1, "person": "p" * 65},
        {"valence": 1, "at": "2026-09-01T12:00:00"},
        {"valence": 1, "note": "x" * (NOTE_CHARS_MAX + 1)},
    ],
)
def test_wrong_values_are_refused(said: dict[str, Any]) -> None:
    """A correction that says nothing, contradicts itself or leaves the bounds is refused."""
    with pytest.raises(ValidationError):
        Correction.model_validate(SAID | said)


def test_what_is_corrected_is_read_so() -> None:
    """Named fields replace what the reader said, with certainty; the spans of what is still felt stay."""
    told = corrected(READ, correction(emotions={"happy": 3, "valued": 1}, primary="happy", valence=2, success="met"))
    assert {emotion: (felt.confidence, felt.intensity) for emotion, felt in told.emotions.items()} == {
        Emotion.HAPPY: (1.0, 3),
        Emotion.VALUED: (1.0, 1),
    }
    assert (told.primary, told.valence, told.negative, told.success) == (Emotion.HAPPY, 1.0, 0.0, "met")
    assert (told.effort, told.action, told.topics) == ("high", "respond", ("invoice",))
    assert (told.spans, told.review, told.reader) == (SPANS[1:], False, "human/ben")


def test_what_is_left_out_stays() -> None:
    """A correction of one field leaves the others as they were read; only who says so and the doubt change."""
    told = corrected(READ, correction(effort="none", action="none"))
    assert told == READ.model_copy(update={"effort": None, "action": "none", "review": False, "reader": "human/ben"})


def test_nothing_felt_is_a_reading() -> None:
    """No emotion, said by somebody who understood a text that the reader did not, is understood and hurts nobody."""
    told = corrected(Reading(understood=False, negative=0.4), correction(emotions={}, primary="none"))
    assert (told.emotions, told.primary, told.understood, told.negative) == ({}, None, True, 0.0)


@pytest.mark.parametrize(
    ("said", "negative"),
    [
        ({"emotions": {"neglected": 1}, "primary": "neglected"}, 1.0),
        ({"emotions": {"happy": 1}, "primary": "happy"}, 0.0),
        ({"emotions": {}, "primary": "none", "valence": -1}, 1.0),
        ({"valence": 2}, 1.0),
        ({"effort": "low"}, READ.negative),
    ],
)
def test_who_is_hurt_is_certain(said: dict[str, Any], negative: float) -> None:
    """Where the feeling was corrected the probability of a hurt is 0 or 1, as the primary says, or else the valence."""
    assert corrected(READ, correction(**said)).negative == negative


@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(-2, 2)), max_size=30), st.randoms(use_true_random=False),
    st.integers(0, 30),
)  # fmt: skip
def test_the_latest_counts_in_any_order(said: list[tuple[int, int]], chance: Any, cut: int) -> None:
    """However corrections come, in parts and again, the history is the same: by time and id, at most the newest."""
    several = [correction(valence=valence, at=NOON + timedelta(minutes=minutes)) for minutes, valence in said]
    shuffled = several + several[::2]
    chance.shuffle(shuffled)
    parts = history(history((), shuffled[:cut]), shuffled[cut:])
    assert parts == history((), several)
    expected = sorted({each.order for each in several})[-CORRECTIONS_MAX:]
    assert [each.order for each in parts] == expected


def test_the_id_is_of_the_words() -> None:
    """The same words are the same correction, to whomever they go and in whatever zone; other words are not."""
    one = correction(valence=1, note="x")
    zone = NOON.astimezone(timezone(timedelta(hours=5)))
    alike = (correction(valence=1, note="x", person="p3-b", at=zone), one.model_copy(update={"moved_from": "p3-b"}))
    assert {each.id for each in alike} == {one.id}
    assert Correction.model_validate_json(one.model_dump_json(exclude_none=True)).id == one.id
    others = [{"valence": 2}, {"note": "y"}, {"by": "ana"}, {"moment": "n"}, {"at": NOON + timedelta(seconds=1)}]
    said = {"valence": 1, "note": "x"}
    assert len({one.id, *(correction(**{**said, **other}).id for other in others)}) == 6


def test_unknown_fields_are_kept() -> None:
    """What a newer producer adds to a correction is still there when it is sent on."""
    told = Correction.model_validate({**SAID, "valence": 1, "id": "theirs", "desk": {"floor": 3}})
    assert orjson.loads(told.model_dump_json(exclude_none=True)).items() >= {"desk": {"floor": 3}}.items()


def test_a_label_has_the_form_of_labels() -> None:
    """What a correction leaves out of a label is as the reader had read it, in the words and scales of labels."""
    said = correction(emotions={"disappointed": 2}, primary="disappointed", effort="none")
    assert label("m", "the words", READ, said) == {
        "id": "m",
        "text": "the words",
        "emotions": {"disappointed": 2},
        "primary": "disappointed",
        "valence": -1,
        "effort": None,
        "success": "unmet",
        "action": "respond",
        "by": "ben",
        "at": NOON.isoformat(),
    }
    nothing = label("m", "", READ, correction(emotions={}, primary="none", valence=0))
    assert (nothing["emotions"], nothing["primary"], nothing["valence"]) == ({}, "none", 0)
