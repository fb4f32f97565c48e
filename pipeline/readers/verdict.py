"""From what a network says of texts to what is read in them.

The outputs of a network are logarithms of odds. They are brought to the scale of probabilities by what was fitted on
labelled feedback that the network had not seen (Platt 1999; Guo et al. 2017), and leant a little to the side of those
who are hurt: of 100 texts with ``negative`` near 0.8 some 75 to 80 are. The first question is whether the person is
hurt; the primary emotion is then the likeliest of those that agree with the answer, weighed by how sure it is.
"""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline.domain.emotions import EMOTIONS
from pipeline.domain.reading import Action, Effort, Success

Array = NDArray[Any]  # of float32
EMOTIONS_COUNT: Final = len(EMOTIONS)
SAD: Final = sum(emotion.hurts for emotion in EMOTIONS)  # the emotions that hurt come first
NONE: Final = EMOTIONS_COUNT  # the place of "no emotion" among the primary ones
EFFORTS: Final[tuple[Effort | None, ...]] = (None, "low", "high")
SUCCESSES: Final[tuple[Success | None, ...]] = (None, "met", "unmet")
ACTIONS: Final[tuple[Action, ...]] = ("none", "respond", "suggestion", "praise")
NAMED_MAX: Final = 3
SWAY: Final = 0.25  # of what the likely emotions weigh in the valence, beside what the network says of it; fitted

# The outputs of a network, one after the other: for each emotion whether it is felt and how strongly, which one is the
# primary (or none), valence (-2…2), whether the person is hurt, effort, success, action.
FELT = slice(0, 20)
STRENGTH = slice(20, 40)
PRIMARY = slice(40, 61)
VALENCE = 61
NEGATIVE = 62
EFFORT = slice(63, 66)
SUCCESS = slice(66, 69)
ACTION = slice(69, 73)
OUTPUTS: Final = 73
_SIGNS: Final = np.where(np.arange(EMOTIONS_COUNT) < SAD, -1, 1).astype(np.float32)


class Scale(NamedTuple):
    """What brings outputs to probabilities: fitted, kept with the weights."""

    negative: tuple[float, float] = (1.0, 0.0)  # slope and shift of the logarithm of the odds
    primary: float = 1.0  # divides the logarithms
    named_from: tuple[float, ...] = (0.45,) * EMOTIONS_COUNT  # probability from which an emotion is named
    sure_from: float = 0.3  # a primary emotion less probable than this is for people to look at

    @classmethod
    def of(cls, weights: Mapping[str, NDArray[np.generic]]) -> "Scale":
        """Answer the scale that lies with ``weights``."""
        slope, shift = (float(one) for one in weights["negative_scale"])
        return cls(
            (slope, shift),
            float(weights["primary_scale"]),
            tuple(float(one) for one in weights["named_from"]),
            float(weights["sure_from"]),
        )


class Verdict(NamedTuple):
    """What is read in one text. Emotions and classes are places in the tuples above."""

    named: list[int]  # up to NAMED_MAX emotions, the primary one first
    confidence: list[float]  # of each of them
    strength: list[int]  # of each, 1…3
    valence: float
    negative: float
    effort: int
    success: int
    action: int
    sure: bool


def verdicts(outputs: Array, scale: Scale, tones: Array | float = 0.0, tone_share: float = 0.0) -> list[Verdict]:
    """Answer what is read in each text. ``outputs``: a row a text, :data:`OUTPUTS` wide.

    ``tones`` are the valences of the texts after VADER (-1…1), ``tone_share`` what they count in the valence.
    """
    slope, shift = scale.negative
    negative = odds(slope * outputs[:, NEGATIVE] + shift)
    primary = primaries(outputs[:, PRIMARY] / scale.primary, negative)
    first = primary.argmax(axis=1)
    felt = odds(outputs[:, FELT])
    confidence = primary[np.arange(len(first)), first]
    strength = np.clip(outputs[:, STRENGTH], 1, 3)
    swayed = primary[:, :NONE] * strength @ _SIGNS
    valence = np.clip(((1 - SWAY) * outputs[:, VALENCE] + SWAY * swayed) / 2, -1, 1)
    valence = valence + tone_share * (tones - valence)
    columns = zip(
        first.tolist(),
        confidence.tolist(),
        _named(felt, first, scale),
        felt,
        np.rint(strength).astype(int),
        valence.astype(float).round(3).tolist(),
        negative.astype(float).round(3).tolist(),
        outputs[:, EFFORT].argmax(axis=1).tolist(),
        outputs[:, SUCCESS].argmax(axis=1).tolist(),
        outputs[:, ACTION].argmax(axis=1).tolist(),
        strict=True,
    )
    return [
        Verdict(
            named,
            [round(likely, 2), *(round(float(row[place]), 2) for place in named[1:])] if named else [],
            [int(strengths[place]) for place in named],
            pleasant,
            hurt,
            effort,
            success,
            action,
            likely >= scale.sure_from and (place < SAD) == (hurt >= 0.5),
        )
        for place, likely, named, row, strengths, pleasant, hurt, effort, success, action in columns
    ]


def odds(logits: Array) -> Array:
    """Answer the probabilities of which ``logits`` are the logarithms of the odds."""
    found: Array = 1 / (1 + np.exp(-np.clip(logits, -30, 30)))
    return found


def primaries(logits: Array, negative: Array) -> Array:
    """Answer the probability of each primary emotion (and none), in agreement with whether the person is hurt."""
    primary: Array = np.exp(logits - logits.max(axis=1, keepdims=True))
    primary[:, :SAD] *= negative[:, None]
    primary[:, SAD:] *= 1 - negative[:, None]
    primary /= primary.sum(axis=1, keepdims=True)
    return primary


def _named(felt: Array, first: NDArray[np.intp], scale: Scale) -> list[list[int]]:
    """Answer the emotions of each text that are probable enough, the primary one first; none where it is none."""
    over = felt - np.array(scale.named_from, np.float32)
    over[np.arange(len(first)), np.minimum(first, NONE - 1)] = 1
    best = np.argsort(-over, axis=1)[:, :NAMED_MAX]
    enough = np.take_along_axis(over, best, axis=1) > 0
    return [
        [] if place == NONE else [place, *(one for one, named in zip(row, yes, strict=True) if named and one != place)]
        for place, row, yes in zip(first.tolist(), best.tolist(), enough.tolist(), strict=True)
    ]
