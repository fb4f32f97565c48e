"""Valence after VADER: the scores of vaderSentiment 3.3.2 to the last digit, in linear time.

VADER (Hutto and Gilbert, ICWSM 2014) sums the valence of the words that its lexicon knows, each bent by the
three words before it and the two after it (boosters, negations, a few idioms), halves what stands before
the first "but", raises what stands after it, and squashes the sum. The library lowercases the whole text
again for every word that it weighs, and looks each score up in the list of all scores, which makes it
quadratic (vaderSentiment issue 110).

Here words fall into a few hundred kinds: two words of one kind are interchangeable in every rule. A kind is
written as one character, so a text becomes a string of kinds, and the score of a word is a function of its own
character and the three before it; of a few words ("no", "kind", those that begin an idiom) of the two after it,
too. It is worked out once, by the library's arithmetic in the library's order of operations because the last
digit depends on it, and remembered. What is left for each word is a look-up.

Two oddities of the library are kept. Its "but" step finds the score to change by value, so that of equal
scores the first one changes, wherever it stands: :func:`_contrast` does the same with a heap for each value.
And an emoji becomes its description with a space before it and none after it, so that ``😡great`` reads
``pouting facegreat``.
"""

import re
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from functools import cache
from heapq import heapify, heappop, heappush
from math import sqrt
from string import punctuation
from typing import Any, Final, NamedTuple

from pipeline.domain.errors import Misconfigured

WORDS_KEPT_MAX: Final = 65_536  # words remembered before all are forgotten
WORD_CHARS_MAX: Final = 48  # longer words are looked at each time
CONTEXTS_KEPT_MAX: Final = 65_536  # scores remembered before all are forgotten

_CAPITALS: Final = 0.733
_NEGATED: Final = -0.74
_FADING: Final = (1.0, 0.95, 0.9)  # of a booster one, two and three words before
_BEFORE: Final = 3  # words before one that bend it
_AFTER: Final = 2  # words after one that bend it
_CONTEXT, _CONTEXT_AHEAD = _BEFORE + 1, _BEFORE + 1 + _AFTER  # words that decide a score; few heed those after them
_NOTHING: Final = " "  # the kind of what stands before the first word and after the last one
_NO_BEFORE, _NO_AFTER = _NOTHING * _BEFORE, _NOTHING * _AFTER
# Where the characters of kinds start: those that the lexicon weighs high, those of them that heed what follows
# highest; in each of the three, those in capitals come first.
_PLAIN_UPPER, _PLAIN, _WEIGHED_UPPER, _WEIGHED, _AHEAD_UPPER, _AHEAD = 0x100, 0x800, 0x1000, 0x4000, 0x8000, 0xA000
_ANY_WEIGHED: Final = re.compile(f"[{chr(_WEIGHED_UPPER)}-\ud7ff]")
_NOT_UPPER: Final = re.compile(
    f"[{chr(_PLAIN)}-{chr(_WEIGHED_UPPER - 1)}{chr(_WEIGHED)}-{chr(_AHEAD_UPPER - 1)}{chr(_AHEAD)}-\ud7ff]"
)
_HEEDS: Final = chr(_AHEAD_UPPER)
_RULED: Final = frozenset({"no", "or", "nor", "never", "so", "this", "without", "doubt", "least", "at", "very", "but"})


class Kind(NamedTuple):
    """All that the rules ask of a word. ``lower`` is the word where a rule or idiom names it, else empty."""

    lower: str = ""
    listed: bool = False
    valence: float = 0.0
    booster: float = 0.0
    negates: bool = False
    upper: bool = False


NOT_ASCII: Final = re.compile("[^\x00-\x7f]+")


