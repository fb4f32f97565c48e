"""What the cue reader makes of plain, bent and foreign words."""

import pytest

from pipeline.domain.emotions import Emotion
from pipeline.domain.limits import TEXT_CHARS_MAX
from pipeline.domain.reading import Reading
from pipeline.readers.cues import CueReader

READER = CueReader()


def read(text: str) -> Reading:
    """Answer the reading of one text."""
    return READER.read([text])[0]


@pytest.mark.parametrize(
    ("text", "emotion"),
    [
        ("Worst airline ever, terrible food", "dissatisfied"),
        ("The app keeps crashing, I can't log in", "frustrated"),
        ("Very disappointed, I expected better", "disappointed"),
        ("The crew were rude and the manager insulted us", "irritated"),
        ("I am so worried and anxious about this", "stressed"),
        ("I cried in the car, it was heartbreaking", "unhappy"),
        ("Nobody called back, I was ignored", "neglected"),
        ("He rushed me through and hung up", "hurried"),
        ("I am curious and very interested, when will you open here", "interested"),
        ("So excited, can't wait for the launch!", "energetic"),
        ("Trying out different flavours, just to see", "exploratory"),
        ("Delicious chocolate dessert, what a treat", "indulgent"),
        ("A fascinating and inspiring exhibition", "stimulated"),
        ("I trust them, reliable for years", "trusting"),
        ("They listened to me and remembered my name", "valued"),
        ("The nurses were kind and caring", "cared_for"),
        ("I felt safe and reassured", "safe"),
        ("Quick, simple and straightforward", "focused"),
        ("I love it, absolutely amazing, highly recommend", "happy"),
        ("Nice enough, satisfied, thanks", "pleased"),
    ],
)
def test_each_emotion_is_named(text: str, emotion: str) -> None:
    """Plain words of each of the twenty emotions name it as the primary one."""
    assert read(text).primary == emotion


@pytest.mark.parametrize("emoji", ["😡", "🤬", "👎", "💔", "🙄", "😭", "😠"])
def test_angry_and_sad_emoji_hurt(emoji: str) -> None:
    """Emoji that VADER takes for neutral or glad are read as hurt, alone and beside a mild word."""
    for text in (emoji, f"ok {emoji}"):
        reading = read(text)
        assert reading.primary is not None
        assert reading.primary.hurts
        assert reading.valence < 0


def test_negation_turns_a_cue() -> None:
    """A negated glad cue hurts, a negated sad one does not, and a stop ends the reach of a negation."""
    hurt, glad, stopped = READER.read(
        ["The staff are not friendly", "There were no delays", "Not for me. Friendly people though"]
    )
    assert hurt.primary == Emotion.NEGLECTED
    assert glad.negative < READER.read(["There were delays"])[0].negative
    assert Emotion.CARED_FOR in stopped.emotions


def test_praise_before_nothing_but_hurt_is_mockery() -> None:
    """ "Great, another delay" is read by its meaning, "Great, no delay" as it stands."""
    mocking = read("Great, another delay. Third time this week.")
    assert mocking.primary is not None
    assert mocking.primary.hurts
    assert mocking.spans[0].emotion.hurts
    assert read("Great, so happy with it").primary == Emotion.HAPPY


def test_spans_show_the_words() -> None:
    """Spans are the words of the cues, whatever stands before them and however they are written."""
    text = "İyi 😀 — The crew were RUDE… and didn’t care"
    shown = {text[span.start : span.end] for span in read(text).spans}
    assert {"RUDE", "didn’t care"} <= shown


def test_one_hurt_sentence_in_a_long_polite_letter_is_found() -> None:
    """Thirty polite sentences do not hide the one that hurts."""
    polite = "We spoke on the phone about the contract and the papers came in the post. " * 15
    alone = read(polite)
    hurt = read(f"{polite}Nobody called me back and I was ignored, I am fed up. {polite}")
    assert hurt.negative > alone.negative
    assert hurt.primary is not None
    assert hurt.primary.hurts


@pytest.mark.parametrize(
    "text",
    [
        "El servicio es muy malo y no funciona",
        "Je suis très déçu, le service est nul et personne ne répond",
        "Der Service ist sehr schlecht und ich warte auf das Geld",
        "Это ужасно, никто не отвечает",
        "这个很糟糕",
        "サービスが悪い",
        "الخدمة سيئة جدا",
    ],
)
def test_other_languages_are_not_read(text: str) -> None:
    """Text that is clearly not English is left alone, and for people to look at."""
    reading = read(text)
    assert not reading.understood
    assert reading.review


@pytest.mark.parametrize("text", ["", "  \n", "!!!", "...", "12345", "№ 7/8 — §"])
def test_no_words_no_emotion(text: str) -> None:
    """A text without words is understood and says nothing."""
    assert read(text) == Reading(reader=CueReader.name)


def test_long_text_is_cut() -> None:
    """Of a text over the limit the first characters are read, and the reading says so."""
    text = ("terrible " * TEXT_CHARS_MAX)[: TEXT_CHARS_MAX + 1]
    reading = read(text)
    assert reading.truncated
    assert reading == read(text[:TEXT_CHARS_MAX]).model_copy(update={"truncated": True})
    assert not read(text[:TEXT_CHARS_MAX]).truncated


def test_effort_success_and_action() -> None:
    """What the person did, got and needs is read where the words say so, and left open where they do not."""
    hard, soft, bare, thanks = READER.read(
        [
            "I called three times, waited for hours and still cannot log in. Please fix this.",
            "Easy to use and quick, it took two minutes",
            "The meeting is in room four",
            "Thank you to the wonderful staff, so kind and helpful",
        ]
    )
    assert (hard.effort, hard.success, hard.action) == ("high", "unmet", "respond")
    assert soft.effort == "low"
    assert (bare.effort, bare.success, bare.action) == (None, None, "none")
    assert thanks.action == "praise"


def test_doubt_is_marked_for_review() -> None:
    """A primary emotion that is hardly more likely than others is marked, a plain one is not."""
    assert read("Not easy to use").review
    assert not read("Nobody called back, I was ignored and forgotten").review
