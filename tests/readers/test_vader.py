"""The VADER reader: the library's compound as a reading."""

from itertools import pairwise

import pytest
from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

from pipeline.domain.limits import TEXT_CHARS_MAX
from pipeline.readers.vader import VaderReader, negative

TEXTS = ("I love it, wonderful!", "Terrible. I hate this!!", "The bus is green", "", "not bad at all", "😡💔")


def test_valence_is_the_compound() -> None:
    """The valence is the compound of vaderSentiment to the last digit, and no emotion or word is claimed."""
    library = SentimentIntensityAnalyzer()
    for text, reading in zip(TEXTS, VaderReader().read(TEXTS), strict=True):
        assert reading.valence == library.polarity_scores(text)["compound"]
        assert (reading.emotions, reading.primary, reading.spans, reading.review) == ({}, None, (), False)


@pytest.mark.parametrize(("compound", "share"), [(-1, 1), (-0.05, 0.5), (1, 0)])
def test_negative_ends(compound: float, share: float) -> None:
    """The saddest text is 1, the authors' threshold 0.5, the gladdest 0."""
    assert negative(compound) == share


def test_negative_is_the_rank_of_the_compound() -> None:
    """Of all compounds that there are, each sadder one is more negative, and those from -0.05 on are at least 0.5."""
    shares = [negative(step / 10_000) for step in range(-10_000, 10_001)]
    assert all(before > after for before, after in pairwise(shares))
    assert [share >= 0.5 for share in shares] == [step <= -500 for step in range(-10_000, 10_001)]


def test_long_text_is_cut() -> None:
    """Of a text over the limit the first characters are scored, and the reading says so."""
    glad = "good " * (TEXT_CHARS_MAX // 5)
    short, long = VaderReader().read([glad, f"{glad}{'horrible ' * 9_000}"])
    assert long.truncated
    assert (long.valence, short.truncated) == (short.valence, False)
