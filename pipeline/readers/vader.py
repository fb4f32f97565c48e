"""The VADER reader: what vaderSentiment alone makes of a text. The baseline that other readers are held against.

VADER (Hutto and Gilbert, ICWSM 2014) answers one number, ``compound`` (-1…1): it knows no emotions, shows no words,
and understands every text. So this reader names no emotion and marks nothing for review. The valence is the compound
itself; a text is negative from the authors' own threshold, compound ≤ -0.05. ``negative`` ranks texts exactly as
the compound does and is 0.5 at that threshold, straight on both sides of it: a rank, not a calibrated probability,
because VADER promises none.
"""

from collections.abc import Sequence
from typing import Final

from pipeline.domain.limits import TEXT_CHARS_MAX
from pipeline.domain.reading import Reading
from pipeline.readers.valence import lexicon, polarity_scores

NEGATIVE_FROM: Final = -0.05  # compound; the threshold that VADER's README gives


class VaderReader:
    """Reads the valence of English feedback as vaderSentiment 3.3.2 does. Implements the Reader port."""

    name = "vader/3.3.2"

    def __init__(self) -> None:
        lexicon()  # Misconfigured is raised here, not while reading

    def read(self, texts: Sequence[str]) -> list[Reading]:
        """Answer one reading a text, in order, without emotions. Pure; linear; never raises."""
        return [self._read(text) for text in texts]

    def _read(self, text: str) -> Reading:
        truncated = len(text) > TEXT_CHARS_MAX
        compound = polarity_scores(text[:TEXT_CHARS_MAX])["compound"]
        return Reading(valence=compound, negative=negative(compound), truncated=truncated, reader=self.name)


def negative(compound: float) -> float:
    """Answer where ``compound`` (-1…1, four digits) stands between glad (0) and sad (1): 0.5 from the threshold on."""
    room = NEGATIVE_FROM + 1 if compound <= NEGATIVE_FROM else 1 - NEGATIVE_FROM
    return round(0.5 + 0.5 * (NEGATIVE_FROM - compound) / room, 6)
