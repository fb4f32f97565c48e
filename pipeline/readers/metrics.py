"""Measures of agreement, each fed pair by pair and in bounded memory. None where there is nothing to divide by.

The definitions are scikit-learn's: precision, recall and F1; the area under the ROC curve as the probability that a
positive scores higher than a negative, ties counting half; Pearson's r. The expected calibration error is that of
Naeini and others (AAAI 2015): over bins of equal width, the mean distance between the mean probability and the share
of positives, weighted by how many fell into the bin.
"""

from collections import Counter
from dataclasses import dataclass, field
from math import sqrt
from typing import Final

BINS: Final = 10  # of the calibration error, of equal width
SCORE_DIGITS: Final = 5  # in which scores are told apart, so that at most 100,001 are kept


@dataclass(slots=True)
class Share:
    """How many of all were right."""

    right: int = 0
    of: int = 0

    def add(self, right: bool) -> None:
        """Count one."""
        self.right += right
        self.of += 1

    @property
    def value(self) -> float | None:
        """The share, 0…1."""
        return self.right / self.of if self.of else None


@dataclass(slots=True)
class Found:
    """How much of what is meant is read, and how much of what is read is meant. ``+`` sums counts (micro average)."""

    both: int = 0
    read: int = 0
    meant: int = 0

    def add(self, read: bool, meant: bool) -> None:
        """Count one."""
        self.both += read and meant
        self.read += read
        self.meant += meant

    def __add__(self, other: "Found") -> "Found":
        return Found(self.both + other.both, self.read + other.read, self.meant + other.meant)

    @property
    def precision(self) -> float | None:
        """The share of what is read that is meant."""
        return self.both / self.read if self.read else None

    @property
    def recall(self) -> float | None:
        """The share of what is meant that is read."""
        return self.both / self.meant if self.meant else None

    @property
    def f1(self) -> float | None:
        """The harmonic mean of precision and recall; 0 where something is read or meant, and never both."""
        return 2 * self.both / (self.read + self.meant) if self.read or self.meant else None


@dataclass(slots=True)
class Ranked:
    """Scores (0…1) of positives and of negatives."""

    positives: Counter[float] = field(default_factory=Counter)
    negatives: Counter[float] = field(default_factory=Counter)

    def add(self, score: float, positive: bool) -> None:
        """Count one."""
        (self.positives if positive else self.negatives)[round(score, SCORE_DIGITS)] += 1

    @property
    def auc(self) -> float | None:
        """The probability that a positive scores higher than a negative, ties counting half."""
        pairs = self.positives.total() * self.negatives.total()
        if not pairs:
            return None
        below = won = 0
        for score in sorted(self.positives.keys() | self.negatives.keys()):
            ties = self.negatives[score]
            won += self.positives[score] * (2 * below + ties)
            below += ties
        return won / (2 * pairs)


@dataclass(slots=True)
class Calibration:
    """Probabilities against what came true, in bins of equal width."""

    counts: list[int] = field(default_factory=lambda: [0] * BINS)
    promised: list[float] = field(default_factory=lambda: [0.0] * BINS)
    kept: list[int] = field(default_factory=lambda: [0] * BINS)

    def add(self, probability: float, true: bool) -> None:
        """Count one; a probability (0…1) on a bound belongs to the bin above it, 1 to the last."""
        place = min(int(probability * BINS), BINS - 1)
        self.counts[place] += 1
        self.promised[place] += probability
        self.kept[place] += true

    @property
    def error(self) -> float | None:
        """The expected calibration error, 0…1."""
        total = sum(self.counts)
        apart = sum(abs(promised - kept) for promised, kept in zip(self.promised, self.kept, strict=True))
        return apart / total if total else None


@dataclass(slots=True)
class Correlation:
    """Pairs of numbers. Means and products are moved along (Welford), so that nothing cancels."""

    count: int = 0
    mean_x: float = 0.0
    mean_y: float = 0.0
    xx: float = 0.0
    yy: float = 0.0
    xy: float = 0.0

    def add(self, x: float, y: float) -> None:
        """Count one pair."""
        self.count += 1
        away_x, away_y = x - self.mean_x, y - self.mean_y
        self.mean_x += away_x / self.count
        self.mean_y += away_y / self.count
        self.xx += away_x * (x - self.mean_x)
        self.yy += away_y * (y - self.mean_y)
        self.xy += away_x * (y - self.mean_y)

    @property
    def r(self) -> float | None:
        """Pearson's r, -1…1; None where one of the two never changes."""
        spread = sqrt(self.xx * self.yy)
        return max(-1.0, min(1.0, self.xy / spread)) if spread else None
