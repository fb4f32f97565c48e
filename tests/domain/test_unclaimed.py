"""Unclaimed: what people feel something about and no topic of the policy names comes up as a candidate."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.domain.emotions import Emotion
from pipeline.domain.reading import Reading, Span
from pipeline.domain.unclaimed import singular, unclaimed
from tests.makers import POLICY


def candidates(text: str, *words: str) -> list[str]:
    """Answer the candidates of a text that hurts at ``words``."""
    spans = tuple(
        Span(start=text.index(word), end=text.index(word) + len(word), emotion=Emotion.IRRITATED) for word in words
    )
    (reading,) = POLICY.aspects.about([text], [Reading(spans=spans)])
    return unclaimed(text, reading, POLICY.aspects)


@pytest.mark.parametrize(
    ("text", "word", "told"),
    [
        ("The treadmills are old junk", "junk", ["treadmill"]),
        ("my new boiler makes an awful racket", "awful", ["boiler", "racket"]),
        ("Boiler pressure was awful", "awful", ["boiler pressure"]),
        ("the terrible boiler", "terrible", ["boiler"]),
        ("the invoice was awful", "awful", []),
        ("The sauna was fine, the jacuzzi was awful", "awful", ["jacuzzi"]),
        ("the husbands were awful", "awful", []),
        ("awful", "awful", []),
        ("this is awful", "awful", []),
    ],
)
def test_what_is_spoken_about(text: str, word: str, told: list[str]) -> None:
    """The nouns of the span's clause come up, in the singular, without opinions and small words."""
    assert candidates(text, word) == told


def test_a_known_topic_leaves_nothing_open() -> None:
    """Only spans about no topic look for one; each candidate is told once."""
    assert candidates("the sauna was awful", "awful") == ["sauna"]
    assert candidates("sauna staff awful", "awful") == []
    assert candidates("the sauna was bad. The sauna was awful", "bad", "awful") == ["sauna"]
    assert unclaimed("the sauna is there", Reading(), POLICY.aspects) == []


@pytest.mark.parametrize(
    ("word", "one"),
    [
        ("boxes", "box"),
        ("batteries", "battery"),
        ("glasses", "glass"),
        ("houses", "house"),
        ("bus", "bus"),
        ("gas", "ga"),
    ],
)
def test_singular(word: str, one: str) -> None:
    """The regular singular is found by the ending alone; a rare word may lose a letter."""
    assert singular(word) == one


@settings(max_examples=100)
@given(st.text(max_size=200), st.integers(0, 220), st.integers(1, 30))
def test_any_text(text: str, start: int, length: int) -> None:
    """Whatever the text and the span, every candidate is words of the text (but for the plural)."""
    reading = Reading(spans=(Span(start=start, end=start + length, emotion=Emotion.HAPPY),))
    for candidate in unclaimed(text, reading, POLICY.aspects):
        assert all(word[:3] in text.lower().replace("İ", "i") for word in candidate.split())
