"""Where in a text an emotion shows.

The network answers for each piece of a word how much it speaks for each emotion. What speaks for it nearly as much as
the place that speaks most is shown: neighbours together, whole words, without the little words at the edges, but with
the one before that turns or stresses them.
"""

from collections.abc import Sequence
from operator import itemgetter
from typing import Final

from pipeline.domain.emotions import EMOTIONS
from pipeline.domain.lower import lowered
from pipeline.domain.reading import Span
from pipeline.readers.verdict import Array

NEAR: Final = 1.5  # how far below the strongest evidence (in logarithms of odds) a place is still shown
APART_MAX: Final = 1  # words between two places that are shown together
SPANS_MAX: Final = 2  # of one emotion in one passage
_BENDS: Final = "barely cannot extremely hardly never no nobody not nothing really so still too very without"
BENDS: Final = frozenset(_BENDS.split())
_LITTLE: Final = (
    "a an and are as at be been but by for from had has have he i in is it it's its me my of on or our she so than "
    "that the their them then there these they this those to was we were which who will with you your"
)
LITTLE: Final = frozenset(_LITTLE.split())


def spans(
    text: str, words: Sequence[str], ids: Sequence[Sequence[int]], places: Array, emotions: Sequence[int]
) -> tuple[Span, ...]:
    """Answer where each of ``emotions`` shows in ``text``.

    ``words`` are those of ``text``, ``ids`` the pieces of each, ``places`` the evidence: a row a piece.
    """
    word_of = [place for place, several in enumerate(ids) for _ in several]
    runs = [
        (EMOTIONS[emotion], *_trimmed(words, first, last))
        for emotion, said in zip(emotions, places.take(emotions, axis=1).T.tolist(), strict=True)
        for first, last in _runs(said, word_of)
    ]
    where = _places(lowered(text), words[: 1 + max((last for _, _, last in runs), default=-1)])
    return tuple(
        [
            Span.made({"start": where[first][0], "end": where[last][1], "emotion": emotion, "topic": None})
            for emotion, first, last in runs
        ]
    )


def _places(lower: str, words: Sequence[str]) -> list[tuple[int, int]]:
    """Answer from where to where (exclusive) each of ``words``, the first ones of a text, stands in it.

    Between two words there are blanks only, so what is found first behind the one before is that very word.
    """
    found: list[tuple[int, int]] = []
    end = 0
    for word in words:
        start = lower.index(word, end)
        end = start + len(word)
        found.append((start, end))
    return found


def _runs(said: Sequence[float], word_of: Sequence[int]) -> list[tuple[int, int]]:
    """Answer the runs of words, as first and last, whose evidence is near the strongest: the best ones, in order."""
    enough = max(said) - NEAR
    runs: list[tuple[float, int, int]] = []  # strength, first word, last word
    for strength, word in [near for near in zip(said, word_of, strict=True) if near[0] >= enough]:
        if runs and word - runs[-1][2] <= 1 + APART_MAX:
            most, first, _ = runs[-1]
            runs[-1] = (max(most, strength), first, word)
        else:
            runs.append((strength, word, word))
    if len(runs) > SPANS_MAX:
        runs = sorted(sorted(runs, reverse=True)[:SPANS_MAX], key=itemgetter(1))
    return [(first, last) for _, first, last in runs]


def _trimmed(words: Sequence[str], first: int, last: int) -> tuple[int, int]:
    """Answer the run without little words and signs at its edges, unless it has no others, with what bends it."""
    start, end = first, last
    while start < end and _says_little(words[start]):
        start += 1
    while end > start and _says_little(words[end]):
        end -= 1
    if start and (words[start - 1] in BENDS or words[start - 1].endswith(("n't", "n’t"))):
        start -= 1
    return start, end


def _says_little(word: str) -> bool:
    return word in LITTLE or (word.isascii() and not word[0].isalnum())
