"""The cue reader: names emotions by a table of cues, and shows them.

A text is cut into words once. Each word leads into a trie of cues; the longest cue that starts at a word is
taken, a negation up to three words before turns it, a booster strengthens it. What was found is counted for
each emotion, beside VADER's valence and the cues of effort, success and action, and linear heads weigh the
counts: which emotion comes first, how likely the person is hurt, the valence, what to do. An emotion is only
named where a cue shows it. The work is linear in the text: every word is looked up once and a cue has few
words.
"""

import re
from collections.abc import Sequence
from functools import cache
from math import log1p
from typing import Final, NamedTuple

from pipeline.domain.emotions import EMOTIONS, Emotion
from pipeline.domain.limits import TEXT_CHARS_MAX
from pipeline.domain.reading import Action, Effort, Felt, Reading, Span, Success
from pipeline.readers import heads as fitted
from pipeline.readers.heads import Feature, Heads, heads
from pipeline.readers.table import (
    BOOSTS,
    BREAKS,
    DAMPENS,
    ENDS,
    LANES,
    MOCKS,
    NEGATES,
    Cue,
    Node,
    Table,
    Token,
    table,
)
from pipeline.readers.valence import compound

NEGATION_WORDS_MAX: Final = 3  # words between a negation and the cue that it turns
SPANS_MAX: Final = 12  # spans shown of one text
NAMED_FROM: Final = 0.12  # an emotion beside the primary one is named from this probability
REVIEW_UNDER: Final = 0.3  # a primary emotion less probable than this is for people to look at
FOREIGN_WORDS_MIN: Final = 2  # words of another language before a text counts as not English
WORDS_JUDGED_MIN: Final = 6  # words without a single English one that make a text not English

TOKENS: Final = re.compile("[\\w']+|[.!?;,\n]+|[:;]-?[()]|[\u2190-\u2bff\U0001f000-\U0001faff]")
_SAD: Final = 8  # the first eight emotions hurt
_PLEASED: Final = EMOTIONS.index(Emotion.PLEASED)
_IRRITATED: Final = EMOTIONS.index(Emotion.IRRITATED)
_NONE: Final = len(EMOTIONS)

# Places of the features: cues of each emotion, negated cues of each, lanes, and what follows.
_NEGATED_FROM: Final = len(EMOTIONS)
_LANES_FROM: Final = 2 * len(EMOTIONS)
COMPOUND, STIRRED, _LENGTH, _ASKS, _SHOUTS, _SADDEST, _GLADDEST = range(
    _LANES_FROM + len(LANES), _LANES_FROM + len(LANES) + 7
)
FEATURES: Final = _GLADDEST + 1


class Hit(NamedTuple):
    """A cue in a text: its words from ``start`` to ``end`` (exclusive), and what it shows."""

    start: int
    end: int
    emotion: int
    strength: int
    negated: bool
    sentence: int


class Found(NamedTuple):
    """All that was found in a text."""

    hits: list[Hit]
    lanes: list[int]  # places in LANES, once for each cue
    english: int
    foreign: int


class CueReader:
    """Reads English feedback by a table of cues. Implements the Reader port."""

    name = "cues/1"

    def __init__(self) -> None:
        self._table: Table = table()
        self._heads: Heads = heads()

    def read(self, texts: Sequence[str]) -> list[Reading]:
        """Answer one reading a text, in order. Pure; linear in the length of the texts; never raises."""
        return [self._read(text) for text in texts]

    def _read(self, text: str) -> Reading:
        truncated = len(text) > TEXT_CHARS_MAX
        if truncated:
            text = text[:TEXT_CHARS_MAX]
        lower = lowered(text)
        entries = list(map(self._table.__getitem__, TOKENS.findall(lower)))
        found = look(entries)
        if _unreadable(found, len(entries)):
            return Reading(understood=False, review=True, truncated=truncated, reader=self.name)
        outputs = self._heads.outputs(features(text, entries, found))
        negative = fitted.probability(outputs[fitted.NEGATIVE])
        probable = fitted.shares(outputs[fitted.PRIMARY])
        primary, named = _named(found.hits, probable, negative >= self._heads.hurt_from)
        spans = _spans(lower, found.hits, named)
        return Reading(
            emotions={
                EMOTIONS[place]: _felt(round(probable[place], 2), _intensity(found.hits, place, text))
                for place in named
            },
            primary=None if primary == _NONE else EMOTIONS[primary],
            valence=round(max(-1.0, min(1.0, outputs[fitted.VALENCE])), 3),
            negative=round(negative, 3),
            success=fitted.likeliest(fitted.SUCCESSES, outputs[fitted.SUCCESS]),
            effort=fitted.likeliest(fitted.EFFORTS, outputs[fitted.EFFORT]),
            action=fitted.likeliest(fitted.ACTIONS, outputs[fitted.ACTION]),
            spans=spans,
            review=bool(named) and probable[primary] < REVIEW_UNDER,
            truncated=truncated,
            reader=self.name,
        )