class Lexicon(dict[str, str]):
    """Words as they stand in a text → the character of their kind; learns a word when it is first asked."""

    def __init__(
        self,
        valences: Mapping[str, float],
        emojis: Mapping[str, str],
        boosters: Mapping[str, float],
        negations: Sequence[str],
        idioms: Mapping[str, float],
    ) -> None:
        super().__init__()
        self.valences = valences
        self.emojis = {ord(emoji): f" {said}" for emoji, said in emojis.items() if len(emoji) == 1}
        self.drawn = frozenset(map(chr, self.emojis))
        self.boosters = boosters
        self.negations = frozenset(negations)
        self.idioms = {tuple(phrase.split()): valence for phrase, valence in idioms.items() if " " in phrase}
        self.pushes = {tuple(phrase.split()): push for phrase, push in boosters.items() if " " in phrase}
        self.named = _RULED.union(*self.idioms, *self.pushes)
        self.heeding = {"kind", "no"}.union(phrase[0] for phrase in self.idioms)
        self.notable = self.named.union(valences, boosters, negations)
        self.kinds: dict[str, Kind] = {_NOTHING: Kind()}
        self.characters: dict[Kind, str] = {}
        self.beside: dict[int, str] = {}  # a word's valence means nothing to its neighbours: how they see it
        self.bending: set[str] = set()  # kinds that a rule heeds for more than their valence
        self.plain = (self._character(Kind()), self._character(Kind(upper=True)))
        self.but, self.shouted_but = self["but"], self["BUT"]
        self.scores = Scores(self)

    def __missing__(self, token: str) -> str:
        """Learn ``token``."""
        stripped = token.strip(punctuation)
        word = token if len(stripped) <= 2 else stripped
        lower = word.lower()
        if lower in self.notable or "n't" in lower:
            kind = Kind(
                lower=lower if lower in self.named else "",
                listed=lower in self.valences,
                valence=self.valences.get(lower, 0.0),
                booster=self.boosters.get(lower, 0.0),
                negates=lower in self.negations or "n't" in lower,
                upper=word.isupper(),
            )
            character = self._character(kind)
        else:
            character = self.plain[word.isupper()]
        if len(token) <= WORD_CHARS_MAX:
            if len(self) >= WORDS_KEPT_MAX:
                self.clear()
            self[token] = character
        return character

    def _character(self, kind: Kind) -> str:
        character = self.characters.get(kind)
        if character is None:
            start = (_PLAIN, _PLAIN_UPPER)
            if kind.listed and not kind.booster:
                start = (_AHEAD, _AHEAD_UPPER) if kind.lower in self.heeding else (_WEIGHED, _WEIGHED_UPPER)
            character = chr(start[kind.upper] + len(self.kinds))
            self.kinds[character] = kind
            self.characters[kind] = character
            if kind.lower or kind.booster or kind.negates or kind.upper:
                self.bending.add(character)
            if kind.valence:
                self.beside[ord(character)] = self._character(kind._replace(valence=0.0))
        return character

    def told(self, text: str) -> str:
        """Answer ``text`` with its emoji told by their descriptions (two of which bring a "!" of their own)."""
        if text.isascii() or self.drawn.isdisjoint("".join(NOT_ASCII.findall(text))):
            return text
        return NOT_ASCII.sub(lambda run: run[0].translate(self.emojis), text)


class Scores(dict[str, "float | tuple[float, float]"]):
    """Three kinds before a word, its own and, where it heeds them, two after it → its score, bent by its neighbours.

    Where capitals matter the score is a pair: that in a text without a difference of capitals, and that in
    a text where some words, but not all, are in capitals.
    """

    def __init__(self, known: Lexicon) -> None:
        super().__init__()
        self.known = known

    def __missing__(self, context: str) -> float | tuple[float, float]:
        """Answer the score of the fourth word of ``context``, and keep it.

        It is worked out for the context in which the neighbours have no valence, since theirs does not count, and
        kept for both.
        """
        score: float | tuple[float, float]
        if self.known.bending.isdisjoint(context):
            score = self.known.kinds[context[_BEFORE]].valence
        else:
            seen = context.translate(self.known.beside)
            seen = f"{seen[:_BEFORE]}{context[_BEFORE]}{seen[_BEFORE + 1 :]}"
            score = self._worked_out(context) if seen == context else self[seen]
        if len(self) >= CONTEXTS_KEPT_MAX:
            self.clear()
        self[context] = score
        return score

    def _worked_out(self, context: str) -> float | tuple[float, float]:
        before, here, after = context[:_BEFORE].lstrip(_NOTHING), context[_BEFORE], context[_BEFORE + 1 :]
        words = [self.known.kinds[character] for character in f"{before}{here}{after.rstrip(_NOTHING)}"]
        score: float | tuple[float, float] = (flat := _bent(words, len(before), False, self.known))
        if any(word.upper and (word.booster or word.listed) for word in words):
            score = (flat, _bent(words, len(before), True, self.known))
        return score


