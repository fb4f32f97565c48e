"""The cue reader: names emotions by a table of cues, and shows them.

A text is cut into words once. Each word leads into a trie of cues; the longest cue that starts at a word is
taken, a negation up to three words before turns it, a booster strengthens it. What was found is counted for
each emotion, beside VADER's valence and the cues of effort, success and action, and linear heads weigh the
counts: which emotion comes first, how likely the person is hurt, the valence, what to do. An emotion is only
named where a cue shows it. The work is linear in the text: every word is looked up once and a cue has few
words.
"""

import re
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import islice, pairwise
from typing import Final

from pipeline.domain.emotions import EMOTIONS
from pipeline.domain.limits import TEXT_CHARS_MAX
from pipeline.domain.reading import Felt, Reading, Span
from pipeline.readers import heads as fitted
from pipeline.readers.features import features
from pipeline.readers.hits import SAD, WORDS, Found, Hit, joined, look, lowered
from pipeline.readers.table import ENDS, Token, table

SPANS_MAX: Final = 12  # spans shown of one text
NAMED_FROM: Final = 0.12  # an emotion beside the primary one is named from this probability
NONE_OVER_HURT: Final = 2.0  # how much likelier "none" must be to be believed where the person seems hurt
REVIEW_UNDER: Final = 0.25  # a primary emotion less probable than this is for people to look at
LONG_WORDS_MIN: Final = 150  # words, stops included, from which a text is read in passages too
PASSAGE_WORDS_MIN: Final = 40  # words of a passage, which ends with a sentence
HURT_MIN: Final = 0.6  # probability from which a passage speaks for the whole text
FOREIGN_WORDS_MIN: Final = 2  # words of another language before a text counts as not English
WORDS_JUDGED_MIN: Final = 6  # words without a single English one that make a text not English

_LETTERS: Final = re.compile(r"[^\W\d_]")
_NONE: Final = len(EMOTIONS)


class CueReader:
    """Reads English feedback by a table of cues. Implements the Reader port."""

    name = "cues/1"

    def __init__(self) -> None:
        self._table = table()
        self._heads = fitted.heads()

    def read(self, texts: Sequence[str]) -> list[Reading]:
        """Answer one reading a text, in order. Pure; linear in the length of the texts; never raises."""
        return [self._read(text) for text in texts]

    def _read(self, text: str) -> Reading:
        truncated = len(text) > TEXT_CHARS_MAX
        if truncated:
            text = text[:TEXT_CHARS_MAX]
        lower = lowered(text)
        entries = list(map(self._table.__getitem__, WORDS.findall(lower)))
        parts = [(first, look(entries[first:last], self._table.turned)) for first, last in _passages(entries)]
        found = joined(parts) if len(parts) > 1 else parts[0][1]
        if _unreadable(found, len(entries)):
            return Reading(understood=False, review=True, truncated=truncated, reader=self.name)
        if not found.hits and not _LETTERS.search(lower):
            return Reading(truncated=truncated, reader=self.name)
        outputs = self._heads.outputs(features(text, entries, found))
        places = None
        if len(parts) > 1:
            places = _places(lower, len(entries))
            outputs = _pooled(outputs, self._each(text, entries, parts, places))
        negative = fitted.probability(outputs[fitted.NEGATIVE])
        probable = fitted.shares(outputs[fitted.PRIMARY])
        hurt = negative >= self._heads.hurt_from
        primary, named = _named(found.hits, probable, hurt)
        spans = _spans(found.hits, named, places, lower)
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
            review=(primary < SAD) != hurt or (bool(named) and probable[primary] < REVIEW_UNDER),
            truncated=truncated,
            reader=self.name,
        )

    def _each(
        self, text: str, entries: Sequence[Token], parts: Sequence[tuple[int, Found]], places: Sequence[tuple[int, int]]
    ) -> Iterator[list[float]]:
        """Answer the outputs of each passage alone."""
        bounds = [*(first for first, _ in parts), len(entries)]
        for (first, found), last in zip(parts, bounds[1:], strict=True):
            part = text[places[first][0] : places[last - 1][1]]
            yield self._heads.outputs(features(part, entries[first:last], found))


