"""Fits what brings outputs to probabilities and decisions (``verdict.Scale``), on rows that were not trained on.

The odds of being hurt get a slope and a shift (Platt 1999, with his softened targets), the primary emotion a
temperature that makes what is true likeliest (Guo et al. 2017). Of sources that it has not met a network says too low
odds of being hurt, and who is hurt and not heard costs more than one question too many: so the odds are leant a little.
An emotion is named from the probability that gives the best micro-F1 over all twenty; one that is frequent enough may
differ from that. A primary emotion is sure from where a tenth of the texts is left for people to look at.
"""

from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pipeline.readers.training.targets import Array, clear
from pipeline.readers.verdict import (
    EMOTIONS_COUNT,
    FELT,
    NAMED_MAX,
    NEGATIVE,
    NONE,
    PRIMARY,
    Scale,
    odds,
    primaries,
    verdicts,
)

LEAN: Final = 0.4  # added to the logarithm of the odds of being hurt
REVIEW_SHARE: Final = 0.1  # of the texts that go to people
SUPPORT_MIN: Final = 150  # rows with an emotion from which it gets a threshold of its own
NEAR: Final = 0.1  # how far that may be from the common one
TRUSTED_ROWS: Final = 400  # of few rows: what they say counts as much as what was known before
_THRESHOLDS: Final = np.arange(0.2, 0.71, 0.025)
_TEMPERATURES: Final = np.geomspace(0.4, 4, 47)
_NEWTON_STEPS: Final = 50


def fitted(outputs: Array, wanted: Array, before: Scale | None = None) -> Scale:
    """Answer the scale for ``outputs`` of rows whose targets are ``wanted``.

    With ``before`` it is drawn to that one, the more so the fewer rows there are.
    """
    if not len(outputs):
        return before or Scale()
    trust = 1.0 if before is None else len(outputs) / (len(outputs) + TRUSTED_ROWS)
    known = before or Scale()
    plain = clear(wanted)
    slope, shift = platt(outputs[plain, NEGATIVE], wanted[plain, NEGATIVE])
    shift += LEAN if before is None else 0.0
    scale = known._replace(
        negative=(_between(known.negative[0], slope, trust), _between(known.negative[1], shift, trust))
    )
    scale = scale._replace(primary=_between(known.primary, temperature(outputs, wanted, scale), trust))
    named = named_from(outputs, wanted, scale)
    scale = scale._replace(
        named_from=tuple(_between(a, b, trust) for a, b in zip(known.named_from, named, strict=True))
    )
    return scale._replace(sure_from=_between(known.sure_from, sure_from(outputs, scale), trust))


def platt(logits: Array, hurt: Array) -> tuple[float, float]:
    """Answer slope and shift for the logarithm of the odds of ``hurt`` (0 or 1); (1, 0) where only one was met."""
    positives, negatives = float((hurt > 0.5).sum()), float((hurt <= 0.5).sum())
    if not positives or not negatives:
        return 1.0, 0.0
    soft = np.where(hurt > 0.5, (positives + 1) / (positives + 2), 1 / (negatives + 2)).astype(np.float64)
    given = np.stack([logits, np.ones_like(logits)], axis=1).astype(np.float64)
    fit = np.array([1.0, 0.0])
    for _ in range(_NEWTON_STEPS):
        likely = 1 / (1 + np.exp(-np.clip(given @ fit, -30, 30)))
        slopes = given.T @ (likely - soft)
        curve = (given * (likely * (1 - likely))[:, None]).T @ given + 1e-6 * np.eye(2)
        step = np.linalg.solve(curve, slopes)
        fit -= np.clip(step, -1, 1)
        if np.abs(step).max() < 1e-9:
            break
    return max(0.05, float(fit[0])), float(fit[1])


def temperature(outputs: Array, wanted: Array, scale: Scale) -> float:
    """Answer the temperature of the primary emotion under which the true ones are likeliest."""

    def surprise(divisor: float) -> float:
        likely = _primary(outputs, scale._replace(primary=divisor))
        return float(-(wanted[:, PRIMARY] * np.log(likely + 1e-9)).sum())

    return float(min(_TEMPERATURES, key=surprise))


def named_from(outputs: Array, wanted: Array, scale: Scale) -> tuple[float, ...]:
    """Answer the probability from which each emotion is named."""
    felt = wanted[:, FELT] > 0.5
    likely, first = odds(outputs[:, FELT]), _primary(outputs, scale).argmax(axis=1)

    def score(thresholds: NDArray[np.float64]) -> float:
        named = _named(likely, first, thresholds)
        return float(2 * (named & felt).sum() / max(1, named.sum() + felt.sum()))

    best = np.full(EMOTIONS_COUNT, max(_THRESHOLDS, key=lambda one: score(np.full(EMOTIONS_COUNT, one))))
    common = best[0]
    for place in np.flatnonzero(felt.sum(axis=0) >= SUPPORT_MIN).tolist():
        best[place] = max(_around(common), key=lambda one: (score(_with(best, place, one)), -abs(one - common)))
    return tuple(best.round(3).tolist())


def sure_from(outputs: Array, scale: Scale) -> float:
    """Answer the probability of the primary emotion under which a tenth goes to people, with what is at odds."""
    likely = _primary(outputs, scale).max(axis=1)
    at_odds = np.array([not one.sure for one in verdicts(outputs, scale._replace(sure_from=0.0))])
    likely = np.where(at_odds, 0, likely)
    return round(float(np.quantile(likely, REVIEW_SHARE)), 3)


def _primary(outputs: Array, scale: Scale) -> Array:
    negative = odds(scale.negative[0] * outputs[:, NEGATIVE] + scale.negative[1])
    return primaries(outputs[:, PRIMARY] / np.float32(scale.primary), negative)


def _named(likely: Array, first: NDArray[np.intp], thresholds: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Say which emotions are named, as ``verdicts`` does: the primary one and the likeliest, none where it is none."""
    over = likely - thresholds
    over[np.arange(len(over)), np.minimum(first, NONE - 1)] = 1
    least = np.partition(over, -NAMED_MAX, axis=1)[:, -NAMED_MAX, None]
    named: NDArray[np.bool_] = (over > 0) & (over >= least) & (first != NONE)[:, None]
    return named


def _around(common: float) -> Iterator[float]:
    return (float(one) for one in _THRESHOLDS if abs(one - common) <= NEAR + 1e-9)


def _with(thresholds: NDArray[np.float64], place: int, one: float) -> NDArray[np.float64]:
    changed = thresholds.copy()
    changed[place] = one
    return changed


def _between(known: float, found: float, trust: float) -> float:
    return round(known + trust * (found - known), 4)
