"""What follows from the cues: linear heads over their counts, fitted on labelled feedback (see ``fit.py``)."""

import json
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from math import exp
from typing import Any, Final, TypeVar

from pipeline.domain.emotions import EMOTIONS
from pipeline.domain.errors import Misconfigured
from pipeline.domain.reading import Action, Effort, Success
from pipeline.readers.features import Feature, value

EFFORTS: Final[tuple[Effort | None, ...]] = ("high", "low", None)
SUCCESSES: Final[tuple[Success | None, ...]] = ("met", "unmet", None)
ACTIONS: Final[tuple[Action, ...]] = ("respond", "suggestion", "praise", "none")

# Outputs, one after the other: the primary emotion or none, negative, valence, effort, success, action.
PRIMARY: Final = slice(0, len(EMOTIONS) + 1)
NEGATIVE: Final = PRIMARY.stop
VALENCE: Final = NEGATIVE + 1
EFFORT: Final = slice(VALENCE + 1, VALENCE + 1 + len(EFFORTS))
SUCCESS: Final = slice(EFFORT.stop, EFFORT.stop + len(SUCCESSES))
ACTION: Final = slice(SUCCESS.stop, SUCCESS.stop + len(ACTIONS))
OUTPUTS: Final = ACTION.stop

T = TypeVar("T")


class Heads:
    """Linear heads: ``rows[place]`` is what one unit of a feature adds to each output, ``start`` is without any.

    ``hurt_from`` is the probability from which a text counts as negative, set where F1 was best.
    """

    def __init__(self, start: Sequence[float], rows: Sequence[Sequence[float]], hurt_from: float) -> None:
        self.start = start
        self.rows = rows
        self.hurt_from = hurt_from
        self._added: dict[Feature, list[float]] = {}  # as many as there are features and counts

    def outputs(self, told: Sequence[Feature]) -> list[float]:
        """Answer the outputs, not squashed, for the features of a text."""
        added = self._added
        terms = [self.start]
        for feature in told:
            row = added.get(feature)
            if row is None:
                row = added[feature] = [value(*feature) * weight for weight in self.rows[feature[0]]]
            terms.append(row)
        return list(map(sum, zip(*terms, strict=True)))


def shares(outputs: Sequence[float]) -> list[float]:
    """Answer probabilities that add up to one (softmax)."""
    top = max(outputs)
    raised = [exp(output - top) for output in outputs]
    total = sum(raised)
    return [one / total for one in raised]


def probability(output: float) -> float:
    """Answer the probability of one output (logistic)."""
    return 1.0 / (1.0 + exp(-max(-30.0, min(30.0, output))))


def likeliest(choices: Sequence[T], outputs: Sequence[float]) -> T:
    """Answer the choice with the largest output."""
    return choices[outputs.index(max(outputs))]


@cache
def heads() -> Heads:
    """Answer the heads that lie beside this file, read once. Raises Misconfigured where they are wrong."""
    try:
        told: Mapping[str, Any] = json.loads((files(__package__) / "heads.json").read_text("utf-8"))
        return Heads(told["start"], told["rows"], told["hurt_from"])
    except (OSError, KeyError, ValueError) as error:
        raise Misconfigured(f"pipeline/readers/heads.json cannot be read: {error}") from error
