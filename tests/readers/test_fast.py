"""What the fast reader makes of plain, bent, long and foreign words."""

import pytest

from pipeline.domain.emotions import Emotion
from pipeline.domain.limits import TEXT_CHARS_MAX
from pipeline.domain.reading import Reading
from pipeline.readers import open_reader
from pipeline.readers.fast import FastReader
from tests.makers import POLICY

READER = FastReader()


def read(text: str) -> Reading:
    """Answer the reading of one text."""
    return READER.read([text])[0]


@pytest.mark.parametrize(
    ("text", "emotion"),
    [
        ("Worst airline ever, terrible food, poor quality", "dissatisfied"),
        ("The app keeps crashing, I still can't log in after the third try", "frustrated"),
        ("Very disappointed, I expected better, it used to be great", "disappointed"),
        ("The crew were rude and the manager insulted us, ridiculous", "irritated"),
        ("I am so worried and anxious about this", "stressed"),
        ("I cried in the car, it was heartbreaking", "unhappy"),
        ("Nobody called back, I was completely ignored", "neglected"),
        ("He rushed me through and hung up, I had no time to think", "hurried"),
        ("I am curious and very interested, when will you open here?", "interested"),
        ("So excited, can't wait for the launch!", "energetic"),
        ("Trying it out for the first time, just exploring the options", "exploratory"),
        ("Delicious chocolate dessert, what a treat", "indulgent"),
        ("A fascinating and inspiring exhibition", "stimulated"),
        ("I trust them, honest and reliable for years", "trusting"),
        ("They listened to me and remembered my name, I felt respected", "valued"),
        ("The nurses were kind and caring", "cared_for"),
        ("I felt safe and reassured", "safe"),
        ("Quick, simple and straightforward", "focused"),
        ("I love it, absolutely amazing, highly recommend", "happy"),
        ("Nice enough, satisfied, thanks", "pleased"),
    ],
)
def test_each_emotion_is_read(text: str, emotion: str) -> None:
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


def test_negation_turns_the_meaning() -> None:
    """What is not friendly hurts, what is without delays does not."""
    hurt, glad = READER.read(["The staff were not friendly at all", "There were no delays and no problems"])
    assert hurt.negative > 0.5 > glad.negative


def test_spans_show_the_words() -> None:
    """Spans point at the words that show the emotion, whatever stands before them and however they are written."""
    text = "😡 — The crew were RUDE and they didn’t care"
    reading = read(text)
    shown = " ".join(text[span.start : span.end] for span in reading.spans)
    assert reading.negative > 0.5
    assert "RUDE" in shown


def test_two_emotions_show_in_different_places() -> None:
    """Praise of one thing and hurt about another show where each stands."""
    text = "The staff were lovely, but the invoice is wrong again and nobody answers my emails."
    reading = read(text)
    where = {span.emotion.hurts: span.start for span in reading.spans}
    assert reading.primary is not None
    assert reading.primary.hurts
    assert all(start > text.index("but") for hurts, start in where.items() if hurts)


def test_one_hurt_sentence_in_a_long_polite_letter_is_found() -> None:
    """Thirty polite sentences do not hide the one that hurts."""
    polite = "We spoke on the phone about the contract and the papers came in the post. " * 15
    alone = read(polite)
    hurt = read(f"{polite}Nobody called me back and I was ignored, I am fed up. {polite}")
    assert hurt.negative > 0.5 > alone.negative
    assert hurt.primary is not None
    assert hurt.primary.hurts
    begins, ends = len(polite), len(polite) + len("Nobody called me back and I was ignored, I am fed up.")
    assert all(begins <= span.start < span.end <= ends for span in hurt.spans if span.emotion.hurts)
    assert any(span.emotion.hurts for span in hurt.spans)


@pytest.mark.parametrize(
    "text",
    ["El servicio es muy malo y no funciona", "Это ужасно, никто не отвечает", "这个很糟糕", "الخدمة سيئة جدا"],
)
def test_other_languages_are_not_read(text: str) -> None:
    """Text that is clearly not English is left alone, and for people to look at."""
    assert read(text) == Reading(understood=False, review=True, reader=FastReader.name)


@pytest.mark.parametrize("text", ["", "  \n", "\t"])
def test_no_words_no_emotion(text: str) -> None:
    """A text without words is understood and says nothing."""
    assert read(text) == Reading(reader=FastReader.name)


@pytest.mark.parametrize("text", ["...", "12345", "Invoice 2231, due on the 4th."])
def test_bare_facts_hurt_nobody(text: str) -> None:
    """Signs, numbers and bare facts are not read as hurt."""
    assert read(text).negative < 0.5


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
    assert thanks.primary == Emotion.CARED_FOR


POLITE = """
Thank you for the wonderful stay we had last month. The room was bright and comfortable. Breakfast was delicious and the
choice was wide. The garden is beautifully kept. We loved the pool and the sauna. The staff at the reception were always
smiling. Your chef deserves a special mention. The location is perfect for walks. The beds were very soft. {} We
appreciated the free parking. The children enjoyed the playground very much. The music in the evening was lovely.
Everything was spotlessly clean. The view over the lake was stunning. We felt very welcome from the first minute. The
drinks were reasonably priced. We will recommend you to our friends. Kind regards from all of us.
"""


@pytest.mark.parametrize("name", ["fast", "deep", "cascade"])
def test_a_hurt_inside_praise_is_named_and_shown(name: str) -> None:
    """In a page of praise the one sentence that hurts is named beside the praise; without it nothing that hurts is."""
    reader = open_reader(name)
    for sentence in ("We were charged twice and nobody has called me back.", "The shower never worked, it was awful."):
        text = POLITE.format(sentence)
        (reading,) = reader.read([text])
        hurts = [span for span in reading.spans if span.emotion.hurts]
        assert hurts
        begins = text.index(sentence)
        assert all(begins <= span.start and span.end <= begins + len(sentence) for span in hurts)
    (reading,) = reader.read([POLITE.format("")])
    assert not any(emotion.hurts for emotion in reading.emotions)


@pytest.mark.parametrize("name", ["fast", "deep", "cascade"])
def test_praise_and_complaint_are_shown_apart(name: str) -> None:
    """Of two things in one text each is shown with what is felt about it, by every trained reader."""
    text = "staff lovely, invoice wrong again"
    (reading,) = POLICY.aspects.about([text], open_reader(name).read([text]))
    told = {(text[span.start : span.end], span.emotion.hurts, span.topic) for span in reading.spans}
    assert told == {("staff lovely", False, "staff"), ("invoice wrong again", True, "billing")}
