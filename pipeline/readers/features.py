"""What a text is weighed by: how many cues of each kind, and what stands beside them."""

from collections.abc import Sequence
from math import log1p
from typing import Final

from pipeline.domain.emotions import EMOTIONS
from pipeline.readers.hits import SAD, Found
from pipeline.readers.table import LANES, Token, table
from pipeline.readers.valence import compound

COUNT_MAX: Final = 30  # more of the same says nothing new

# Places of the features: cues of each emotion, negated cues of each, lanes, and what follows.
_NEGATED_FROM: Final = len(EMOTIONS)
_LANES_FROM: Final = 2 * len(EMOTIONS)
(
    _COMPOUND,
    _STIRRED,
    _LENGTH,
    _ASKS,
    _SHOUTS,
    _SADDEST,
    _GLADDEST,
    _SAD_AFTER,
    _GLAD_AFTER,
    _TURNED_SAD,
    _TURNED_GLAD,
) = range(_LANES_FROM + len(LANES), _LANES_FROM + len(LANES) + 11)
FEATURES: Final = _TURNED_GLAD + 1

Feature = tuple[int, int]  # its place, its count


def features(text: str, entries: Sequence[Token], found: Found) -> list[Feature]:
    """Answer the features that are not zero: how many cues of each kind, and what stands beside them."""
    counts: dict[int, int] = {}
    moods: dict[int, int] = {}  # sentence → strength of its glad cues less that of its sad ones
    for start, _, says, shows, strength, sentence in found.hits:
        place = says
        if says != shows:
            place += _NEGATED_FROM
            turned = _TURNED_GLAD if shows >= SAD else _TURNED_SAD
            counts[turned] = counts.get(turned, 0) + strength
        counts[place] = counts.get(place, 0) + strength
        if start > found.turn >= 0:
            after = _GLAD_AFTER if shows >= SAD else _SAD_AFTER
            counts[after] = counts.get(after, 0) + strength
        moods[sentence] = moods.get(sentence, 0) + (strength if shows >= SAD else -strength)
    for lane in found.lanes:
        counts[_LANES_FROM + lane] = counts.get(_LANES_FROM + lane, 0) + 1
    if moods:
        counts[_SADDEST] = -min(moods.values())
        counts[_GLADDEST] = max(moods.values())
    counts[_LENGTH] = len(entries)
    counts[_SHOUTS] = text.count("!")
    valence = round(100 * compound(table().undrawn(text)))
    told = [(place, min(count, COUNT_MAX)) for place, count in counts.items() if count > 0]
    return [*told, (_COMPOUND, valence), (_STIRRED, abs(valence)), (_ASKS, int("?" in text))]


def value(place: int, count: int) -> float:
    """Answer the value of a feature: the logarithm of a count, a share of hundredths."""
    return count / 100 if place in {_COMPOUND, _STIRRED} else log1p(count)
