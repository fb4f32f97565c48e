"""Where in a text an emotion shows.

The network answers for each piece of a word how much it speaks for each emotion. What speaks for it nearly as much as
the place that speaks most is shown: neighbours together, whole words, without the little words at the edges.
"""

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pipeline.domain.emotions import EMOTIONS
from pipeline.domain.reading import Span
from pipeline.readers.words import WORDS

Array = NDArray[np.float32]
NEAR: Final = 1.5  # how far below the strongest evidence (in logarithms of odds) a place is still shown
APART_MAX: Final = 1  # words between two places that are shown together
SPANS_MAX: Final = 2  # of one emotion in one passage
LITTLE: Final = frozenset(
    """a an and are as at be been but by for from had has have he i in is it it's its of on or our she so than that
    the their them then there these they this those to was we were which who will with you your my me""".split()
)


def spans(
    text: str, words: Sequence[str], ids: Sequence[Sequence[int]], places: Array, emotions: Sequence[int]
) -> Iterator[Span]:
    """Answer where each of ``emotions`` shows in ``text``.

    ``words`` are those of ``text``, ``ids`` the pieces of each, ``places`` the evidence: a row a piece.
    """
    word_of = [place for place, several in enumerate(ids) for _ in several]
    where = [found.span() for found in WORDS.finditer(text)]
    for emotion in emotions:
        said = places[:, emotion]
        near = np.flatnonzero(said >= said.max() - NEAR).tolist()
        runs: list[list[float]] = []  # first word, last word, strength
        for piece in near:
            word, strength = word_of[piece], float(said[piece])
            if runs and word - runs[-1][1] <= 1 + APART_MAX:
                runs[-1][1] = word
                runs[-1][2] = max(runs[-1][2], strength)
            else:
                runs.append([word, word, strength])
        best = sorted(runs, key=lambda run: -run[2])[:SPANS_MAX]
        for first, last, _ in sorted(best):
            start, end = _trimmed(words, int(first), int(last))
            yield Span(start=where[start][0], end=where[end][1], emotion=EMOTIONS[emotion])


def _trimmed(words: Sequence[str], first: int, last: int) -> tuple[int, int]:
    """Answer the run without little words and signs at its edges, unless it has no others."""
    start, end = first, last
    while start < end and _says_little(words[start]):
        start += 1
    while end > start and _says_little(words[end]):
        end -= 1
    return start, end


def _says_little(word: str) -> bool:
    return word in LITTLE or (word.isascii() and not word[0].isalnum())
