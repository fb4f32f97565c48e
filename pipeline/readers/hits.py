"""Finds the cues in a text: the longest one at each word, turned by negations, strengthened by boosters."""

import re
from collections.abc import Sequence
from typing import Final, NamedTuple

from pipeline.domain.emotions import EMOTIONS, Emotion
from pipeline.readers.table import ANY, BOOSTS, BREAKS, DAMPENS, ENDS, MOCKS, NEGATES, Cue, Node, Token

NEGATION_WORDS_MAX: Final = 3  # words between a cue and a negation that turns it
WORDS: Final = re.compile("[\\w']+|[.!?;,\n]+|[:;]-?[()]|[\u2190-\u2bff\U0001f000-\U0001faff]")

SAD: Final = sum(emotion.hurts for emotion in EMOTIONS)  # the emotions that hurt come first
_IRRITATED: Final = EMOTIONS.index(Emotion.IRRITATED)


class Hit(NamedTuple):
    """A cue in a text: its words from ``start`` to ``end`` (exclusive), what it says and what that shows.

    ``says`` and ``shows`` are places in EMOTIONS; they differ where the cue is negated.
    """

    start: int
    end: int
    says: int
    shows: int
    strength: int
    sentence: int

    @property
    def negated(self) -> bool:
        """Whether a negation turns the cue."""
        return self.says != self.shows


class Found(NamedTuple):
    """All that was found in a text."""

    hits: list[Hit]
    lanes: list[int]  # places in LANES, once for each cue
    english: int
    foreign: int


def lowered(text: str) -> str:
    """Answer ``text`` in lower case, apostrophes straight, of the same length so that places stay true."""
    lower = text.lower()
    if lower.isascii():
        return lower
    if len(lower) != len(text):  # of all characters only İ grows
        lower = text.replace("İ", "I").lower()
    return lower.replace("’", "'")


def look(entries: Sequence[Token], turned: Sequence[int]) -> Found:
    """Find the cues among the words of a text; ``turned`` says what each emotion becomes when negated."""
    hits: list[Hit] = []
    lanes: list[int] = []
    free = sentence = 0
    last = len(entries) - 1
    for at, entry in enumerate(entries):
        if not entry[0]:
            continue
        if entry.bits & ENDS:
            sentence += 1
        ends: list[tuple[int, Cue]] = []
        for node in entry[0]:
            if node.cue is None and (at == last or node.next.keys().isdisjoint(entries[at + 1].keys)):
                continue
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
                shows = turned[emotion] if negated else emotion
                hits.append(Hit(at, free, emotion, shows, max(1, strength + stronger), sentence))
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
    if ANY in following and not entries[at].bits & BREAKS:
        _walk(following[ANY], at + 1, entries, found)


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
    """Hear the mockery in "Great, another delay.": praise alone, a stop, and then nothing but hurt."""
    if len(hits) < 2 or hits[0].start or not entries[0].bits & MOCKS or not entries[hits[0].end].bits & BREAKS:
        return hits
    if any(hit.shows >= SAD for hit in hits[1:]):
        return hits
    return [hits[0]._replace(says=_IRRITATED, shows=_IRRITATED, strength=2), *hits[1:]]
