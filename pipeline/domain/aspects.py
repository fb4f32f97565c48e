"""Aspects: what each span of a text is about, by the policy's topics and their words.

A text is cut into words once; a table leads from the first word of every phrase to what may follow it, longest
first. A span is about the topic that its own words name; else about the nearest one named in its clause; else about
the nearest one in its sentence, unless what stands there speaks for itself in the opposite sense ("staff lovely,
terrible all the same" does not call the staff terrible). What names no topic has none. A clause ends at a mark, at a
word that turns ("but"), and at an "and" with a new subject ("and my room …").

The work is linear in the text, and most of it is done by a few calls that go over the whole text in C: what is no
letter or digit becomes a blank, place for place, so that ``split`` answers the words. Where a word stands is only
asked for the few that matter. They are looked for in their order, each behind the one before, between blanks: what
is found first is that very word, because an equal one before it would matter as well and have been found already.
"""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from pipeline.domain.addresses import unaddressed
from pipeline.domain.limits import TEXT_CHARS_MAX
from pipeline.domain.lower import lowered
from pipeline.domain.reading import Reading, Span

_NO_LETTER: Final = re.compile(r"[\W_]")
_BLANKED: Final = "".join(chr(code) if chr(code).isalnum() else " " for code in range(128))
_MARKS: Final = re.compile("[-.,:;!?…()\n—–]")
_MARK_INSIDE: Final = re.compile("[;!?…()\n—–]|[.,:](?!\\d)|-(?!\\w)")
_ENDS: Final = frozenset(".!?…\n")
_TURNS: Final = frozenset({"but", "although", "though", "however", "whereas", "except"})
_NEW: Final = "the my your their our his her its this that these those i we they you he she it there nobody everyone"
_SUBJECTS: Final = frozenset(_NEW.split())


Mention = tuple[int, int, str]  # from where to where (exclusive) a text names which topic


class _Entry(NamedTuple):
    """What begins with a word: the topic that it names alone, if any, and longer phrases, the longest first."""

    alone: str | None
    longer: list[tuple[list[str], str]]


def blanked(lower: str) -> str:
    """Answer ``lower`` with a blank for all that is no letter or digit, and one before and behind it."""
    return f" {lower.translate(_BLANKED) if lower.isascii() else _NO_LETTER.sub(' ', lower)} "


def pieces(lower: str, turns: Sequence[int] = ()) -> tuple[list[int], list[int]]:
    """Answer where the clauses of a text begin, and where its sentences do; ``turns`` are the words that turn it.

    A point, comma or colon inside a number and a hyphen inside a word end nothing.
    """
    clauses, sentences = [0, *turns], [0]
    for match in _MARKS.finditer(lower):
        at = match.start()
        mark, following = lower[at], lower[at + 1 : at + 2]
        if (mark in ".,:" and following.isdigit()) or (mark == "-" and following.isalnum()):
            continue
        clauses.append(at)
        if mark in _ENDS:
            sentences.append(at)
    clauses.sort()
    return clauses, sentences


def turning(words: Sequence[str], at: int) -> bool:
    """Say whether a new clause begins with word ``at``."""
    return words[at] in _TURNS or (words[at] == "and" and at + 1 < len(words) and words[at + 1] in _SUBJECTS)


def around(bounds: Sequence[int], start: int, end: int) -> tuple[int, int]:
    """Answer from where to where the piece goes that holds a span, by the beginnings of all pieces."""
    after = bisect_left(bounds, end)
    return bounds[bisect_right(bounds, start) - 1], bounds[after] if after < len(bounds) else TEXT_CHARS_MAX


def phrases(word: str) -> tuple[tuple[str, ...], ...]:
    """Answer the words of a topic's word or phrase as it is written and in the plural; nothing for no words."""
    words = blanked(lowered(word)).split()
    return (tuple(words), (*words[:-1], _plural(words[-1]))) if words else ()


def _plural(word: str) -> str:
    if word.endswith("y") and word[-2:-1] not in tuple("aeiou"):
        return word[:-1] + "ies"
    return word + ("es" if word.endswith(("s", "x", "z", "ch", "sh")) else "s")


