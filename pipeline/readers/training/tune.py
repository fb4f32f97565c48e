"""Fine-tuning: the fast reader learns from somebody's own labels without forgetting what it knew.

What is wanted of each text lies between its labels and what the network said of it before (Hinton et al. 2015), and
the steps are small. A tenth of the rows is kept to be judged by, another one for the scale; which, their ids decide.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline.domain.errors import Misconfigured
from pipeline.readers.fast import FastReader
from pipeline.readers.passages import PIECES_MAX
from pipeline.readers.training.corpus import met
from pipeline.readers.training.export import exported, taught
from pipeline.readers.training.judging import Figures, judged, read
from pipeline.readers.training.labels import Row
from pipeline.readers.training.scale import fitted
from pipeline.readers.training.student import outputs
from pipeline.readers.training.targets import answers, targets
from pipeline.readers.training.teaching import Course, Say, teach
from pipeline.readers.verdict import Scale
from pipeline.readers.words import Pieces

ROWS_MIN: Final = 40
PARTS: Final = 10  # one to be judged by, one for the scale
EPOCHS: Final = 6
RATE: Final = 1e-3
BATCH_TEXTS: Final = 32
KEPT_SHARE: Final = 0.3  # of what the network said before in what is wanted of it


class Tuned(NamedTuple):
    """The arrays of the new file, and how right the reader was and is on ``judged`` rows that it never saw."""

    weights: Mapping[str, NDArray[Any]]
    trained: int
    scaled: int
    judged: int
    before: Figures
    after: Figures


def tuned(
    file: Mapping[str, NDArray[Any]], rows: Sequence[Row], pieces: Pieces, say: Say, *, epochs: int = EPOCHS
) -> Tuned:
    """Answer the weights in ``file`` after ``epochs`` over ``rows``; the same for the same rows in any order.

    Raises Misconfigured where there are too few rows.
    """
    rows = sorted(rows, key=lambda row: row.id)
    train, tenth, held = split(rows)
    if len(rows) >= ROWS_MIN and not (train and held):
        raise Misconfigured(
            f"of {len(rows)} labels {len(train)} are to train on and {len(held)} to judge by: rows of the split dev "
            "are judged by, others are trained on, and some of each are needed"
        )
    if len(rows) < ROWS_MIN:
        raise Misconfigured(
            f"{len(rows)} labels are too few to train on and to judge by: at least {ROWS_MIN} are needed, "
            "some hundreds help; heartline corrections export writes those that people made"
        )
    texts = met([row.label.text for row in train], pieces, PIECES_MAX)
    weights = taught(file)
    wanted = (1 - KEPT_SHARE) * targets(train) + KEPT_SHARE * answers(outputs(weights, texts))
    teach(
        weights, [Course(texts, wanted)], np.random.default_rng(0), say, epochs=epochs, rate=RATE, size=BATCH_TEXTS,
    )  # fmt: skip
    before = Scale.of(file)
    said, told = FastReader(exported(weights, before)).said([row.label.text for row in tenth])
    scale = fitted(said, targets([row for row, yes in zip(tenth, told, strict=True) if yes]), before)
    made = exported(weights, scale)
    return Tuned(
        made,
        len(train),
        len(tenth),
        len(held),
        judged(held, read(FastReader(file), held)),
        judged(held, read(FastReader(made), held)),
    )


def split(rows: Sequence[Row]) -> tuple[list[Row], list[Row], list[Row]]:
    """Answer the rows to train on, those to fit the scale on, and those to judge by.

    Where rows say that they are of the split ``dev``, those are judged by; else a tenth that the ids decide.
    """
    dev = [row for row in rows if row.label.split == "dev"]
    held = dev or [row for row in rows if row.among(PARTS, 0, 1)]
    kept = {row.id for row in held}
    rest = [row for row in rows if row.id not in kept]
    tenth = [row for row in rest if row.among(PARTS, 1, 2)]
    return [row for row in rest if not row.among(PARTS, 1, 2)], tenth, held
