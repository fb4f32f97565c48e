"""The flat reader: reads nothing, in constant time. For benchmarks of what stands around a reader."""

from collections.abc import Sequence
from functools import cache
from typing import Final
from zlib import crc32

from pipeline.domain.emotions import Emotion
from pipeline.domain.reading import Felt, Reading

HURT_IN: Final = 8  # one text in so many is called negative
HEAD_CHARS: Final = 64  # of a text that decide, so that its length costs nothing


class FlatReader:
    """Calls one text in eight negative by a checksum of its first characters. Implements the Reader port."""

    name = "flat/1"

    def read(self, texts: Sequence[str]) -> list[Reading]:
        """Answer one reading a text, in order; two readings there are, shared by all."""
        hurt, calm = _readings()
        return [calm if crc32(text[:HEAD_CHARS].encode("utf-8", "surrogatepass")) % HURT_IN else hurt for text in texts]


@cache
def _readings() -> tuple[Reading, Reading]:
    felt = {Emotion.DISSATISFIED: Felt(confidence=1.0, intensity=2)}
    hurt = Reading(
        emotions=felt,
        primary=Emotion.DISSATISFIED,
        valence=-1.0,
        negative=1.0,
        action="respond",
        reader=FlatReader.name,
    )
    return hurt, Reading(reader=FlatReader.name)