class Topics:
    """The words of all topics of a policy, ready to be found."""

    def __init__(self, words: Mapping[str, Sequence[str]]) -> None:
        following: dict[str, dict[tuple[str, ...], str]] = {}
        for topic, several in words.items():
            for word in several:
                for first, *rest in phrases(word):
                    following.setdefault(first, {})[tuple(rest)] = topic
        self._entries = {
            first: _Entry(
                each.pop((), None),
                sorted(((list(rest), topic) for rest, topic in each.items()), key=lambda one: -len(one[0])),
            )
            for first, each in following.items()
        }
        self._telling = frozenset({*following, *_TURNS, "and"})

    def knows(self, word: str) -> bool:
        """Say whether ``word`` (in lower case) begins something that names a topic."""
        return word in self._entries

    def about(self, texts: Sequence[str], readings: Sequence[Reading]) -> list[Reading]:
        """Answer each reading with the topics of its text, and of each of its spans. Pure; never raises.

        Emotions and spans stay as they were read. A text that was not understood names nothing.
        """
        return [self._one(text, reading) for text, reading in zip(texts, readings, strict=True)]

    def _one(self, text: str, reading: Reading) -> Reading:
        lower = unaddressed(lowered(text[:TEXT_CHARS_MAX]))
        found, turns = self._find(lower) if reading.understood else ([], [])
        if not found:
            return _with(reading, [None] * len(reading.spans), ()) if reading.topics else reading
        if not reading.spans:
            return _with(reading, (), _ranked(found, reading, ()))
        named = _named(reading.spans, found, *pieces(lower, turns))
        return _with(reading, named, _ranked(found, reading, named))

    def _find(self, lower: str) -> tuple[list[Mention], list[int]]:
        """Answer what names a topic, the longest phrase at each place, and where the words stand that turn the text."""
        blank = blanked(lower)
        words = blank.split()
        found: list[Mention] = []
        turns: list[int] = []
        place = free = 0  # where to look on, and the first word behind the last phrase
        for at in [at for at, word in enumerate(words) if word in self._telling]:
            if at < free:
                continue
            word = words[at]
            start = blank.find(f" {word} ", place)
            place = start + len(word) + 1
            entry = self._entries.get(word)
            if entry is None:
                if turning(words, at):
                    turns.append(start)
                continue
            topic = entry.alone
            for rest, longer in entry.longer:
                if words[at + 1 : at + 1 + len(rest)] == rest:
                    end = place
                    for each in rest:
                        end = blank.find(f" {each} ", end) + len(each) + 1
                    if not _MARK_INSIDE.search(lower, start, end - 1):
                        topic, place, free = longer, end, at + 1 + len(rest)
                        break
            if topic is not None:
                found.append((start, place - 1, topic))
        return found, turns


def _named(
    spans: Sequence[Span], found: Sequence[Mention], clauses: Sequence[int], sentences: Sequence[int]
) -> list[str | None]:
    """Answer the topic of each span."""
    starts, ends = [each[0] for each in found], [each[1] for each in found]
    places = [_near(span, starts, ends, clauses) for span in spans]
    if None in places:
        spoken = {at: span.emotion.hurts for at, span in zip(places, spans, strict=True) if at is not None}
        for place, span in enumerate(spans):
            if places[place] is None:
                at = _near(span, starts, ends, sentences)
                if at is not None and spoken.get(at, span.emotion.hurts) is span.emotion.hurts:
                    places[place] = at
    return [None if at is None else found[at][2] for at in places]


def _near(span: Span, starts: Sequence[int], ends: Sequence[int], bounds: Sequence[int]) -> int | None:
    """Answer which mention is nearest to ``span`` in the piece around it; one in the span itself comes first."""
    start, end = span.start, span.end
    after = bisect_right(ends, start)
    if after < len(starts) and starts[after] < end:
        return after
    low, high = around(bounds, start, end)
    before = after - 1 if after and starts[after - 1] >= low else None
    if after == len(starts) or starts[after] >= high:
        return before
    return before if before is not None and start - ends[before] <= starts[after] - end else after


def _ranked(found: Sequence[Mention], reading: Reading, named: Sequence[str | None]) -> tuple[str, ...]:
    """Answer all topics: what hurts most first, then what is felt most, named most often, named first."""
    if len(found) == 1:
        return (found[0][2],)
    weights: dict[str, list[int]] = {}
    for _, _, topic in found:
        weights.setdefault(topic, [0, 0, 0])[2] += 1
    for span, about in zip(reading.spans, named, strict=True):
        if about is not None:
            felt = reading.emotions.get(span.emotion)
            weights[about][0 if span.emotion.hurts else 1] += felt.intensity if felt else 1
    return tuple(sorted(weights, key=weights.__getitem__, reverse=True))


def _with(reading: Reading, named: Sequence[str | None], topics: tuple[str, ...]) -> Reading:
    """Answer ``reading`` about ``topics``, its spans about those ``named``."""
    spans = tuple(
        [
            span if span.topic == topic else span.but({"topic": topic})
            for span, topic in zip(reading.spans, named, strict=True)
        ]
    )
    return reading.but({"spans": spans, "topics": topics})