def lowered(text: str) -> str:
    """Answer ``text`` in lower case, apostrophes straight, of the same length so that places stay true."""
    lower = text.lower()
    if lower.isascii():
        return lower
    if len(lower) != len(text):  # of all characters only İ grows
        lower = text.replace("İ", "I").lower()
    return lower.replace("’", "'")


def look(entries: Sequence[Token]) -> Found:
    """Find the cues among the words of a text."""
    hits: list[Hit] = []
    lanes: list[int] = []
    free = sentence = 0
    for at, entry in enumerate(entries):
        if not entry[0]:
            continue
        if entry.bits & ENDS:
            sentence += 1
        ends: list[tuple[int, Cue]] = []
        for node in entry.starts:
            _walk(node, at + 1, entries, ends)
        longest: tuple[int, Cue] | None = None
        for found in ends:
            lanes += found[1].lanes
            if found[1].emotions and (longest is None or found[0] > longest[0]):
                longest = found
        if longest is not None and at >= free:
            free = longest[0]
            negated, stronger = _bend(entries, at)
            for emotion, strength in longest[1].emotions:
                hits.append(Hit(at, free, emotion, max(1, strength + stronger), negated, sentence))
    tongues = [entry[3] for entry in entries]
    return Found(_heard(hits, entries), lanes, tongues.count(1), tongues.count(-1))


def _walk(node: Node, at: int, entries: Sequence[Token], found: list[tuple[int, Cue]]) -> None:
    """Add every cue that goes on from ``node`` at the word ``at``, with the word after it."""
    if node.cue is not None:
        found.append((at, node.cue))
    following = node.next
    if not following or at >= len(entries):
        return
    for key in entries[at].keys:
        if key in following:
            _walk(following[key], at + 1, entries, found)
    if "_" in following and not entries[at].bits & BREAKS:
        _walk(following["_"], at + 1, entries, found)


def _bend(entries: Sequence[Token], at: int) -> tuple[bool, int]:
    """Answer whether the words before ``at`` negate it, and how much stronger the one before makes it."""
    if not at:
        return False, 0
    before = entries[at - 1].bits
    stronger = 1 if before & BOOSTS else -1 if before & DAMPENS else 0
    for place in range(at - 1, max(-1, at - 1 - NEGATION_WORDS_MAX), -1):
        bits = entries[place].bits
        if bits & BREAKS:
            return False, stronger
        if bits & NEGATES:
            return True, stronger
    return False, stronger


def _heard(hits: list[Hit], entries: Sequence[Token]) -> list[Hit]:
    """Hear the mockery in "Great, another delay.": praise alone before a stop, then only hurt."""
    mocking = [
        hit
        for hit in hits
        if entries[hit.start].bits & MOCKS
        and hit.end < len(entries)
        and entries[hit.end].bits & BREAKS
        and (not hit.start or entries[hit.start - 1].bits & ENDS)
    ]
    if len(mocking) != 1 or mocking[0].start:
        return hits
    rest = hits[1:]
    if not rest or any((hit.emotion >= _SAD) != hit.negated for hit in rest):
        return hits
    return [mocking[0]._replace(emotion=_IRRITATED, strength=2), *rest]