def _passages(entries: Sequence[Token]) -> list[tuple[int, int]]:
    """Answer the passages of a text, as first word and last (exclusive): the whole one unless it is long.

    A passage is whole sentences, ``PASSAGE_WORDS_MIN`` words or more. No cue reaches over the end of a sentence.
    """
    if len(entries) < LONG_WORDS_MIN:
        return [(0, len(entries))]
    ends = [at for at, entry in enumerate(entries, 1) if entry.bits & ENDS]
    bounds = [0]
    for at in ends:
        if at - bounds[-1] >= PASSAGE_WORDS_MIN:
            bounds.append(at)
    if bounds[-1] < len(entries):
        bounds.append(len(entries))
    return list(pairwise(bounds))


def _places(lower: str, words: int) -> list[tuple[int, int]]:
    """Answer where each of the first ``words`` words stands in the text."""
    return [word.span() for word in islice(WORDS.finditer(lower), words)]


def _pooled(whole: list[float], passages: Iterator[list[float]]) -> list[float]:
    """Answer the outputs of the passage that hurts most, if it clearly hurts, else those of the whole text.

    Politeness around one hurt must not outvote it; the valence is that of both.
    """
    worst = max(passages, key=lambda outputs: outputs[fitted.NEGATIVE])
    if worst[fitted.NEGATIVE] <= whole[fitted.NEGATIVE] or fitted.probability(worst[fitted.NEGATIVE]) < HURT_MIN:
        return whole
    worst[fitted.VALENCE] = (worst[fitted.VALENCE] + whole[fitted.VALENCE]) / 2
    return worst


def _unreadable(found: Found, words: int) -> bool:
    """Whether the words are clearly not English."""
    if found.foreign >= FOREIGN_WORDS_MIN and found.foreign > found.english:
        return True
    return not found.english and not found.hits and (found.foreign > 0 or words >= WORDS_JUDGED_MIN)


def _named(hits: Sequence[Hit], probable: list[float], hurt: bool) -> tuple[int, list[int]]:
    """Answer the primary emotion (or none) and up to three emotions, the primary one first.

    Only emotions that a cue shows come into question, and the primary one agrees with ``hurt`` if one does,
    unless none is much more likely.
    """
    shown = {hit.shows for hit in hits}
    fitting = [place for place in shown if (place < SAD) == hurt] or shown
    best = max(fitting, key=probable.__getitem__, default=_NONE)
    doubt = NONE_OVER_HURT if hurt else 1.0
    primary = _NONE if probable[_NONE] > doubt * probable[best] else best
    if primary == _NONE:
        return _NONE, []
    others = sorted((place for place in shown if place != primary), key=probable.__getitem__, reverse=True)
    return primary, [primary, *(place for place in others[:2] if probable[place] >= NAMED_FROM)]


def _intensity(hits: Sequence[Hit], emotion: int, text: str) -> int:
    """Answer the strength of the strongest cue, more where the writer shouts it."""
    strongest = max(1 if hit.negated else hit.strength for hit in hits if hit.shows == emotion)
    return max(1, min(3, strongest + ("!!" in text)))


def _spans(
    hits: Sequence[Hit], named: Sequence[int], places: Sequence[tuple[int, int]] | None, lower: str
) -> tuple[Span, ...]:
    """Answer where the named emotions show; mild cues only of an emotion that has no better one."""
    if not named:
        return ()
    clear = {hit.shows for hit in hits if hit.strength > 1}
    telling = [hit for hit in hits if (shown := hit.shows) in named and (hit.strength > 1 or shown not in clear)][
        :SPANS_MAX
    ]
    if places is None:
        places = _places(lower, max(hit.end for hit in telling))
    return tuple(
        Span(start=places[hit.start][0], end=places[hit.end - 1][1], emotion=EMOTIONS[hit.shows]) for hit in telling
    )


@cache
def _felt(confidence: float, intensity: int) -> Felt:
    """Answer the one value for a confidence in hundredths and an intensity; 303 there are."""
    return Felt(confidence=confidence, intensity=intensity)
