"""What a network should answer: labels and a teacher's answers in one form.

A row has a column for each output (see ``verdict``), as what it stands for: the probability of each emotion and how
strongly it is felt, the probability of each primary emotion, valence, the probability that the person is hurt, those
of effort, success and action. What was not labelled is all zero and asks for nothing.
"""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from pipeline.domain.emotions import EMOTIONS
from pipeline.readers.training.labels import Row
from pipeline.readers.verdict import (
    ACTION,
    ACTIONS,
    EFFORT,
    EFFORTS,
    FELT,
    NEGATIVE,
    NONE,
    OUTPUTS,
    PRIMARY,
    STRENGTH,
    SUCCESS,
    SUCCESSES,
    VALENCE,
    odds,
)

Array = NDArray[np.floating[Any]]
CHOICES: Final = (PRIMARY, EFFORT, SUCCESS, ACTION)  # of each of these one is right
_PLACE: Final = {emotion: place for place, emotion in enumerate(EMOTIONS)}
_ASIDE: Final = (("effort", EFFORT, EFFORTS), ("success", SUCCESS, SUCCESSES), ("action", ACTION, ACTIONS))


def targets(rows: Sequence[Row]) -> Array:
    """Answer what the labels ask for, a row each; several acceptable primaries share the probability."""
    wanted = np.zeros((len(rows), OUTPUTS), np.float32)
    for line, row in zip(wanted, rows, strict=True):
        label = row.label
        for emotion, strength in row.strengths.items():
            line[FELT][_PLACE[emotion]] = 1
            line[STRENGTH][_PLACE[emotion]] = strength
        for primary in label.primaries:
            line[PRIMARY][NONE if primary is None else _PLACE[primary]] = 1 / len(label.primaries)
        line[VALENCE] = label.valence
        hurting = [primary is not None and primary.hurts for primary in label.primaries]
        line[NEGATIVE] = 1 if label.valence < 0 and len(set(hurting)) == 1 else sum(hurting) / len(hurting)
        for name, place, known in _ASIDE:
            if name in label.aside:
                line[place][known.index(label.aside[name])] = 1
    return wanted


def answers(outputs: Array) -> Array:
    """Answer what a network's outputs say, in the form of targets."""
    told = outputs.astype(np.float32, copy=True)
    told[:, FELT] = odds(outputs[:, FELT])
    told[:, NEGATIVE] = odds(outputs[:, NEGATIVE])
    for choice in CHOICES:
        told[:, choice] = shares(outputs[:, choice])
    return told


def clear(wanted: Array) -> NDArray[np.bool_]:
    """Say of each row whether the labels leave no doubt if the person is hurt: primary and valence agree."""
    hurt = wanted[:, PRIMARY][:, : len(EMOTIONS)][:, [emotion.hurts for emotion in EMOTIONS]].sum(axis=1)
    sure: NDArray[np.bool_] = ((hurt == 0) & (wanted[:, VALENCE] >= 0)) | ((hurt > 1 - 1e-6) & (wanted[:, VALENCE] < 0))
    return sure


def shares(logits: Array) -> Array:
    """Answer the probability of each column, which sum up to one."""
    raised = np.exp(logits - logits.max(axis=1, keepdims=True))
    total: Array = raised / raised.sum(axis=1, keepdims=True)
    return total
