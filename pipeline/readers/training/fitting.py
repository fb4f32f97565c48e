"""What is made small, in which order rows are met, and how fast the weights move; for all networks alike."""

from collections.abc import Iterator, Mapping, Sequence
from math import cos, pi
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pipeline.readers.training.targets import CHOICES, Array, shares
from pipeline.readers.verdict import FELT, NEGATIVE, PRIMARY, STRENGTH, VALENCE, odds

# How much each question counts: the sum over the emotions of the binary cross-entropy, and so on.
FELT_SHARE: Final = 0.5
STRENGTH_SHARE: Final = 0.1  # of the squared error, where the emotion is felt
PRIMARY_SHARE: Final = 1.0
VALENCE_SHARE: Final = 1.0  # of the squared error
NEGATIVE_SHARE: Final = 1.0
ASIDE_SHARE: Final = 0.3  # of effort, success and action, each
CHUNK_BATCHES: Final = 50  # batches whose rows are sorted by length together
_TINY: Final = 1e-7


def loss(outputs: Array, wanted: Array) -> tuple[Array, Array]:
    """Answer the loss of each row, and its slope in each of the outputs.

    ``wanted`` are targets. What is asked for in full or in part (a teacher is seldom sure) is treated alike.
    """
    slopes = np.zeros_like(outputs)
    felt, negative = odds(outputs[:, FELT]), odds(outputs[:, NEGATIVE])
    lost = FELT_SHARE * surprise(felt, wanted[:, FELT]).sum(axis=1)
    slopes[:, FELT] = FELT_SHARE * (felt - wanted[:, FELT])
    lost += NEGATIVE_SHARE * surprise(negative, wanted[:, NEGATIVE])
    slopes[:, NEGATIVE] = NEGATIVE_SHARE * (negative - wanted[:, NEGATIVE])
    for choice in CHOICES:
        share = PRIMARY_SHARE if choice is PRIMARY else ASIDE_SHARE
        likely = shares(outputs[:, choice])
        lost -= share * (wanted[:, choice] * np.log(likely + _TINY)).sum(axis=1)
        asked = wanted[:, choice].sum(axis=1, keepdims=True)
        slopes[:, choice] = share * (asked * likely - wanted[:, choice])
    away = outputs[:, VALENCE] - wanted[:, VALENCE]
    lost += VALENCE_SHARE * away**2
    slopes[:, VALENCE] = 2 * VALENCE_SHARE * away
    apart = outputs[:, STRENGTH] - wanted[:, STRENGTH]
    lost += STRENGTH_SHARE * (apart**2 * wanted[:, FELT]).sum(axis=1)
    slopes[:, STRENGTH] = 2 * STRENGTH_SHARE * apart * wanted[:, FELT]
    return lost, slopes


def surprise(likely: Array, wanted: Array) -> Array:
    """Answer the binary cross-entropy of each value."""
    told: Array = -(wanted * np.log(likely + _TINY) + (1 - wanted) * np.log(1 - likely + _TINY))
    return told


def batches(lengths: Sequence[int], size: int, chance: np.random.Generator) -> list[NDArray[np.intp]]:
    """Answer the places of the rows in batches, each of texts about as long, in an order that chance gives."""
    counts = np.asarray(lengths)
    order = chance.permutation(len(counts))
    found: list[NDArray[np.intp]] = []
    for start in range(0, len(order), size * CHUNK_BATCHES):
        chunk = order[start : start + size * CHUNK_BATCHES]
        chunk = chunk[np.argsort(counts[chunk], kind="stable")]
        found += [chunk[first : first + size] for first in range(0, len(chunk), size)]
    return [found[place] for place in chance.permutation(len(found))]


def by_length(lengths: Sequence[int], size: int) -> Iterator[NDArray[np.intp]]:
    """Go through the places of all rows, each batch of texts about as long, the shortest first."""
    order = np.argsort(np.asarray(lengths), kind="stable")
    return (order[start : start + size] for start in range(0, len(order), size))


def padded(texts: Sequence[Sequence[int]], nothing: int) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Answer the ids of the pieces as an array, filled up with ``nothing``, and where there is something."""
    counts = np.array([len(text) for text in texts])
    there = np.arange(counts.max()) < counts[:, None]
    ids = np.full(there.shape, nothing, np.int64)
    ids[there] = [one for text in texts for one in text]
    return ids, there


def pace(step: int, steps: int, warm: int) -> float:
    """Answer the share of the full rate at ``step``: up in a line over ``warm`` steps, then down by a cosine."""
    up = min(1.0, (step + 1) / warm) if warm else 1.0
    return up * 0.5 * (1 + cos(pi * max(0, step - warm) / max(1, steps - warm)))


class Adam:
    """Moves weights (Kingma and Ba 2015). Of the weights in ``sparse`` only the rows that were met are moved."""

    def __init__(self, weights: Mapping[str, Array], rates: Mapping[str, float]) -> None:
        self._weights, self._rates = weights, rates
        self._mean = {name: np.zeros_like(weight) for name, weight in weights.items()}
        self._square = {name: np.zeros_like(weight) for name, weight in weights.items()}
        self._steps = 0

    def move(self, slopes: Mapping[str, Array], met: Mapping[str, NDArray[np.intp]], share: float) -> None:
        """Move every weight down its slope; ``met`` names the rows to which the slopes of a weight belong."""
        self._steps += 1
        first, second, tiny = 0.9, 0.999, 1e-8
        lift = np.sqrt(1 - second**self._steps) / (1 - first**self._steps)
        for name, slope in slopes.items():
            at = met.get(name, slice(None))
            mean, square = self._mean[name], self._square[name]
            mean[at] = first * mean[at] + (1 - first) * slope
            square[at] = second * square[at] + (1 - second) * slope * slope
            rate = np.float32(self._rates.get(name, self._rates[""]) * share * lift)
            self._weights[name][at] -= rate * mean[at] / (np.sqrt(square[at]) + np.float32(tiny))
