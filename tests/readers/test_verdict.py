"""From outputs to what is read."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.domain.emotions import EMOTIONS, Emotion
from pipeline.readers.verdict import NAMED_MAX, NEGATIVE, NONE, OUTPUTS, SAD, SWAY, Scale, verdicts

FELT, STRENGTH, PRIMARY, VALENCE = 0, 20, 40, 61
HURT, GLAD = EMOTIONS.index(Emotion.NEGLECTED), EMOTIONS.index(Emotion.HAPPY)


def outputs(**given: float) -> np.ndarray:
    """Answer one row of outputs with everything unlikely but what is given, as place → value."""
    row = np.full((1, OUTPUTS), -4, np.float32)
    row[0, VALENCE] = 0
    for place, value in given.items():
        row[0, int(place[1:])] = value
    return row


def test_the_primary_emotion_agrees_with_the_hurt() -> None:
    """Of two primary emotions nearly as likely the one counts that agrees with whether the person is hurt."""
    both = {f"_{PRIMARY + HURT}": 2.0, f"_{PRIMARY + GLAD}": 2.2}
    (hurt,) = verdicts(outputs(**both, **{f"_{NEGATIVE}": 2.0}), Scale())
    (glad,) = verdicts(outputs(**both, **{f"_{NEGATIVE}": -2.0}), Scale())
    assert (hurt.named[0], glad.named[0]) == (HURT, GLAD)


def test_none_names_nothing() -> None:
    """Where no emotion is the likeliest, none is named even if one is probable."""
    (said,) = verdicts(outputs(**{f"_{PRIMARY + NONE}": 5.0, f"_{FELT + GLAD}": 2.0}), Scale())
    assert (said.named, said.confidence, said.strength) == ([], [], [])


def test_scales_are_applied() -> None:
    """Slope and shift bring the outputs to the fitted probability, the temperature softens the primary one."""
    row = outputs(**{f"_{NEGATIVE}": 2.0, f"_{PRIMARY + HURT}": 3.0})
    (plain,) = verdicts(row, Scale())
    (soft,) = verdicts(row, Scale(negative=(0.5, -1.0), primary=4.0))
    assert plain.negative == pytest.approx(1 / (1 + np.exp(-2)), abs=1e-3)
    assert soft.negative == 0.5
    assert soft.confidence[0] < plain.confidence[0]


def test_doubt_is_marked() -> None:
    """A primary emotion that is hardly likelier than the rest is not sure, a plain one is."""
    (plain,) = verdicts(outputs(**{f"_{NEGATIVE}": 4.0, f"_{PRIMARY + HURT}": 6.0}), Scale())
    (vague,) = verdicts(outputs(**{f"_{NEGATIVE}": 4.0}), Scale())
    assert plain.sure
    assert not vague.sure


@given(st.lists(st.floats(-60, 60, width=32), min_size=OUTPUTS, max_size=OUTPUTS))
def test_any_outputs_give_a_sound_verdict(row: list[float]) -> None:
    """Whatever the network says, probabilities are between 0 and 1 and the named emotions are few and different."""
    (said,) = verdicts(np.array([row], np.float32), Scale())
    assert len(set(said.named)) == len(said.named) <= NAMED_MAX
    assert len(said.named) == len(said.confidence) == len(said.strength)
    assert all(0 <= sure <= 1 for sure in said.confidence)
    assert all(strong in {1, 2, 3} for strong in said.strength)
    assert 0 <= said.negative <= 1
    assert -1 <= said.valence <= 1
    assert not said.named or said.named[0] < NONE
    assert SAD == 8


def test_likely_emotions_sway_the_valence() -> None:
    """Of texts that the network calls neither good nor bad, what is likely felt says which, by how strongly it is."""
    glad = {f"_{PRIMARY + GLAD}": 9.0, f"_{NEGATIVE}": -9.0}
    sad = {f"_{PRIMARY + HURT}": 9.0, f"_{NEGATIVE}": 9.0}
    said = [
        verdicts(outputs(**felt, **{f"_{STRENGTH + place}": strength}), Scale())[0].valence
        for felt, place in ((sad, HURT), (glad, GLAD))
        for strength in (3.0, 1.0)
    ]
    assert said == pytest.approx([-1.5 * SWAY, -0.5 * SWAY, 1.5 * SWAY, 0.5 * SWAY], abs=2e-3)


@given(st.floats(-6, 6), st.floats(-1, 1), st.floats(0, 1))
def test_the_tone_counts_by_its_share(valence: float, tone: float, share: float) -> None:
    """Valence lies between that of the network and that of VADER, as far along as the share says."""
    row = outputs(**{f"_{VALENCE}": valence})
    (plain,), (toned,) = verdicts(row, Scale()), verdicts(row, Scale(), np.array([tone]), share)
    assert toned.valence == pytest.approx(plain.valence + share * (tone - plain.valence), abs=2e-3)
    assert -1 <= toned.valence <= 1
