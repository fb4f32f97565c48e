"""Fits the heads of the cue reader: ``python -m pipeline.readers.fit LABELLED.jsonl…`` writes heads.json.

A line is a JSON object with ``id, text, split, emotions, primary, valence, effort, success, action``; only
those whose ``split`` is ``train`` are used. Softmax heads for the primary emotion, effort, success and action,
a logistic one for negative (the primary emotion hurts, or the valence is below zero), a linear one for valence,
all over the features of ``cues.py``, by AdaGrad with weight decay. The order of the rows comes from their ids,
so that the same labels and the same table give the same heads. A minute for 15,000 labels.
"""

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate
from math import sqrt
from pathlib import Path
from typing import Any, Final
from zlib import crc32

from pipeline.domain.emotions import EMOTIONS, Emotion
from pipeline.readers import heads
from pipeline.readers.features import FEATURES, features, value
from pipeline.readers.hits import WORDS, look, lowered
from pipeline.readers.table import table

EPOCHS: Final = 12
RATE: Final = 0.1
DECAY: Final = 1e-6
_HURTING: Final = [(emotion,) for emotion in EMOTIONS if emotion.hurts]
_SOFTMAX: Final = (heads.PRIMARY, heads.EFFORT, heads.SUCCESS, heads.ACTION)

Told = list[tuple[int, float]]  # place and value of each feature
Row = tuple[Told, list[float]]


def labelled(paths: Sequence[str]) -> Iterator[tuple[str, Row]]:
    """Answer id, features and wanted outputs of each training row."""
    known = table()
    for path in paths:
        with Path(path).open(encoding="utf-8") as lines:
            for line in lines:
                row = json.loads(line)
                if row["split"] == "train":
                    entries = list(map(known.__getitem__, WORDS.findall(lowered(row["text"]))))
                    told = features(row["text"], entries, look(entries, known.turned))
                    yield row["id"], ([(place, value(place, count)) for place, count in told], wanted(row))


def wanted(row: Mapping[str, Any]) -> list[float]:
    """Answer the outputs that the labels of ``row`` ask for."""
    primary = row["primary"].replace(" ", "_")
    place = EMOTIONS.index(Emotion(primary)) if primary != "none" else len(EMOTIONS)
    outputs = [0.0] * heads.OUTPUTS
    outputs[heads.PRIMARY.start + place] = 1.0
    outputs[heads.NEGATIVE] = float(row["valence"] < 0 or EMOTIONS[place:][:1] in _HURTING)
    outputs[heads.VALENCE] = row["valence"] / 2
    outputs[heads.EFFORT.start + heads.EFFORTS.index(row["effort"])] = 1.0
    outputs[heads.SUCCESS.start + heads.SUCCESSES.index(row["success"])] = 1.0
    outputs[heads.ACTION.start + heads.ACTIONS.index(row["action"])] = 1.0
    return outputs


def answered(outputs: Sequence[float]) -> list[float]:
    """Answer the outputs squashed, each head in its own way."""
    squashed = list(outputs)
    for head in _SOFTMAX:
        squashed[head] = heads.shares(outputs[head])
    squashed[heads.NEGATIVE] = heads.probability(outputs[heads.NEGATIVE])
    return squashed


def fit(rows: Sequence[tuple[str, Row]]) -> heads.Heads:
    """Answer heads fitted to ``rows``."""
    weights = [[0.0] * heads.OUTPUTS for _ in range(FEATURES + 1)]  # the last row is the start
    seen = [[1e-6] * heads.OUTPUTS for _ in range(FEATURES + 1)]
    for epoch in range(EPOCHS):
        for _, (told, target) in sorted(rows, key=lambda row: crc32(f"{epoch} {row[0]}".encode())):
            outputs = summed(told, weights)
            errors = [have - want for have, want in zip(answered(outputs), target, strict=True)]
            for place, amount in (*told, (FEATURES, 1.0)):
                row, sums = weights[place], seen[place]
                steps = [amount * error + DECAY * weight for error, weight in zip(errors, row, strict=True)]
                seen[place] = sums = [total + step * step for total, step in zip(sums, steps, strict=True)]
                weights[place] = [
                    weight - RATE * step / sqrt(total) for weight, step, total in zip(row, steps, sums, strict=True)
                ]
    return heads.Heads(weights[FEATURES], weights[:FEATURES], best_cut(weights, rows))


def summed(told: Told, weights: Sequence[Sequence[float]]) -> Sequence[float]:
    """Answer the outputs, not squashed; the last row of ``weights`` is the start."""
    sums = weights[FEATURES]
    for place, amount in told:
        sums = [have + amount * weight for have, weight in zip(sums, weights[place], strict=True)]
    return sums


def best_cut(weights: Sequence[Sequence[float]], rows: Sequence[tuple[str, Row]]) -> float:
    """Answer the probability from which calling a text negative has the best F1."""
    scored = sorted(
        ((summed(told, weights)[heads.NEGATIVE], target[heads.NEGATIVE]) for _, (told, target) in rows), reverse=True
    )
    hurt = sum(truth for _, truth in scored)
    hits = accumulate(truth for _, truth in scored)
    score, output = max(
        (2 * hit / (count + hurt), output) for count, (hit, (output, _)) in enumerate(zip(hits, scored, strict=True), 1)
    )
    del score
    return round(heads.probability(output), 3)


def main(paths: Sequence[str]) -> None:
    """Fit the heads to the labels in ``paths`` and write them beside this file."""
    fitted = fit(list(labelled(paths)))
    rounded = [[round(weight, 3) for weight in row] for row in (fitted.start, *fitted.rows)]
    lines = ",\n".join(json.dumps(row) for row in rounded[1:])
    told = f'{{"hurt_from": {fitted.hurt_from},\n"start": {json.dumps(rounded[0])},\n"rows": [\n{lines}\n]}}\n'
    (Path(__file__).parent / "heads.json").write_text(told, encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
