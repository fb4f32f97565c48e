"""The deep reader: a small transformer over whole passages, some milliseconds a text.

It is the better one where words turn each other: irony, understatement, praise that leads up to a complaint. The
words that show why are found by the network of the fast reader, for the emotions that this one names. What that
network says of the text has a small voice, too: the logarithms of the odds of both are averaged, each brought to
probabilities first. Two readers that err differently are better than either. MODEL_CARD.md says what it was trained on,
how good it is and where it is wrong.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from pipeline.readers.fast import Alone, Asked, FastReader
from pipeline.readers.transformer import Transformer
from pipeline.readers.verdict import FELT, NEGATIVE, OUTPUTS, PRIMARY, Array, Scale

FAST_SHARE: Final = 0.2  # of what the fast network says; chosen on dev
FELT_SHARE: Final = 0.4  # of what it says of each emotion: several in one text it tells apart as well
_SHARES: Final = np.full(OUTPUTS, FAST_SHARE, np.float32)
_SHARES[FELT] = FELT_SHARE


class DeepReader(FastReader):
    """Reads English feedback by a small transformer. Implements the Reader port.

    ``weights`` are those of the fast reader, ``deep`` the transformer; without them, what ships. Raises Misconfigured.
    """

    name = "deep/1"
    tone_share = 0.1  # less than in the fast one: this one needs less help
    slow = True

    def __init__(self, weights: Mapping[str, NDArray[Any]] | None = None, deep: Transformer | None = None) -> None:
        super().__init__(weights)
        self._fast_scale = self._scale
        self._deep = deep or Transformer.shipped()
        self._scale = blended_scale(self._fast_scale, self._deep.scale)

    def outputs(self, told: Sequence[Asked]) -> tuple[Array, list[Array]]:
        """Answer a row of outputs for each text, and its evidence: a row a piece (see ``network``)."""
        fast, evidence = super().outputs(told)
        deep = deeply(self._deep, told, evidence, self.hurting(told, evidence))
        return blended(fast, self._fast_scale, deep, self._deep.scale), evidence


def deeply(deep: Transformer, told: Sequence[Asked], evidence: Sequence[Array], hurting: Mapping[int, Alone]) -> Array:
    """Answer what the transformer says of each text, and of the sentence that hurts most where it is long."""
    alone = {place: one.ids for place, one in hurting.items()}
    return deep.answer([one.words for one in told], [one.ids for one in told], evidence, alone)


def blended(fast: Array, fast_scale: Scale, deep: Array, deep_scale: Scale) -> Array:
    """Answer the average of both, each brought to probabilities by its own scale; :func:`blended_scale` is theirs."""
    both: Array = _SHARES * _calibrated(fast, fast_scale) + (1 - _SHARES) * _calibrated(deep, deep_scale)
    return both


def blended_scale(fast: Scale, deep: Scale) -> Scale:
    """Answer the scale of :func:`blended`: probabilities as they are, the thresholds averaged as the odds are."""

    def mean(one: float, other: float, share: float) -> float:
        return share * one + (1 - share) * other

    named_from = tuple(mean(*both, FELT_SHARE) for both in zip(fast.named_from, deep.named_from, strict=True))
    return Scale(named_from=named_from, sure_from=mean(fast.sure_from, deep.sure_from, FAST_SHARE))


def _calibrated(outputs: Array, scale: Scale) -> Array:
    found = outputs.copy()
    slope, shift = scale.negative
    found[:, NEGATIVE] = slope * outputs[:, NEGATIVE] + shift
    found[:, PRIMARY] = outputs[:, PRIMARY] / scale.primary
    return found
