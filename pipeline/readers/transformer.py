"""The network of the deep reader: two small transformers (MiniLM-L6) whose mean it answers, run by onnxruntime.

Its products are in whole numbers of eight bits, scaled by the largest value that stands anywhere in what is given to
it at once: beside another text, or padded, the same text would get another answer. So each passage runs alone and
unpadded. That costs nothing: on a processor a batch takes as long for each text as the text does alone (measured with
1, 8 and 32 texts; a product of forty rows fills its units already).

One thread runs it: a worker shares the machine with others, and more workers are how to go faster.
"""

from collections.abc import Mapping, Sequence
from importlib.resources import as_file, files
from itertools import accumulate, chain
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, Self

import numpy as np

from pipeline.domain.errors import Misconfigured
from pipeline.domain.limits import DEEP_PASSAGES_MAX
from pipeline.readers.passages import felt, passages, pooled, spread
from pipeline.readers.verdict import OUTPUTS, SAD, Array, Scale
from pipeline.readers.weights import shipped
from pipeline.readers.words import pieces

PIECES_MAX: Final = 126  # of a passage; with the two below it has seen 128 in training
BEGINS, ENDS = 101, 102  # ids that stand around every passage
MODEL: Final = "deep.onnx"
SCALE: Final = "deep_scale.npz"
SLOW_FUSION: Final = "SkipLayerNormFusion"  # its kernel takes three times as long as the two that it stands for
INSTALL: Final = "pip install 'heartline[deep]'"
MEND: Final = "install heartline again, or write it with make train DATA=…"


class Transformer:
    """The transformer, ready for use, with the scale of its outputs. Raises Misconfigured: what to install or run.

    ``path`` is that of the model: inputs ``ids`` and ``mask`` (int64, a row a text, a column a piece), output
    ``outputs`` (a row a text, :data:`OUTPUTS` wide).
    """

    def __init__(self, path: Path, scale: Scale) -> None:
        self.scale = scale
        self._session = _opened(path)

    @classmethod
    def shipped(cls) -> Self:
        """Answer the one that ships with this package."""
        with as_file(files(__package__) / MODEL) as path:
            return cls(path, Scale.of(shipped(SCALE, MEND)))

    def answer(
        self,
        words: Sequence[Sequence[str]],
        ids: Sequence[Sequence[tuple[int, ...]]],
        evidence: Sequence[Array],
        alone: Mapping[int, Sequence[int]] = MappingProxyType({}),
    ) -> Array:
        """Answer a row of outputs for each text; the time it takes is linear in their length, and bounded for each.

        ``words`` are those of each text, ``ids`` the pieces of each word, ``evidence`` a row a piece of how much that
        place speaks for each emotion: of a text of many passages it says which one hurts most, and must be read.
        ``alone`` holds, for some of the texts, the pieces of a sentence: what hurts in it is felt in the text.
        """
        wholes: list[Array] = []
        counts: list[int] = []
        for said, several, shown in zip(words, ids, evidence, strict=True):
            parts = _read(said, several, shown)
            wholes += [self._one([*chain.from_iterable(several[first:last])]) for first, last in parts]
            counts.append(len(parts))
        if not wholes:
            return np.zeros((0, OUTPUTS), np.float32)
        further = {place: self._one(several[:PIECES_MAX])[0] for place, several in alone.items()}
        return felt(pooled(np.concatenate(wholes), counts), further)

    def _one(self, ids: Sequence[int]) -> Array:
        given = np.array([[BEGINS, *ids, ENDS]], np.int64)
        whole: Array = self._session.run(["outputs"], {"ids": given, "mask": np.ones_like(given)})[0]
        return whole


def _read(words: Sequence[str], ids: Sequence[tuple[int, ...]], evidence: Array) -> list[tuple[int, int]]:
    """Answer the passages of a text that are read: all, or some from everywhere and the one that hurts most."""
    parts = passages(words, ids, PIECES_MAX)
    if len(parts) <= DEEP_PASSAGES_MAX:
        return parts
    rows = [0, *accumulate(map(len, ids))]
    hurt = [float(evidence[rows[first] : rows[last], :SAD].max()) for first, last in parts]
    return [parts[place] for place in spread(hurt, DEEP_PASSAGES_MAX)]


def _opened(path: Path) -> Any:
    """Open the model. Raises Misconfigured."""
    try:
        import onnxruntime
    except ImportError as error:
        raise Misconfigured(f"the deep and cascade readers need onnxruntime ({error}): {INSTALL}") from error
    if not path.is_file():
        raise Misconfigured(f"{path} is missing: {MEND}")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3  # errors; they are raised as well
    try:
        session = onnxruntime.InferenceSession(
            str(path), options, providers=["CPUExecutionProvider"], disabled_optimizers=[SLOW_FUSION]
        )
        longest = np.full((1, PIECES_MAX + 2), pieces().rows - 1)  # what fits now never fails later
        answered = session.run(["outputs"], {"ids": longest, "mask": np.ones_like(longest)})[0].shape
    except Exception as error:  # onnxruntime raises what has no common class
        raise Misconfigured(f"{path} cannot be read: {error}; {MEND}") from error
    if answered != (1, OUTPUTS):
        raise Misconfigured(f"{path} answers {answered}, {(1, OUTPUTS)} is expected; {MEND}")
    return session
