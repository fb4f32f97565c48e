"""Where in a text an emotion shows.

The network answers for each piece of a word how much it speaks for each emotion. What speaks for it nearly as much as
the place that speaks most is shown: neighbours together, whole words. Little words show nothing by themselves; what is
shown takes in what it is said of behind it ("nice big ink tanks") and the words before it that turn or stress it. Where
no word speaks clearly ("it opens on its own") it is the clause that shows, not the word of it that happens to speak
most. Where none speaks for the emotion at all, that clause is where it and any other that is good, or bad, to feel
likewise speak most together. Two emotions may show in one place.
"""

from collections.abc import Sequence
from operator import itemgetter
from typing import Final
from unicodedata import category

import numpy as np

from pipeline.domain.aspects import turning
from pipeline.domain.emotions import EMOTIONS, Emotion
from pipeline.domain.lower import lowered
from pipeline.domain.reading import Span
from pipeline.readers.verdict import NONE, SAD, Array

NEAR: Final = 1.5  # how far below the strongest evidence (in logarithms of odds) a place is still shown
APART_MAX: Final = 1  # words between two places that are shown together
SPANS_MAX: Final = 2  # of one emotion
RUN_WORDS_MAX: Final = 40  # (and signs) that are shown together
CLEAR: Final = 0.5  # strength (the logarithm of odds) from which words show an emotion by themselves
FAINT: Final = -1.0  # from which their clause shows it
NEIGHBOURS_MAX: Final = 3  # words shown behind those that speak clearly
CLAUSE_WORDS_MIN: Final = 2  # of a clause that is shown alone
CLAUSE_WORDS_MAX: Final = 20  # (and signs) of a clause that are shown on each side of what speaks most in it
MARKS: Final = frozenset(".,;:!?…()\n—–")  # end a clause
SOFT_MARKS: Final = frozenset(",;:(—–")  # end a clause but no sentence
DASHES: Final = "--"  # as this does
NUMBER_MARKS: Final = frozenset(".,:")  # stand inside numbers as well
_BENDS: Final = "barely cannot extremely hardly never no nobody not nothing really so still too very without"
BENDS: Final = frozenset(_BENDS.split())
_LITTLE: Final = (
    "a about all also am an and any are as at be because been being but by can could did do does for from had has have "
    "he her here him his how i i'm if in into is it it's its just may me might much my of on one only or other our out "
    "she should some such than that that's the their them then there there's these they they're this those to up us "
    "was we we're were what when where which who why will with would you you're your"
)
LITTLE: Final = BENDS.union(_LITTLE.split(), _LITTLE.replace("'", "’").split())
PARTICLES: Final = frozenset({"down", "off", "on", "out", "up"})  # belong to the word before: spot on, let down
Run = tuple[float, int, int]  # the strength of the evidence, the first word and the last


def spans(
    text: str, words: Sequence[str], ids: Sequence[Sequence[int]], places: Array, emotions: Sequence[int]
) -> tuple[Span, ...]:
    """Answer where each of ``emotions``, the primary one first, shows in ``text``.

    ``words`` are those of ``text``, ``ids`` the pieces of each, ``places`` the evidence: a row a piece, one at least.
    Every emotion is shown that has some; the primary one, and the first that hurts, in any case; the first that is good
    to feel where words speak clearly for one like it.
    """
    if "\n" in text:
        words, ids = _lines(lowered(text), words, ids)
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
    shown: list[tuple[Emotion, int, int]] = []
    felt: set[bool] = set()  # whether what is shown hurts
    for number in emotions:
        emotion, strengths = EMOTIONS[number], said[:, number].tolist()
        if max(strengths) >= FAINT:
            runs = _runs(strengths, telling, words)
            strength, first, last = _strongest(runs, words)
            found = _clear(runs, words, little) if strength >= CLEAR else [_clause(words, first, last)]
        elif emotion.hurts not in felt and (emotion.hurts or not felt or said[:, SAD:NONE].max() >= CLEAR):
            found = [_guessed(said, number, telling, words, shown)]
        else:
            continue
        felt.add(emotion.hurts)
        shown += [(emotion, *run) for run in found]
    where = _places(lowered(text), words[: 1 + max((last for _, _, last in shown), default=-1)])
    return tuple(
        [
            Span.made({"start": where[first][0], "end": where[last][1], "emotion": emotion, "topic": None})
            for emotion, first, last in shown
        ]
    )


def _guessed(
    said: Array, number: int, telling: Sequence[int], words: Sequence[str], shown: Sequence[tuple[Emotion, int, int]]
) -> tuple[int, int]:
    """Answer the clause that most likely shows an emotion for which no word speaks, one that shows no other if it can.

    What speaks for others that are as good, or bad, to feel helps to find it, what speaks for the opposite hinders.
    """
    sides = np.maximum.reduceat(said[:, :NONE], (0, SAD), axis=1)  # the most for what hurts, for what is good
    alike, other = (0, 1) if EMOTIONS[number].hurts else (1, 0)
    strengths = (said[:, number] + sides[:, alike] - np.maximum(sides[:, other], FAINT)).tolist()
    if shown:
        taken = [_clause(words, first, last) for _, first, last in shown]
        free = [row for row, word in enumerate(telling) if not any(first <= word <= last for first, last in taken)]
        if free:
            strengths, telling = [strengths[row] for row in free], [telling[row] for row in free]
    _, first, last = _strongest(_runs(strengths, telling, words), words)
    return _clause(words, first, last)


