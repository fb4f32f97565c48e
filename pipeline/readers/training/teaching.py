"""A student's lessons: what it is taught on, in which order, how fast."""

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple, TypeVar

import numpy as np
from threadpoolctl import threadpool_limits

from pipeline.readers.training.fitting import Adam, batches, pace
from pipeline.readers.training.student import Texts, Weights, learnt
from pipeline.readers.training.targets import Array

RATE: Final = 2e-3
PIECES_SHARE: Final = 0.12  # of the rate, for the vectors of the pieces
BATCH_TEXTS: Final = 64
WARM_STEPS: Final = 200
STEPS_TOLD: Final = 500  # between two lines of progress
Say = Callable[[str], None]
T = TypeVar("T")


class Course(NamedTuple):
    """Texts with what is to be said of them (targets), and how much they count."""

    texts: Texts
    wanted: Array
    weight: float = 1.0


def teach(
    weights: Weights,
    courses: Sequence[Course],
    chance: np.random.Generator,
    say: Say,
    *,
    epochs: int,
    rate: float = RATE,
    size: int = BATCH_TEXTS,
    warm: int = WARM_STEPS,
) -> None:
    """Move ``weights`` so that they answer what the courses want; batches of all courses take turns by chance.

    Products are taken with one thread, as in reading: another number of them would give other last digits.
    """
    threadpool_limits(1, user_api="blas")
    plan = [
        (course, batch)
        for _ in range(epochs)
        for course, batch in _shuffled(
            [
                (course, batch)
                for course in courses
                if len(course.wanted)
                for batch in batches([len(text) for text in course.texts.ids], size, chance)
            ],
            chance,
        )
    ]
    adam, smooth = Adam(weights, {"": rate, "pieces": rate * PIECES_SHARE}), 0.0
    for step, (course, batch) in enumerate(plan):
        lost, slopes, met = learnt(weights, course.texts.some(batch), course.wanted[batch], chance)
        adam.move(
            {name: course.weight * slope for name, slope in slopes.items()},
            {"pieces": met},
            pace(step, len(plan), min(warm, len(plan) // 10)),
        )
        smooth = lost if not step else 0.99 * smooth + 0.01 * lost
        if (step + 1) % STEPS_TOLD == 0 or step + 1 == len(plan):
            say(f"step {step + 1:,} of {len(plan):,}, loss {smooth:.2f}")


def _shuffled(items: Sequence[T], chance: np.random.Generator) -> list[T]:
    return [items[place] for place in chance.permutation(len(items))]
