"""The cascade: the fast reader reads all, and what it is in doubt about goes deep.

Doubt is one number for each text, from the fast reading alone: how near the probability of hurt is to a coin's, and
how much of the primary emotion's is left for others. From :data:`DOUBT_FROM` on a text goes deep; that is nearly
half of labelled feedback. A text is so read the same way whatever stands beside it, with one exception, the budget:
of a call with many texts no more than ``DEEP_SHARE_MAX`` go deep, the most doubtful first, so that a flood of
doubtful texts cannot cost more than that. Calls are small where a worker has time, and then all that doubt.

What went deep is read as by the deep reader, in which both are heard.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from pipeline.domain.limits import DEEP_FREE_TEXTS_MAX, DEEP_SHARE_MAX
from pipeline.readers.deep import DeepReader, blended, blended_scale, deeply
from pipeline.readers.fast import Asked, FastReader, toned
from pipeline.readers.transformer import Transformer
from pipeline.readers.verdict import NEGATIVE, PRIMARY, Array, Scale, Verdict, odds, primaries, verdicts

DOUBT_FROM: Final = 0.25  # from which a text goes deep


class CascadeReader(FastReader):
    """Reads English feedback fast, and deep where that is in doubt. Implements the Reader port.

    ``weights`` are those of the fast reader, ``deep`` the transformer; without them, what ships. Raises Misconfigured.
    """

    name = "cascade/1"
    slow = True

    def __init__(self, weights: Mapping[str, NDArray[Any]] | None = None, deep: Transformer | None = None) -> None:
        super().__init__(weights)
        self._deep = deep or Transformer.shipped()
        self._both = blended_scale(self._scale, self._deep.scale)

    def judged(self, told: Sequence[Asked]) -> tuple[list[Verdict], list[Array]]:
        """Answer what is read in each text, and its evidence: a row a piece (see ``network``)."""
        outputs, evidence = self.outputs(told)
        tones = toned(told)
        said = verdicts(outputs, self._scale, tones, self.tone_share)
        asked = chosen(doubts(outputs, self._scale))
        doubted, shown = [told[place] for place in asked], [evidence[place] for place in asked]
        further = deeply(self._deep, doubted, shown, self.hurting(doubted, shown))
        both = blended(outputs[asked], self._scale, further, self._deep.scale)
        for place, verdict in zip(asked, verdicts(both, self._both, tones[asked], DeepReader.tone_share), strict=True):
            said[place] = verdict
        return said, evidence


def doubts(outputs: Array, scale: Scale) -> Array:
    """Answer how much the fast reader doubts its reading of each text (0 not at all, 1 wholly)."""
    slope, shift = scale.negative
    negative = odds(slope * outputs[:, NEGATIVE] + shift)
    primary = primaries(outputs[:, PRIMARY] / scale.primary, negative)
    coin = 1 - np.abs(2 * negative - 1)
    left = 1 - primary.max(axis=1)
    doubt: Array = (coin + left) / 2
    return doubt


def chosen(doubt: Array) -> list[int]:
    """Answer the places that go deep, in order: all from DOUBT_FROM on, within the budget the most doubtful."""
    over = np.flatnonzero(doubt >= DOUBT_FROM)
    most = max(DEEP_FREE_TEXTS_MAX, int(DEEP_SHARE_MAX * len(doubt)))
    if len(over) > most:
        over = over[np.argsort(-doubt[over], kind="stable")[:most]]
    return sorted(over.tolist())
