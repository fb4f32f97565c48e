"""Long texts, read in passages of whole sentences and pooled.

A letter of a page is polite for most of its length. What is read in it lies between what its passages say on average
and what the one says that hurts most; the share of the latter was fitted on long labelled texts. In a letter the
sentence that hurts most is read alone as well, since the polite ones beside it hide it in its own passage, too.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

import numpy as np

from pipeline.readers.verdict import NEGATIVE, Array

PIECES_MAX: Final = 96  # pieces of words of a passage
PIECES_MIN: Final = 40  # from which a passage ends with its sentence
SENTENCE_WORDS_MAX: Final = 60  # (and signs) of a sentence on each side of a word
LETTER_PASSAGES_MIN: Final = 4  # from which a text is a letter
WORST_SHARE: Final = 0.5  # of the passage that hurts most, beside the mean of all
ENDS: Final = frozenset(".!?…")


def passages(words: Sequence[str], ids: Sequence[Sequence[int]], pieces_max: int = PIECES_MAX) -> list[tuple[int, int]]:
    """Answer the passages of a text, as first word and last (exclusive): the whole one unless it is long.

    ``ids`` holds the pieces of each word; a passage has up to ``pieces_max`` of them.
    """
    if sum(map(len, ids)) <= pieces_max:
        return [(0, len(words))]
    lengths = [len(one) for one in ids]
    parts: list[tuple[int, int]] = []
    first = pieces = 0
    for place, length in enumerate(lengths):
        if pieces + length > pieces_max:
            parts.append((first, place))
            first, pieces = place, 0
        pieces += length
        if pieces >= PIECES_MIN and words[place][0] in ENDS:
            parts.append((first, place + 1))
            first, pieces = place + 1, 0
    if pieces:
        parts.append((first, len(words)))
    elif first < len(words):  # what has no pieces goes with what stands before it
        parts[-1] = (parts[-1][0], len(words))
    return parts


def sentence(words: Sequence[str], at: int) -> tuple[int, int]:
    """Answer the sentence around word ``at``, as first word and last (exclusive)."""
    first, last = at, at + 1
    low, high = max(at - SENTENCE_WORDS_MAX, 0), min(at + SENTENCE_WORDS_MAX, len(words))
    while first > low and words[first - 1][0] not in ENDS:
        first -= 1
    while last < high and words[last - 1][0] not in ENDS:
        last += 1
    return first, last


def pooled(outputs: Array, counts: Sequence[int], alone: Mapping[int, Array] = MappingProxyType({})) -> Array:
    """Answer a row of outputs a text from a row a passage; ``counts`` holds how many passages each text has.

    ``alone`` holds, for some of the texts, what one sentence says alone: it counts where no passage hurts more.
    """
    if len(outputs) == len(counts):
        return outputs
    starts = np.cumsum([0, *counts[:-1]])
    mean = np.add.reduceat(outputs, starts, axis=0) / np.asarray(counts, np.float32)[:, None]
    worst = np.stack(
        [outputs[a + int(outputs[a : a + n, NEGATIVE].argmax())] for a, n in zip(starts, counts, strict=True)]
    )
    for place, row in alone.items():
        if row[NEGATIVE] > worst[place, NEGATIVE]:
            worst[place] = row
    return mean + WORST_SHARE * (worst - mean)


def spread(hurt: Sequence[float], most: int) -> list[int]:
    """Answer ``most`` places of passages (all where there are no more), in order: some from everywhere.

    ``hurt`` says of each passage how much it hurts: the first of those that hurt most is always among them.
    """
    count = len(hurt)
    if count <= most:
        return list(range(count))
    worst = max(range(count), key=hurt.__getitem__)
    others = [place for place in range(count) if place != worst]
    taken = {others[(2 * nth + 1) * len(others) // (2 * (most - 1))] for nth in range(most - 1)}
    return sorted({worst, *taken})
