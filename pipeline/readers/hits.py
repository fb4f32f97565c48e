"""Finds the cues in a text: the longest one at each word, turned by negations, strengthened by boosters."""

import re
from collections.abc import Sequence
from typing import Final, NamedTuple

from pipeline.domain.emotions import EMOTIONS, Emotion
from pipeline.readers.table import BOOSTS, BREAKS, DAMPENS, ENDS, MOCKS, NEGATES, TURNS, Cue, Node, Token

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
    turn: int  # where the last "but" or the like stands, -1 without one
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
    turn = -1
    last = len(entries) - 1
    for at, entry in enumerate(entries):
        if not entry[0]:
            continue
        _, cue, starts, _, bits, _ = entry
        if bits & (ENDS | TURNS):
            sentence, turn = (sentence + 1, turn) if bits & ENDS else (sentence, at)
        lanes += cue.lanes
        end, emotions = at + 1, cue.emotions
        for node in starts:
            if at < last and not node.next.keys().isdisjoint(entries[at + 1].keys):
                found: list[tuple[int, Cue]] = []
                _walk(node, at + 1, entries, found)
                for further, longer in found:
                    lanes += longer.lanes
                    if longer.emotions and further > end:
                        end, emotions = further, longer.emotions
        if emotions and at >= free:
            free = end
            negated, stronger = _bend(entries, at)
            for emotion, strength in emotions:
                shows = turned[emotion] if negated else emotion
                hits.append(Hit(at, end, emotion, shows, max(1, strength + stronger), sentence))
    tongues = [entry[5] for entry in entries]
    return Found(_heard(hits, entries), lanes, turn, tongues.count(1), tongues.count(-1))


def joined(parts: Sequence[tuple[int, Found]]) -> Found:
    """Answer what was found in a text from what was found in its parts, each with the place of its first word."""
    hits: list[Hit] = []
    lanes: list[int] = []
    turn, sentence = -1, 0
    for first, found in parts:
        hits += [
            hit._replace(start=first + hit.start, end=first + hit.end, sentence=sentence + hit.sentence)
            for hit in found.hits
        ]
        lanes += found.lanes
        turn = first + found.turn if found.turn >= 0 else turn
        sentence += 1 + max((hit.sentence for hit in found.hits), default=0)
    return Found(hits, lanes, turn, sum(found.english for _, found in parts), sum(found.foreign for _, found in parts))


def _walk(node: Node, at: int, entries: Sequence[Token], found: list[tuple[int, Cue]]) -> None:
    """Add every cue that goes on from ``node`` with the word ``at``, and the word after it."""
    for key in entries[at].keys:
        following = node.next.get(key)
        if following is None:
            continue
        if following.cue is not None:
            found.append((at + 1, following.cue))
        if following.next and at + 1 < len(entries):
            _walk(following, at + 1, entries, found)


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
    if not hits or hits[0].start or not entries[0].bits & MOCKS:
        return hits
    stop = hits[0].end
    rest = [hit for hit in hits if hit.start]
    if not rest or not entries[stop].bits & BREAKS or any(hit.shows >= SAD for hit in rest):
        return hits
    return [hits[0]._replace(says=_IRRITATED, shows=_IRRITATED, strength=2), *rest]