def _lines(
    lower: str, words: Sequence[str], ids: Sequence[Sequence[int]]
) -> tuple[Sequence[str], Sequence[Sequence[int]]]:
    """Answer the words and their pieces with a word without pieces for each end of a line between two of them."""
    several: list[str] = []
    pieces: list[Sequence[int]] = []
    before = 0
    for word, own, (start, end) in zip(words, ids, _places(lower, words), strict=True):
        if several and "\n" in lower[before:start]:
            several.append("\n")
            pieces.append(())
        several.append(word)
        pieces.append(own)
        before = end
    return several, pieces


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


def _runs(strengths: Sequence[float], telling: Sequence[int], words: Sequence[str]) -> list[Run]:
    """Answer the runs of words whose evidence is near the strongest, the best ones, in the order of the text.

    ``telling`` are the words that can show anything, one for each of ``strengths``. No run goes over the end of a
    clause.
    """
    most = max(strengths)
    if not words[telling[strengths.index(most)]][0].isalnum():
        # An emoji speaks louder than words and explains less: what is enough is told by the words, where there are any.
        spoken = [strength for strength, word in zip(strengths, telling, strict=True) if words[word][0].isalnum()]
        most = max(spoken, default=most)
    enough = most - NEAR
    runs: list[Run] = []
    for strength, word in zip(strengths, telling, strict=True):
        if strength < enough:
            continue
        if runs and word - runs[-1][2] <= 1 + APART_MAX and word - runs[-1][1] < RUN_WORDS_MAX:
            loudest, first, last = runs[-1]
            if word == last or not (_parts(words, last) or any(_ends(words, at) for at in range(last + 1, word + 1))):
                runs[-1] = (max(loudest, strength), first, word)
                continue
        runs.append((strength, word, word))
    if len(runs) > SPANS_MAX:
        runs = sorted(sorted(runs, key=itemgetter(0), reverse=True)[:SPANS_MAX], key=itemgetter(1))
    return runs


def _strongest(runs: Sequence[Run], words: Sequence[str]) -> Run:
    """Answer the run that speaks most, the first of equals; an emoji only where no word says anything."""
    best = max(runs, key=itemgetter(0))
    if words[best[1]][0].isalnum():
        return best
    spoken = [run for run in runs if words[run[1]][0].isalnum() and run[0] >= FAINT]
    return max(spoken, key=itemgetter(0), default=best)


def _clear(runs: Sequence[Run], words: Sequence[str], little: Sequence[bool]) -> list[tuple[int, int]]:
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
    """Answer the run from ``start`` to ``end`` with what stands around it in its clause, but the word that joins it.

    A clause of one word ("third: …") says little, and is shown with the one behind it in its sentence.
    """
    first, last = start, end
    low, high = max(start - CLAUSE_WORDS_MAX, 0), min(end + CLAUSE_WORDS_MAX, len(words) - 1)
    while first > low and not _parts(words, first - 1) and not turning(words, first):
        first -= 1
    while last < high and not _parts(words, last) and not _ends(words, last + 1):
        last += 1
    if last - first < CLAUSE_WORDS_MIN - 1 and last + 2 <= high and words[last + 1] in SOFT_MARKS:
        last += 2
        while last < high and not _parts(words, last) and not _ends(words, last + 1):
            last += 1
    if first < start and (words[first] == "and" or turning(words, first)):
        first += 1
    return first, last


def _ends(words: Sequence[str], at: int) -> bool:
    """Say whether the clause before word ``at`` ends there."""
    return _parts(words, at) or turning(words, at)


def _parts(words: Sequence[str], at: int) -> bool:
    """Say whether word ``at`` is a mark between two clauses, or an emoji with one; one inside a number is none."""
    word = words[at]
    if word[0].isalnum() or (MARKS.isdisjoint(word) and DASHES not in word):
        return False
    inside = word in NUMBER_MARKS and 0 < at < len(words) - 1 and words[at - 1].isdigit() and words[at + 1].isdigit()
    return not inside


def _widened(words: Sequence[str], little: Sequence[bool], first: int, last: int) -> tuple[int, int]:
    """Answer the run with what it is said of behind it, and with what bends it before; one word with the one before.

    A particle behind it ("spot on") is taken where nothing follows that it could lead to.
    """
    if first == last and first and _says(words, little, first - 1):
        first -= 1
    low, end = max(first - RUN_WORDS_MAX, 0), 0 if _parts(words, last) else min(last + 1 + NEIGHBOURS_MAX, len(words))
    while last + 1 < end and _says(words, little, last + 1):
        last += 1
    while first > low and _turns(words[first - 1]):
        first -= 1
    if last + 1 < len(words) and words[last + 1] in PARTICLES and not _turns(words[last]):
        leads = last + 2 < len(words) and words[last + 2][0].isalnum() and not little[last + 2]
        last += not leads
    return first, last


def _says(words: Sequence[str], little: Sequence[bool], at: int) -> bool:
    """Say whether word ``at`` may stand beside what speaks: a word, no little one, none that turns what follows."""
    return not (little[at] or not words[at][0].isalnum() or _turns(words[at]) or turning(words, at))


def _turns(word: str) -> bool:
    """Say whether ``word`` turns or stresses what follows it."""
    return word in BENDS or word.endswith(("n't", "n’t"))


def _tells(word: str) -> bool:
    """Say whether ``word``, which has more in it than letters, can show anything: a word or an emoji can."""
    if word.isascii():
        return word[0].isalnum()
    return any(category(sign)[0] in "LNS" for sign in word)  # an emoji is a symbol, a dash is none
