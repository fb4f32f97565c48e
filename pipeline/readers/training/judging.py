"""How right a reader is on rows, in the words of ``heartline evaluate``."""

from collections.abc import Sequence
from typing import Final

import numpy as np

from pipeline.domain.emotions import EMOTIONS
from pipeline.domain.reading import Felt, Reading
from pipeline.readers.evaluation import Evaluation
from pipeline.readers.fast import FastReader
from pipeline.readers.training.labels import Row
from pipeline.readers.training.targets import Array
from pipeline.readers.verdict import ACTIONS, EFFORTS, SUCCESSES, Scale, Verdict, verdicts

BATCH_TEXTS: Final = 256
Figures = dict[str, float | None]


def judged(rows: Sequence[Row], readings: Sequence[Reading]) -> Figures:
    """Answer the figures of ``readings``, one a row."""
    held = Evaluation()
    for row, reading in zip(rows, readings, strict=True):
        held.add(row.label, reading)
    return held.figures()


def read(reader: FastReader, rows: Sequence[Row]) -> list[Reading]:
    """Answer what ``reader`` reads in the text of each row."""
    texts = [row.label.text for row in rows]
    return [
        one for start in range(0, len(texts), BATCH_TEXTS) for one in reader.read(texts[start : start + BATCH_TEXTS])
    ]


def readings(outputs: Array, scale: Scale) -> list[Reading]:
    """Answer what the outputs of a network say of texts, without spans."""
    return list(map(_reading, verdicts(outputs, scale)))


def _reading(said: Verdict) -> Reading:
    felt = zip(said.named, said.confidence, said.strength, strict=True)
    return Reading(
        emotions={EMOTIONS[place]: Felt(confidence=likely, intensity=strong) for place, likely, strong in felt},
        primary=EMOTIONS[said.named[0]] if said.named else None,
        valence=said.valence,
        negative=said.negative,
        success=SUCCESSES[said.success],
        effort=EFFORTS[said.effort],
        action=ACTIONS[said.action],
        review=not said.sure,
    )


def spread(runs: Sequence[Figures]) -> dict[str, tuple[float, float]]:
    """Answer mean and standard deviation of each figure over several runs; those that a run lacks are left out."""
    found: dict[str, tuple[float, float]] = {}
    for name in runs[0] if runs else ():
        values = [value for run in runs if (value := run[name]) is not None]
        if len(values) == len(runs):
            found[name] = (round(float(np.mean(values)), 4), round(float(np.std(values, ddof=len(values) > 1)), 4))
    return found
