"""Where in a text an emotion shows.

The network answers for each piece of a word how much it speaks for each emotion. What speaks for it nearly as much as
the place that speaks most is shown: neighbours together, whole words. Little words show nothing by themselves; a word
alone is shown with its neighbours, and everything with the words before it that turn or stress it. Where no word
speaks clearly ("it opens on its own") it is the clause that shows, not the word of it that happens to speak most. Where
none speaks for the emotion at all, what speaks for any that is good, or bad, to feel likewise finds that clause.
"""

from collections.abc import Sequence
from operator import itemgetter
from typing import Final
from unicodedata import category

from pipeline.domain.aspects import turning
from pipeline.domain.emotions import EMOTIONS, Emotion
from pipeline.domain.lower import lowered
from pipeline.domain.reading import Span
from pipeline.readers.verdict import NONE, SAD, Array

NEAR: Final = 1.5  # how far below the strongest evidence (in logarithms of odds) a place is still shown
APART_MAX: Final = 1  # words between two places that are shown together
SPANS_MAX: Final = 2  # of one emotion in one passage
CLEAR: Final = 0.5  # strength (the logarithm of odds) from which words show an emotion by themselves
FAINT: Final = -1.0  # from which their clause shows it
NEIGHBOURS_MAX: Final = 3  # words shown behind one that speaks clearly
CLAUSE_WORDS_MAX: Final = 20  # (and signs) of a clause that are shown on each side of what speaks most in it
MARKS: Final = frozenset(".,;:!?…()—")  # end a clause
DASHES: Final = ("--", "––")  # as these do
NUMBER_MARKS: Final = frozenset(".,:")  # stand inside numbers as well
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
    """Answer where each of ``emotions``, the primary one first, shows in ``text``.

    ``words`` are those of ``text``, ``ids`` the pieces of each (one piece at least), ``places`` the evidence: a row a
    piece. Every emotion is shown that has some; the primary one, and the first that hurts, in any case.
    """
    little = [
        not several or word in LITTLE or not (word.isalpha() or _tells(word))
        for word, several in zip(words, ids, strict=True)
    ]
    if all(little):
        little = [not several for several in ids]
    word_of = [place for place, several in enumerate(ids) for _ in several]
    rows = [row for row, word in enumerate(word_of) if not little[word]]
    telling = [word_of[row] for row in rows]
    said = places.take(rows, axis=0)
    runs: list[tuple[Emotion, int, int]] = []
    hurts = False  # whether something that hurts is shown
    for place, number in enumerate(emotions):
        emotion, strengths = EMOTIONS[number], said[:, number]
        found = _runs(strengths.tolist(), telling, words)
        strength, first, last = max(found)
        if strength >= CLEAR:
            shown = _clear(found, words, little)
        else:
            if strength < FAINT:
                if place and (hurts or not emotion.hurts):
                    continue
                alike = said[:, :SAD] if emotion.hurts else said[:, SAD:NONE]
                _, first, last = max(_runs((strengths + alike.max(axis=1)).tolist(), telling, words))
            shown = [_clause(words, first, last)]
        hurts |= emotion.hurts
        runs += [(emotion, *run) for run in shown]
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


def _runs(strengths: Sequence[float], telling: Sequence[int], words: Sequence[str]) -> list[tuple[float, int, int]]:
    """Answer the runs of words whose evidence is near the strongest, the best ones, in the order of the text.

    ``telling`` are the words that can show anything, one for each of ``strengths``. Each run with its strength, its
    first word and its last. No run goes over the end of a clause.
    """
    most = max(strengths)
    if not words[telling[strengths.index(most)]][0].isalnum():
        # An emoji speaks louder than words and explains less: what is enough is told by the words, where there are any.
        said = [strength for strength, word in zip(strengths, telling, strict=True) if words[word][0].isalnum()]
        most = max(said, default=most)
    enough = most - NEAR
    runs: list[tuple[float, int, int]] = []
    for strength, word in zip(strengths, telling, strict=True):
        if strength < enough:
            continue
        if (
            runs
            and word - runs[-1][2] <= 1 + APART_MAX
            and not any(_parts(words, between) for between in range(runs[-1][2] + 1, word))
        ):
            most, first, _ = runs[-1]
            runs[-1] = (max(most, strength), first, word)
        else:
            runs.append((strength, word, word))
    if len(runs) > SPANS_MAX:
        runs = sorted(sorted(runs, reverse=True)[:SPANS_MAX], key=itemgetter(1))
    return runs


def _clear(
    runs: Sequence[tuple[float, int, int]], words: Sequence[str], little: Sequence[bool]
) -> list[tuple[int, int]]:
    """Answer what is shown of the runs that speak clearly, as first word and last of each; what overlaps is one.

    A run that ends with a word that turns what follows is shown with its clause.
    """
    found: list[tuple[int, int]] = []
    for strength, start, end in runs:
        if strength < CLEAR:
            continue
        first, last = _widened(words, little, start, end)
        if _turns(words[last]):
            first, last = _clause(words, start, end)
        if found and first <= found[-1][1]:
            first, last = min(first, found[-1][0]), max(last, found.pop()[1])
        found.append((first, last))
    return found


def _clause(words: Sequence[str], start: int, end: int) -> tuple[int, int]:
    """Answer the run from ``start`` to ``end`` with what stands around it in its clause, but the word that joins it."""
    first, last = start, end
    low, high = max(start - CLAUSE_WORDS_MAX, 0), min(end + CLAUSE_WORDS_MAX, len(words) - 1)
    while first > low and not _parts(words, first - 1) and not turning(words, first):
        first -= 1
    while last < high and not _parts(words, last + 1) and not turning(words, last + 1):
        last += 1
    if first < start and (words[first] == "and" or turning(words, first)):
        first += 1
    return first, last


def _parts(words: Sequence[str], at: int) -> bool:
    """Say whether word ``at`` is a mark between two clauses; one inside a number is none."""
    word = words[at]
    if word[0].isalnum() or (MARKS.isdisjoint(word) and not any(dash in word for dash in DASHES)):
        return False
    inside = word in NUMBER_MARKS and 0 < at < len(words) - 1 and words[at - 1].isdigit() and words[at + 1].isdigit()
    return not inside


def _widened(words: Sequence[str], little: Sequence[bool], first: int, last: int) -> tuple[int, int]:
    """Answer the run with what it is said of behind it ("nice big ink tanks"), and with what bends it before.

    A particle behind it ("spot on") is taken where nothing follows that it could lead to.
    """
    if first == last and first and not little[first - 1] and words[first - 1][0].isalnum():
        first -= 1
    end = min(last + 1 + NEIGHBOURS_MAX, len(words))
    while last + 1 < end and not little[last + 1] and words[last + 1][0].isalnum():
        last += 1
    while first and _turns(words[first - 1]):
        first -= 1
    particle = last + 1 < len(words) and words[last + 1] in PARTICLES and not _turns(words[last])
    if particle and all(little[last + 2 : last + 3]):
        last += 1
    return first, last


def _turns(word: str) -> bool:
    """Say whether ``word`` turns or stresses what follows it."""
    return word in BENDS or word.endswith(("n't", "n’t"))


def _tells(word: str) -> bool:
    """Say whether ``word``, which has more in it than letters, can show anything: a word or an emoji can."""
    if word.isascii():
        return word[0].isalnum()
    return any(category(sign)[0] in "LNS" for sign in word)  # an emoji is a symbol, a dash is none
