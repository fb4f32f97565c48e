"""The deep reader: a small transformer over whole passages, some milliseconds a text.

It is the better one where words turn each other: irony, understatement, praise that leads up to a complaint. The
words that show why are found by the network of the fast reader, for the emotions that this one names. MODEL_CARD.md
says what it was trained on, how good it is and where it is wrong.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from numpy.typing import NDArray

from pipeline.readers.fast import Asked, FastReader
from pipeline.readers.transformer import Transformer
from pipeline.readers.verdict import Array


class DeepReader(FastReader):
    """Reads English feedback by a small transformer. Implements the Reader port.

    ``weights`` are those of the fast reader, ``deep`` the transformer; without them, what ships. Raises Misconfigured.
    """

    name = "deep/1"
    tone_share = 0.1  # less than in the fast one: this one needs less help
    slow = True

    def __init__(self, weights: Mapping[str, NDArray[Any]] | None = None, deep: Transformer | None = None) -> None:
        super().__init__(weights)
        self._deep = deep or Transformer.shipped()
        self._scale = self._deep.scale

    def outputs(self, told: Sequence[Asked]) -> tuple[Array, list[Array]]:
        """Answer a row of outputs for each text, and its evidence: a row a piece (see ``network``)."""
        _, evidence = super().outputs(told)
        return self._deep.answer([one.words for one in told], [one.ids for one in told], evidence), evidence