def _unreadable(found: Found, words: int) -> bool:
    """Whether the words are clearly not English."""
    if found.foreign >= FOREIGN_WORDS_MIN and found.foreign > found.english:
        return True
    return not found.english and not found.hits and (found.foreign > 0 or words >= WORDS_JUDGED_MIN)


def features(text: str, entries: Sequence[Token], found: Found) -> list[Feature]:
    """Answer the features that are not zero: how many cues of each kind, and what stands beside them."""
    counts: dict[int, int] = {}
    moods: dict[int, int] = {}  # sentence → strength of its glad cues less that of its sad ones
    for _, _, emotion, strength, negated, sentence in found.hits:
        place = emotion + _NEGATED_FROM if negated else emotion
        counts[place] = counts.get(place, 0) + strength
        glad = (emotion >= _SAD) != negated
        moods[sentence] = moods.get(sentence, 0) + (strength if glad else -strength)
    for lane in found.lanes:
        counts[_LANES_FROM + lane] = counts.get(_LANES_FROM + lane, 0) + 1
    if moods:
        counts[_SADDEST] = -min(moods.values())
        counts[_GLADDEST] = max(moods.values())
    counts[_LENGTH] = len(entries)
    counts[_SHOUTS] = text.count("!")
    valence = round(100 * compound(text))
    told = [(place, min(count, COUNT_MAX)) for place, count in counts.items() if count > 0]
    return [*told, (COMPOUND, valence), (STIRRED, abs(valence)), (_ASKS, int("?" in text))]


def value(place: int, count: int) -> float:
    """Answer the value of a feature: the logarithm of a count, a share of hundredths."""
    return count / 100 if place in {COMPOUND, STIRRED} else log1p(count)


def _named(hits: Sequence[Hit], probable: list[float], hurt: bool) -> tuple[int, list[int]]:
    """Answer the primary emotion (or none) and up to three emotions, the primary one first.

    Only emotions that a cue shows come into question, and of those the primary one agrees with ``hurt``.
    """
    shown = {_shown(hit) for hit in hits}
    fitting = [place for place in shown if (place < _SAD) == hurt]
    primary = max((*fitting, *(() if hurt and fitting else (_NONE,))), key=probable.__getitem__)
    if primary == _NONE:
        return _NONE, []
    others = sorted((place for place in shown if place != primary), key=probable.__getitem__, reverse=True)
    return primary, [primary, *(place for place in others[:2] if probable[place] >= NAMED_FROM)]


def _shown(hit: Hit) -> int:
    """Answer the emotion that a cue shows, turned where it is negated."""
    if not hit.negated:
        return hit.emotion
    return _PLEASED if hit.emotion < _SAD else table().counter[hit.emotion]


def _intensity(hits: Sequence[Hit], emotion: int, text: str) -> int:
    """Answer the strength of the strongest cue, more where the writer shouts it."""
    strongest = max(1 if hit.negated else hit.strength for hit in hits if _shown(hit) == emotion)
    return max(1, min(3, strongest + ("!!" in text)))


def _spans(lower: str, hits: Sequence[Hit], named: Sequence[int]) -> tuple[Span, ...]:
    """Answer where the named emotions show; mild cues only of an emotion that has no better one."""
    if not named:
        return ()
    clear = {_shown(hit) for hit in hits if hit.strength > 1}
    telling = [hit for hit in hits if (shown := _shown(hit)) in named and (hit.strength > 1 or shown not in clear)][
        :SPANS_MAX
    ]
    last = max(hit.end for hit in telling)
    places: list[tuple[int, int]] = []
    for word in TOKENS.finditer(lower):
        places.append(word.span())
        if len(places) >= last:
            break
    return tuple(
        Span.model_construct(start=places[hit.start][0], end=places[hit.end - 1][1], emotion=EMOTIONS[_shown(hit)])
        for hit in telling
    )


@cache
def _felt(confidence: float, intensity: int) -> Felt:
    """Answer the one value for a confidence in hundredths and an intensity; 303 there are."""
    return Felt(confidence=confidence, intensity=intensity)
