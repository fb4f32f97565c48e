"""Long texts, read in passages of whole sentences and pooled.

A letter of a page is polite for most of its length. What is read in it lies between what its passages say on average
and what the one says that hurts most; the share of the latter was fitted on long labelled texts. The sentence that
hurts most is read alone as well, since the polite ones beside it hide it in its own passage, too. In a letter it counts
as a passage; in any long text what hurts in it is felt, though the writer may be pleased with the rest.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

import numpy as np

from pipeline.readers.verdict import FELT, NEGATIVE, SAD, Array

PIECES_MAX: Final = 96  # pieces of words of a passage
PIECES_MIN: Final = 40  # from which a passage ends with its sentence
SENTENCE_WORDS_MAX: Final = 60  # (and signs) of a sentence that are read alone at once
LOUDEST: Final = 3  # sentences of a long text that are read alone
LETTER_PASSAGES_MIN: Final = 4  # from which a text is a letter
HURTS_FROM: Final = 2.0  # logarithm of the odds of hurt from which what a sentence alone says is felt
WORST_SHARE: Final = 0.5  # of the passage that hurts most, beside the mean of all
ENDS: Final = frozenset(".!?…")
HURTS: Final = slice(FELT.start, FELT.start + SAD)  # the outputs of whether what hurts is felt


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


def loudest(words: Sequence[str], ids: Sequence[Sequence[int]], hurt: Array) -> list[tuple[int, int]]:
    """Answer the few sentences of a text that speak most of hurt, as first word and last (exclusive).

    ``ids`` holds the pieces of each word, ``hurt`` how much each piece speaks for what hurts most in its place.
    """
    ends = [place + 1 for place, word in enumerate(words) if word[0] in ENDS]
    ends += [] if ends and ends[-1] == len(words) else [len(words)]
    found: list[tuple[float, int, int]] = []
    first = row = 0
    for end in ends:
        for last in (*range(first + SENTENCE_WORDS_MAX, end, SENTENCE_WORDS_MAX), end):
            pieces = sum(map(len, ids[first:last]))
            if pieces:
                found.append((float(hurt[row : row + pieces].max()), first, last))
            first, row = last, row + pieces
    return [(first, last) for _, first, last in sorted(found, reverse=True)[:LOUDEST]]


def pooled(outputs: Array, counts: Sequence[int], alone: Mapping[int, Array] = MappingProxyType({})) -> Array:
    """Answer a row of outputs a text from a row a passage; ``counts`` holds how many passages each text has.

    ``alone`` holds, for some of the texts, what one sentence says alone: in letters it counts where no passage hurts
    more.
    """
    if len(outputs) == len(counts):
        return outputs
    starts = np.cumsum([0, *counts[:-1]])
    mean = np.add.reduceat(outputs, starts, axis=0) / np.asarray(counts, np.float32)[:, None]
    worst = np.stack(
        [outputs[a + int(outputs[a : a + n, NEGATIVE].argmax())] for a, n in zip(starts, counts, strict=True)]
    )
    for place, row in alone.items():
        if counts[place] >= LETTER_PASSAGES_MIN and row[NEGATIVE] > worst[place, NEGATIVE]:
            worst[place] = row
    return mean + WORST_SHARE * (worst - mean)


def felt(outputs: Array, alone: Mapping[int, Array]) -> Array:
    """Answer ``outputs`` in which what hurts in a sentence ``alone`` is felt in its text, where it hurts enough."""
    found = outputs.copy()
    for place, row in alone.items():
        if row[NEGATIVE] >= HURTS_FROM:
            found[place, HURTS] = np.maximum(found[place, HURTS], row[HURTS])
    return found


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
