"""Labels and a teacher's answers in one form."""

import json

import numpy as np

from pipeline.domain.emotions import EMOTIONS, Emotion
from pipeline.readers.training.labels import Row, parsed
from pipeline.readers.training.targets import CHOICES, answers, clear, targets
from pipeline.readers.verdict import (
    ACTION,
    EFFORT,
    FELT,
    NEGATIVE,
    NONE,
    OUTPUTS,
    PRIMARY,
    STRENGTH,
    SUCCESS,
    VALENCE,
)  # fmt: skip

from .conftest import label


def row(place: int, **more: object) -> Row:
    """Answer the row of a label."""
    return parsed(json.dumps(label(place, **more)).encode())


def test_labels_ask_for_what_they_say() -> None:
    """Emotions, strengths, primary, valence, hurt and action stand in their places."""
    line = targets([row(0)])[0]
    place = EMOTIONS.index(Emotion.NEGLECTED)
    assert (line[FELT][place], line[STRENGTH][place], line[PRIMARY][place]) == (1, 2, 1)
    assert line[FELT].sum() == line[PRIMARY].sum() == line[ACTION].sum() == 1
    assert (line[VALENCE], line[NEGATIVE]) == (-2, 1)
    assert (line[EFFORT][0], line[SUCCESS][0]) == (1, 1)  # null is an answer


def test_acceptable_primaries_share() -> None:
    """Several acceptable primaries share the probability, and so does whether the person is hurt."""
    line = targets([row(4, primary=["none", "frustrated"])])[0]
    assert line[PRIMARY][NONE] == line[PRIMARY][EMOTIONS.index(Emotion.FRUSTRATED)] == line[NEGATIVE] == 0.5


def test_what_is_not_labelled_asks_for_nothing() -> None:
    """A row without effort, success and action leaves their places empty."""
    told = {name: value for name, value in label(0).items() if name not in {"effort", "success", "action"}}
    line = targets([parsed(json.dumps(told).encode())])[0]
    assert not line[63:OUTPUTS].any()


def test_answers_are_probabilities() -> None:
    """A network's outputs become probabilities that sum up to one where one is right."""
    told = answers(np.random.default_rng(0).normal(0, 9, (5, OUTPUTS)).astype(np.float32))
    for choice in CHOICES:
        np.testing.assert_allclose(told[:, choice].sum(axis=1), 1, rtol=1e-5)
    assert ((told[:, FELT] >= 0) & (told[:, FELT] <= 1)).all()


def test_doubt_is_not_clear() -> None:
    """A hurting primary beside a glad valence, or primaries of both kinds, leave doubt."""
    rows = [row(0), row(2), row(4), row(0, valence=1), row(0, primary=["neglected", "none"])]
    assert clear(targets(rows)).tolist() == [True, True, True, False, False]
