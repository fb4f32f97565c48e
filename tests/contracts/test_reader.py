"""What every reader promises, held against each of them."""

import re
import sys
import time
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.domain.limits import TEXT_CHARS_MAX
from pipeline.domain.reading import Reading
from pipeline.ports import Reader
from pipeline.readers import READERS
from tests.readers.tiny import opened

TEXTS = (
    "Great, another delay. That's the third time this week.",
    "The staff were lovely, but the invoice is wrong again!",
    "Nobody called me back. I wrote three times 😡",
    "easy to use, thank you",
    "Is there a vegan version?",
    "Invoice 2231, due on the 4th.",
    "El servicio es muy malo y no funciona.",
    "",
    "???",
    "💔",
)
HOSTILE = (
    "\ud800 lone \udfff surrogates \udc00bad",
    "NUL \0 in the middle is bad\0",
    "\u202eyas ot emit on htiw yltcerroc siht daeR\u202c terrible",
    "z̷̧̛̖͎̘͐a̶̡͔͑l̴̛̳g̵̰͆o̸͇͠ " * 50,
    "İİİ not good İ terrible service İ",
    "!" * 1_000_000,
    "a" * 1_000_000,
    "bad " * 250_000,
    "not " * 20_000,
    "\u200b\u200d\ufeff",
    "👩‍👩‍👧‍👦🏳️‍🌈🇩🇪" * 5_000,
    "'" * 10_000 + "’" * 10_000,
    "<script>alert('bad')</script> \x1b[31m terrible",
    "\n" * 50_000,
    "𝔱𝔢𝔯𝔯𝔦𝔟𝔩𝔢 ﷽ ﷺ 🤬",
)

CLOCK_SECONDS = 50e-6  # of a constant-time reader's two clock readings


@pytest.fixture(params=sorted(READERS), scope="module")
def reader(request: pytest.FixtureRequest) -> Reader:
    """Each of the readers."""
    return opened(request.param)


def sound(text: str, reading: Reading, name: str) -> None:
    """Hold one reading against the model and against its own text."""
    assert Reading.model_validate(reading.model_dump()) == reading
    assert Reading.model_validate_json(reading.model_dump_json()) == reading
    assert reading.reader == name
    assert len(reading.emotions) <= 3
    assert (reading.primary in reading.emotions) if reading.emotions else reading.primary is None
    assert reading.truncated <= (len(text) > TEXT_CHARS_MAX)
    for span in reading.spans:
        assert 0 <= span.start < span.end <= len(text)
        assert span.emotion in reading.emotions
        assert span.topic is None  # what it is about is for the policy to say; but the field is there
        assert text[span.start : span.end].strip()
    if not reading.understood:
        assert (reading.emotions, reading.primary, reading.spans) == ({}, None, ())


def test_name_is_name_and_version(reader: Reader) -> None:
    """A reader says what it is called and which version it is."""
    name, _, version = reader.name.partition("/")
    assert name in READERS
    assert re.fullmatch(r"\d+(\.\d+)*", version)


def test_one_reading_a_text_in_order(reader: Reader) -> None:
    """A batch is answered by the readings that each text gets alone, in order."""
    assert list(reader.read(TEXTS)) == [reader.read([text])[0] for text in TEXTS]
    assert list(reader.read([])) == []


def test_readings_are_sound(reader: Reader) -> None:
    """Readings fit the model, name at most three emotions, and their spans point into the text."""
    for text, reading in zip(TEXTS, reader.read(TEXTS), strict=True):
        sound(text, reading, reader.name)


def test_reading_is_pure(reader: Reader) -> None:
    """The same texts get the same readings from another reader, in another order, after other texts."""
    first = list(reader.read(TEXTS))
    reader.read(HOSTILE[:3])
    again = opened(reader.name.partition("/")[0])
    assert list(again.read(TEXTS[::-1])) == first[::-1]


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_text_is_read(reader: Reader, text: str) -> None:
    """No text, however hostile, makes a reader raise or answer an unsound reading."""
    sound(text, reader.read([text])[0], reader.name)


@settings(max_examples=60)
@given(texts=st.lists(st.text(max_size=80), max_size=4))
def test_any_text_is_read(reader: Reader, texts: Sequence[str]) -> None:
    """Whatever characters stand in them, texts get sound readings."""
    for text, reading in zip(texts, reader.read(texts), strict=True):
        sound(text, reading, reader.name)


def test_every_block_of_unicode_is_read(reader: Reader) -> None:
    """A text of every code point there is, 500 at a time, is read."""
    texts = ["".join(map(chr, range(start, start + 500))) for start in range(0, sys.maxunicode - 500, 500)]
    for text, reading in zip(texts, reader.read(texts), strict=True):
        sound(text, reading, reader.name)


def seconds(reader: Reader, text: str) -> float:
    """Answer the CPU time that reading ``text`` took, of this process alone."""
    start = time.process_time()
    reader.read([text])
    return time.process_time() - start


@pytest.mark.parametrize(
    "piece",
    [
        "The staff were not very good, but I was so happy with the room! ",
        "bad ",
        "not ",
        "still waiting for the ",
        "😡",
    ],
)
def test_time_is_linear(reader: Reader, piece: str) -> None:
    """Twice the text takes at most four times as long, where a quadratic reader would take more with length."""
    half = (piece * (TEXT_CHARS_MAX // len(piece)))[: TEXT_CHARS_MAX // 2]
    whole = half * 2
    tries = [(seconds(reader, half), seconds(reader, whole)) for _ in range(9)]
    assert min(after for _, after in tries) <= 4 * min(before for before, _ in tries) + CLOCK_SECONDS
