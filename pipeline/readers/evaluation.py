"""Evaluation: one reader's readings held against labels, pair by pair.

A text that the reader did not understand counts as read wrongly (primary and cluster) and as not negative: nothing
was claimed where something could have been read. Rows whose label says that they cannot be understood count for
``foreign_left_alone`` only.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from pipeline.domain.emotions import EMOTIONS, Cluster, Emotion
from pipeline.domain.reading import Reading
from pipeline.readers.labels import VALENCE_MAX, Label
from pipeline.readers.metrics import Calibration, Correlation, Found, Ranked, Share

NEGATIVE_FROM: Final = 0.5  # probability from which a reading says that the person is hurt
NONE: Final = "none"
NOT_READ: Final = "not read"
DIGITS: Final = 4

# Figure → what it is; those in AT_MOST are better when smaller. A floor may be set for each.
FIGURES: Final[Mapping[str, str]] = {
    "negative_f1": "negative, F1",
    "negative_precision": "negative, precision",
    "negative_recall": "negative, recall",
    "negative_auc": "negative, area under ROC",
    "negative_ece": "negative, calibration error",
    "valence_r": "valence, Pearson r",
    "primary_accuracy": "primary emotion, accuracy",
    "cluster_accuracy": "cluster of the primary, accuracy",
    "primary_ece": "primary emotion, calibration error",
    "micro_f1": "emotions, micro F1",
    "macro_f1": "emotions, macro F1",
    "review_share": "sent to review",
    "primary_accuracy_kept": "primary emotion, accuracy without those",
    "primary_accuracy_reviewed": "primary emotion, accuracy among those",
    "negative_f1_kept": "negative, F1 without those",
    "success_accuracy": "success, accuracy",
    "effort_accuracy": "effort, accuracy",
    "action_accuracy": "action, accuracy",
    "not_understood": "English not understood",
    "foreign_left_alone": "not English and left alone",
}
AT_MOST: Final = frozenset({"negative_ece", "primary_ece", "review_share", "not_understood"})


@dataclass(slots=True)
class Evaluation:
    """Fed by ``add``; memory does not grow with the rows."""

    rows: int = 0
    unclear: int = 0  # rows whose labels leave open whether they are negative
    emotions: dict[Emotion, Found] = field(default_factory=lambda: {emotion: Found() for emotion in EMOTIONS})
    confusion: Counter[tuple[str, str]] = field(default_factory=Counter)  # (meant, read)
    negative: Found = field(default_factory=Found)
    negative_kept: Found = field(default_factory=Found)
    ranked: Ranked = field(default_factory=Ranked)
    negative_told: Calibration = field(default_factory=Calibration)
    primary_told: Calibration = field(default_factory=Calibration)
    valence: Correlation = field(default_factory=Correlation)
    shares: defaultdict[str, Share] = field(default_factory=lambda: defaultdict(Share))

    def add(self, label: Label, reading: Reading) -> None:
        """Hold one reading against its label."""
        self.rows += 1
        if not label.understood:
            self.shares["foreign_left_alone"].add(not reading.understood)
            return
        self.shares["not_understood"].add(not reading.understood)
        self.shares["review_share"].add(reading.review)
        self.valence.add(reading.valence, label.valence / VALENCE_MAX)
        self._primary(label, reading)
        self._negative(label, reading)
        for emotion in label.emotions.union(reading.emotions):
            self.emotions[emotion].add(emotion in reading.emotions, emotion in label.emotions)
        for name, meant in label.aside.items():
            self.shares[f"{name}_accuracy"].add(getattr(reading, name) == meant)

    def _primary(self, label: Label, reading: Reading) -> None:
        right = reading.understood and reading.primary in label.primaries
        meant = reading.primary if right else label.primaries[0]
        read = (reading.primary or NONE) if reading.understood else NOT_READ
        self.confusion[meant or NONE, read] += 1
        self.shares["primary_accuracy"].add(right)
        self.shares["primary_accuracy_reviewed" if reading.review else "primary_accuracy_kept"].add(right)
        clusters = {_cluster(primary) for primary in label.primaries}
        self.shares["cluster_accuracy"].add(reading.understood and _cluster(reading.primary) in clusters)
        if reading.primary is not None:
            self.primary_told.add(reading.emotions[reading.primary].confidence, right)

    def _negative(self, label: Label, reading: Reading) -> None:
        meant = label.negative
        if meant is None:
            self.unclear += 1
            return
        read = reading.negative >= NEGATIVE_FROM
        self.negative.add(read, meant)
        if not reading.review:
            self.negative_kept.add(read, meant)
        self.ranked.add(reading.negative, meant)
        self.negative_told.add(reading.negative, meant)
        self.shares["negative_accuracy"].add(read == meant)

    def figures(self) -> dict[str, float | None]:
        """Answer every one of FIGURES, 0…1 (r: -1…1); None where the rows do not say.

        The macro average is over the emotions that the labels name.
        """
        each = [found.f1 or 0.0 for found in self.emotions.values() if found.meant]
        measured = {
            "negative_f1": self.negative.f1,
            "negative_precision": self.negative.precision,
            "negative_recall": self.negative.recall,
            "negative_auc": self.ranked.auc,
            "negative_ece": self.negative_told.error,
            "negative_f1_kept": self.negative_kept.f1,
            "valence_r": self.valence.r,
            "primary_ece": self.primary_told.error,
            "micro_f1": sum(self.emotions.values(), Found()).f1,
            "macro_f1": sum(each) / len(each) if each else None,
        }
        found = {name: measured[name] if name in measured else self.shares[name].value for name in FIGURES}
        return {name: _rounded(value) for name, value in found.items()}

    def told(self) -> dict[str, Any]:
        """Answer everything as plain values: figures, counts, each emotion, and the confusion (meant → read → rows)."""
        matrix: dict[str, dict[str, int]] = {}
        for (meant, read), count in sorted(self.confusion.items()):
            matrix.setdefault(meant, {})[read] = count
        return {
            "rows": self.rows,
            "negative_rows": self.negative.meant,
            "unclear_rows": self.unclear,
            "figures": self.figures(),
            "emotions": {
                emotion: {
                    "precision": _rounded(found.precision),
                    "recall": _rounded(found.recall),
                    "f1": _rounded(found.f1),
                    "support": found.meant,
                    "read": found.read,
                }
                for emotion, found in self.emotions.items()
            },
            "confusion": matrix,
        }

    def brief(self) -> dict[str, Any]:
        """Answer the few figures that compare groups of rows; a group of one kind has an accuracy, if no F1."""
        named = ("negative_f1", "primary_accuracy", "cluster_accuracy", "micro_f1", "valence_r")
        figures = self.figures()
        accuracy = _rounded(self.shares["negative_accuracy"].value)
        foreign = figures["foreign_left_alone"]
        told = {"rows": self.rows, "negative_accuracy": accuracy} | {name: figures[name] for name in named}
        return told if foreign is None else told | {"foreign_left_alone": foreign}

    def valued(self) -> dict[str, Any]:
        """Answer what can be said of a reader that knows no emotions."""
        named = ("negative_f1", "negative_precision", "negative_recall", "negative_auc", "negative_ece", "valence_r")
        figures = self.figures()
        return {"rows": self.rows, "figures": {name: figures[name] for name in named}}


def _cluster(primary: Emotion | None) -> Cluster | None:
    return None if primary is None else primary.cluster


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, DIGITS)