@cache
def lexicon() -> Lexicon:
    """Answer the lexicon of the installed library, read once. Raises Misconfigured where it is missing.

    It learns as it is asked: one thread at a time.
    """
    try:
        from vaderSentiment import vaderSentiment as vader  # noqa: N813
    except ImportError as error:
        raise Misconfigured("vaderSentiment is missing: pip install 'heartline[worker]'") from error
    library = vader.SentimentIntensityAnalyzer()
    return Lexicon(library.lexicon, library.emojis, vader.BOOSTER_DICT, vader.NEGATE, vader.SPECIAL_CASES)


def polarity_scores(text: str) -> dict[str, float]:
    """Answer ``neg``, ``neu``, ``pos`` (shares, 0…1) and ``compound`` (-1…1) of ``text``.

    Equal to ``SentimentIntensityAnalyzer().polarity_scores(text)`` of vaderSentiment 3.3.2 for every text.
    """
    count, scores, emphasis = _heard(text)
    if not scores:
        return {"neg": 0.0, "neu": 1.0 if count else 0.0, "pos": 0.0, "compound": 0.0}
    glad = sad = 0.0
    for score in scores:
        if score > 0:
            glad += score + 1
        else:
            sad += 1 - score
    neutral = count - len(scores)
    if emphasis and glad != sad:
        if glad > sad:
            glad += emphasis
        else:
            sad += emphasis
    total = glad + sad + neutral
    return {
        "neg": round(sad / total, 3) if sad else 0.0,
        "neu": round(neutral / total, 3) if neutral else 0.0,
        "pos": round(glad / total, 3) if glad else 0.0,
        "compound": round(_squashed(sum(scores), emphasis), 4),
    }


def compound(text: str) -> float:
    """Answer the ``compound`` of :func:`polarity_scores`, not rounded."""
    _, scores, emphasis = _heard(text)
    return _squashed(sum(scores), emphasis) if scores else 0.0


def _heard(text: str) -> tuple[int, list[float], float]:
    """Answer how many words ``text`` has, the scores that are not zero in the order of their words, the emphasis."""
    known = lexicon()
    if not text.isascii():
        text = known.told(text)
    kinds = "".join(map(known.__getitem__, text.split()))
    places = [found.start() for found in _ANY_WEIGHED.finditer(kinds)]
    if not places:
        return len(kinds), [], 0.0
    around, scored = f"{_NO_BEFORE}{kinds}{_NO_AFTER}", known.scores
    scores: list[Any] = [
        scored[around[place : place + (_CONTEXT if kinds[place] < _HEEDS else _CONTEXT_AHEAD)]] for place in places
    ]
    if tuple in map(type, scores):  # some word is in capitals, so what is asked is whether another one is not
        differs = _NOT_UPPER.search(kinds) is not None
        scores = [score[differs] if type(score) is tuple else score for score in scores]
    if 0.0 in scores:
        places = [place for place, score in zip(places, scores, strict=True) if score]
        scores = [score for score in scores if score]
    if known.but in kinds or known.shouted_but in kinds:
        buts = [but for but in (kinds.find(known.but), kinds.find(known.shouted_but)) if but >= 0]
        scores = _contrast(scores, bisect_left(places, min(buts)))
    return len(kinds), scores, _emphasis(text) if "!" in text or "?" in text else 0.0


