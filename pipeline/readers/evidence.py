"""Where in a text an emotion shows.

The network answers for each piece of a word how much it speaks for each emotion. What speaks for it nearly as much as
the place that speaks most is shown: neighbours together, whole words. Little words show nothing by themselves; a word
alone is shown with its neighbours, and everything with the words before it that turn or stress it. Where no word
speaks clearly ("it opens on its own") it is the clause that shows, not the word of it that happens to speak most.
"""

from collections.abc import Sequence
from operator import itemgetter
from typing import Final
from unicodedata import category

from pipeline.domain.aspects import turning
from pipeline.domain.emotions import EMOTIONS
from pipeline.domain.lower import lowered
from pipeline.domain.reading import Span
from pipeline.readers.verdict import Array

NEAR: Final = 1.5  # how far below the strongest evidence (in logarithms of odds) a place is still shown
APART_MAX: Final = 1  # words between two places that are shown together
SPANS_MAX: Final = 2  # of one emotion in one passage
CLEAR: Final = -1.0  # strength (the logarithm of odds) from which words show an emotion by themselves
CLAUSE_WORDS_MAX: Final = 14  # of a clause that are shown on each side of what speaks most in it
MARKS: Final = frozenset(".,;:!?…()–—/")  # end a clause, as "--" does
_BENDS: Final = "barely cannot extremely hardly never no nobody not nothing really so still too very without"
BENDS: Final = frozenset(_BENDS.split())
_LITTLE: Final = (
    "a about all also am an and any are as at be because been being but by can could did do does for from had has have "
    "he her here him his how i if in into is it it's its just may me might much my of on one only or other our out she "
    "should some such than that the their them then there these they this those to up us was we were what when where "
    "which who why will with would you your"
)
LITTLE: Final = BENDS.union(_LITTLE.split())
PARTICLES: Final = frozenset({"down", "off", "on", "out", "up"})  # belong to the word before: spot on, let down


def spans(
    text: str, words: Sequence[str], ids: Sequence[Sequence[int]], places: Array, emotions: Sequence[int]
) -> tuple[Span, ...]:
    """Answer where each of ``emotions`` shows in ``text``.

    ``words`` are those of ``text``, ``ids`` the pieces of each, ``places`` the evidence: a row a piece.
    """
    little = [word in LITTLE or not (word.isalpha() or _tells(word)) for word in words]
    if all(little):
        little = [False] * len(words)
    word_of = [place for place, several in enumerate(ids) for _ in several]
    runs = [
        (EMOTIONS[emotion], first, last)
        for emotion, said in zip(emotions, places.take(emotions, axis=1).T.tolist(), strict=True)
        for first, last in _shown(_runs(said, words, word_of, little), words, little)
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


def _runs(
    said: Sequence[float], words: Sequence[str], word_of: Sequence[int], little: Sequence[bool]
) -> list[tuple[float, int, int]]:
    """Answer the runs of words whose evidence is near the strongest: the best ones, in order; strength, first, last."""
    telling = [(strength, word) for strength, word in zip(said, word_of, strict=True) if not little[word]]
    if not telling:
        return []
    # An emoji speaks louder than words and explains less: what is enough is told by the words, where there are any.
    enough = max([near for near in telling if words[near[1]][0].isalnum()] or telling)[0] - NEAR
    runs: list[tuple[float, int, int]] = []  # strength, first word, last word
    for strength, word in [near for near in telling if near[0] >= enough]:
        if runs and word - runs[-1][2] <= 1 + APART_MAX:
            most, first, _ = runs[-1]
            runs[-1] = (max(most, strength), first, word)
        else:
            runs.append((strength, word, word))
    if len(runs) > SPANS_MAX:
        runs = sorted(sorted(runs, reverse=True)[:SPANS_MAX], key=itemgetter(1))
    return runs


def _shown(
    runs: Sequence[tuple[float, int, int]], words: Sequence[str], little: Sequence[bool]
) -> list[tuple[int, int]]:
    """Answer what is shown of each run, as first word and last; what overlaps is one.

    Where none speaks clearly the strongest alone is shown, with its clause: the others are guesses.
    """
    if runs and max(runs)[0] < CLEAR:
        _, first, last = max(runs)
        return [_clause(words, first, last)]
    found: list[tuple[int, int]] = []
    for strength, start, end in runs:
        first, last = _widened(words, little, start, end)
        if strength < CLEAR or _turns(words[last]):
            first, last = _clause(words, start, end)
        if found and first <= found[-1][1]:
            first, last = min(first, found[-1][0]), max(last, found.pop()[1])
        found.append((first, last))
    return found


def _clause(words: Sequence[str], first: int, last: int) -> tuple[int, int]:
    """Answer the run with what stands around it in its clause."""
    low, high = max(first - CLAUSE_WORDS_MAX, 0), min(last + CLAUSE_WORDS_MAX, len(words) - 1)
    while first > low and not _parts(words, first - 1) and not turning(words, first):
        first -= 1
    while last < high and not _parts(words, last + 1) and not turning(words, last + 1):
        last += 1
    return first + (first < last and (words[first] == "and" or turning(words, first))), last


def _parts(words: Sequence[str], at: int) -> bool:
    """Say whether word ``at`` is a mark between two clauses; a point in a number is none."""
    if words[at][0] not in MARKS and not words[at].startswith("--"):
        return False
    return not (0 < at < len(words) - 1 and words[at - 1].isdigit() and words[at + 1].isdigit())


def _widened(words: Sequence[str], little: Sequence[bool], first: int, last: int) -> tuple[int, int]:
    """Answer the run with a neighbour on each side if it is one word, and with what bends it before."""
    if first == last:
        if last + 1 < len(words) and not little[last + 1] and words[last + 1][0].isalnum():
            last += 1
        if first and not little[first - 1] and words[first - 1][0].isalnum():
            first -= 1
    while first and _turns(words[first - 1]):
        first -= 1
    return first, last + (last + 1 < len(words) and words[last + 1] in PARTICLES)


def _turns(word: str) -> bool:
    return word in BENDS or word.endswith(("n't", "n’t"))


def _tells(word: str) -> bool:
    if word.isascii():
        return word[0].isalnum()
    return any(category(sign)[0] in "LNS" for sign in word)  # an emoji is a symbol, a dash is none
