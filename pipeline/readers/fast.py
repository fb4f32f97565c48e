"""The fast reader: a small trained network over words, about a tenth of a millisecond a short text.

MODEL_CARD.md says what it was trained on, how good it is and where it is wrong; ``training`` is the recipe. A long
text is read in passages of whole sentences and pooled, so that one hurt sentence in a long polite letter is found.
The work is linear in the text.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from itertools import chain, pairwise
from statistics import fmean
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline.domain.emotions import EMOTIONS
from pipeline.domain.limits import TEXT_CHARS_MAX
from pipeline.domain.reading import Felt, Reading
from pipeline.readers.evidence import spans
from pipeline.readers.network import GAPS, Network
from pipeline.readers.passages import felt, loudest, passages, pooled
from pipeline.readers.valence import compound
from pipeline.readers.verdict import (
    ACTIONS,
    EFFORTS,
    NEGATIVE,
    OUTPUTS,
    SAD,
    SUCCESSES,
    Array,
    Scale,
    Verdict,
    verdicts,
)
from pipeline.readers.weights import FAST, shipped, version
from pipeline.readers.words import pieces, places_of, words_of


class Asked(NamedTuple):
    """A text to be read: its words in lower case, the ids of the pieces of each, its passages in words."""

    text: str
    cut: bool  # whether there is more of it than is read
    english: bool
    words: list[str]
    ids: list[tuple[int, ...]]
    parts: list[tuple[int, int]]  # first word and last (exclusive)
    tones: list[float]  # valence of each passage after VADER

    @property
    def readable(self) -> bool:
        """Whether there is something to read."""
        return self.english and any(self.ids)


class Alone(NamedTuple):
    """A sentence of a text, read alone: the ids of its pieces, its outputs."""

    ids: list[int]
    outputs: Array


class FastReader:
    """Reads English feedback by a small network. Implements the Reader port.

    With ``weights`` of one's own (see ``weights``) its name says which: fast/1+ and eight digits of their content.
    """

    name = "fast/1"
    # Of VADER's valence in that of a reading. What people feel towards an organisation the network knows better, how
    # glad or sad they are about anything else VADER does; fitted on both kinds of text.
    tone_share = 0.2

    def __init__(self, weights: Mapping[str, NDArray[Any]] | None = None) -> None:
        if weights is None:
            weights = shipped(FAST)
        else:
            self.name = f"{self.name}+{version(weights)}"
        self._pieces = pieces()
        self._network = Network(weights)
        self._scale = Scale.of(weights)

    def read(self, texts: Sequence[str]) -> list[Reading]:
        """Answer one reading a text, in order. Pure; linear in the length of the texts; never raises."""
        asked = list(map(self._asked, texts))
        told = [one for one in asked if one.readable]
        read = map(self._reading, told, *self.judged(told))
        return [next(read) if one.readable else self._unread(one) for one in asked]

    def _asked(self, text: str) -> Asked:
        cut = len(text) > TEXT_CHARS_MAX
        if cut:
            text = text[:TEXT_CHARS_MAX]
        words = words_of(text)
        ids = list(map(self._pieces.__getitem__, words))
        parts = passages(words, ids)
        return Asked(text, cut, self._pieces.is_english(words), words, ids, parts, _tones(text, parts))

    def judged(self, told: Sequence[Asked]) -> tuple[list[Verdict], list[Array]]:
        """Answer what is read in each text, and its evidence: a row a piece (see ``network``)."""
        outputs, evidence = self.outputs(told)
        return verdicts(outputs, self._scale, toned(told), self.tone_share), evidence

    def outputs(self, told: Sequence[Asked]) -> tuple[Array, list[Array]]:
        """Answer a row of outputs for each text, and its evidence: a row a piece (see ``network``)."""
        if not told:
            return np.zeros((0, OUTPUTS), np.float32), []
        answer = self._network.answer(
            [[*chain.from_iterable(one.ids[a:b])] for one in told for a, b in one.parts],
            [tone for one in told for tone in one.tones],
        )
        starts, evidence, part = answer.starts.tolist(), [], 0
        for one in told:
            last = part + len(one.parts)
            rows = [
                answer.places[a : b - GAPS] for a, b in pairwise(starts[part : last + 1])
            ]  # without the gaps behind
            evidence.append(rows[0] if len(rows) == 1 else np.concatenate(rows))
            part = last
        alone = {place: one.outputs for place, one in self.hurting(told, evidence).items()}
        return felt(pooled(answer.whole, [len(one.parts) for one in told], alone), alone), evidence

    def hurting(self, told: Sequence[Asked], evidence: Sequence[Array]) -> dict[int, Alone]:
        """Answer, for each long text by its place in ``told``, the sentence that hurts most when it is read alone.

        Of its sentences those few are read whose words speak most of hurt.
        """
        asked: list[int] = []
        ids: list[list[int]] = []
        tones: list[float] = []
        for place, one in enumerate(told):
            if len(one.parts) > 1:
                where = loudest(one.words, one.ids, evidence[place][:, :SAD].max(axis=1))
                asked += [place] * len(where)
                ids += [[*chain.from_iterable(one.ids[first:last])] for first, last in where]
                tones += _parts_tones(one.text, where)
        if not asked:
            return {}
        found: dict[int, Alone] = {}
        for place, own, row in zip(asked, ids, self._network.answer(ids, tones).whole, strict=True):
            if place not in found or row[NEGATIVE] > found[place].outputs[NEGATIVE]:
                found[place] = Alone(own, row)
        return found

    def said(self, texts: Sequence[str]) -> tuple[Array, list[bool]]:
        """Answer which of ``texts`` can be read, and the outputs for those, as a scale is fitted on them."""
        asked = list(map(self._asked, texts))
        read = [one.readable for one in asked]
        outputs, _ = self.outputs([one for one, yes in zip(asked, read, strict=True) if yes])
        return outputs, read

    def _reading(self, one: Asked, said: Verdict, evidence: Array) -> Reading:
        named = [EMOTIONS[place] for place in said.named]
        return Reading.made(
            {
                "emotions": dict(zip(named, map(_felt, said.confidence, said.strength), strict=True)),
                "primary": named[0] if named else None,
                "valence": said.valence,
                "negative": said.negative,
                "success": SUCCESSES[said.success],
                "effort": EFFORTS[said.effort],
                "action": ACTIONS[said.action],
                "spans": spans(one.text, one.words, one.ids, evidence, said.named) if named else (),
                "topics": (),
                "understood": True,
                "review": not (said.sure and self._pieces.familiar(one.words)),
                "truncated": one.cut,
                "reader": self.name,
            }
        )

    def _unread(self, one: Asked) -> Reading:
        """Answer the reading of a text without words, or of one that is not English."""
        return Reading(understood=one.english, review=not one.english, truncated=one.cut, reader=self.name)


def toned(told: Sequence[Asked]) -> Array:
    """Answer the valence of each text after VADER, the mean of its passages."""
    return np.array([fmean(one.tones) for one in told])


def _tones(text: str, parts: Sequence[tuple[int, int]]) -> list[float]:
    return [compound(text)] if len(parts) == 1 else _parts_tones(text, parts)


def _parts_tones(text: str, parts: Sequence[tuple[int, int]]) -> list[float]:
    where = places_of(text)
    return [compound(text[where[first][0] : where[last - 1][1]]) for first, last in parts]


@cache
def _felt(confidence: float, intensity: int) -> Felt:
    """Answer the one value for a confidence in hundredths and an intensity; 303 there are."""
    return Felt(confidence=confidence, intensity=intensity)