def _bent(words: Sequence[Kind], place: int, differs: bool, known: Lexicon) -> float:
    """Answer the valence of the word at ``place`` after its neighbours have bent it."""
    word = words[place]
    valence = _told_no(words, place)
    if valence is None:
        return 0.0
    if word.upper and differs:
        valence += _CAPITALS if valence > 0 else -_CAPITALS
    for back in range(1, min(place, _BEFORE) + 1):
        before = words[place - back]
        if before.listed:
            continue
        if before.booster:
            push = -before.booster if valence < 0 else before.booster
            if before.upper and differs:
                push += _CAPITALS if valence > 0 else -_CAPITALS
            valence += push * _FADING[back - 1]
        valence = _negated(valence, words, place, back)
        if back == _BEFORE:
            valence = _idiomatic(valence, [kind.lower for kind in words], place, known)
    if place and words[place - 1].lower == "least" and (place == 1 or words[place - 2].lower not in {"at", "very"}):
        valence *= _NEGATED
    return valence


def _told_no(words: Sequence[Kind], place: int) -> float | None:
    """Answer the valence of the lexicon, negated by a "no" before; None for the "kind" of "kind of"."""
    word = words[place]
    after = words[place + 1] if place + 1 < len(words) else Kind()
    if word.lower == "kind" and after.lower == "of":
        return None
    before = [kind.lower for kind in reversed(words[max(0, place - _BEFORE) : place])]
    if "no" in before[:2] or (before[2:] == ["no"] and before[0] in {"or", "nor"}):
        return word.valence * _NEGATED
    return 0.0 if word.lower == "no" and after.listed else word.valence


def _negated(valence: float, words: Sequence[Kind], place: int, back: int) -> float:
    """Answer the valence after the word ``back`` places before has negated it, or not."""
    word = words[place - back]
    between = [kind.lower for kind in words[place - back + 1 : place]]
    # The library's "and" binds before its "or": three words back, "so" or "this" right before is enough.
    stressed = {"so", "this"}
    if (word.lower == "never" and between[:1] and between[0] in stressed) or (back == 3 and between[1] in stressed):
        return valence * 1.25
    if word.lower == "without" and "doubt" in between:
        return valence
    return valence * _NEGATED if word.negates else valence


def _idiomatic(valence: float, words: Sequence[str], place: int, known: Lexicon) -> float:
    """Answer the valence after the idioms around the word ("the bomb", "kind of") have been heard."""
    three, two, one, here = words[place - 3 : place + 1]
    ahead, idioms, pushes = words[place + 1 :], known.idioms, known.pushes
    for phrase in ((one, here), (two, one, here), (two, one), (three, two, one), (three, two)):
        if phrase in idioms:
            valence = idioms[phrase]
            break
    for length in range(1, len(ahead) + 1):
        valence = idioms.get((here, *ahead[:length]), valence)
    for phrase in ((three, two, one), (three, two), (two, one)):
        valence += pushes.get(phrase, 0.0)
    return valence


def _contrast(scores: Sequence[float], but: int) -> list[float]:
    """Halve the first ``but`` scores, those before the "but", and raise the others by half.

    Of equal scores the first changes.
    """
    changed = [score * 0.5 for score in scores[:but]] + [score * 1.5 for score in scores[but:]]
    if set(changed).isdisjoint(scores):  # then whichever has its turn is the first of those that are equal to it
        return changed
    now = list(scores)
    ranks: dict[float, list[int]] = {}  # score → heap of the ranks that have it now
    for rank, score in enumerate(now):
        ranks.setdefault(score, []).append(rank)
    for heap in ranks.values():
        heapify(heap)
    for rank in range(len(now)):
        score = now[rank]
        first = heappop(ranks[score])
        now[first] = score * (0.5 if first < but else 1.5)
        heappush(ranks.setdefault(now[first], []), first)
    return now


def _emphasis(text: str) -> float:
    """Answer what exclamation and question marks add."""
    questions = text.count("?")
    asked = 0.96 if questions > 3 else questions * 0.18 if questions > 1 else 0
    return min(text.count("!"), 4) * 0.292 + asked


def _squashed(total: float, emphasis: float) -> float:
    """Answer ``total``, moved away from zero by ``emphasis``, on the scale -1…1."""
    total += emphasis if total > 0 else -emphasis if total < 0 else 0.0
    return total / sqrt(total * total + 15)
