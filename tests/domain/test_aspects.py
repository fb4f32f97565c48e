"""Aspects: each span is about what its own words, its clause or its sentence name, and nothing is made up."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.domain.aspects import Topics
from pipeline.domain.emotions import EMOTIONS, Emotion
from pipeline.domain.limits import TEXT_CHARS_MAX
from pipeline.domain.reading import Felt, Reading, Span
from tests.makers import POLICY

TOPICS = POLICY.aspects
GOOD = {"lovely": Emotion.PLEASED, "great": Emotion.HAPPY}
BAD = {"wrong": Emotion.FRUSTRATED, "awful": Emotion.DISSATISFIED, "terrible": Emotion.DISSATISFIED}
HOSTILE = (
    "\ud800 invoice \udfff wrong",
    "İİİ invoice İ wrong",
    "invoice\0wrong",
    "ﬁ ŉ ǰ ΐ ẞ invoice wrong",
    "\u202estaff\u202c wrong \U0001f469\u200d\U0001f467 invoice",
    "wrong",
    "",
    "." * 1_000,
)


def read(text: str, *words: str) -> Reading:
    """Answer a reading with a span at each of ``words``, or at every word that says how it felt."""
    felt = {**GOOD, **BAD}
    places = sorted((text.index(word), word) for word in (words or felt) if word in text)
    spans = [Span(start=at, end=at + len(word), emotion=felt[word]) for at, word in places]
    named = dict.fromkeys(span.emotion for span in spans)
    emotions = {emotion: Felt(confidence=0.9, intensity=2) for emotion in list(named)[:3]}
    return Reading(emotions=emotions, primary=next(iter(named), None), spans=tuple(spans))


def about(text: str, *words: str, topics: Topics = TOPICS) -> list[tuple[str, str | None]]:
    """Answer the words of each span of ``text``, with what they are about."""
    (reading,) = topics.about([text], [read(text, *words)])
    return [(text[span.start : span.end], span.topic) for span in reading.spans]


def test_two_spans_two_emotions_two_topics() -> None:
    """In "staff lovely, invoice wrong again" the staff please and the invoice frustrates; the hurt is told first."""
    text = "staff lovely, invoice wrong again"
    (reading,) = TOPICS.about([text], [read(text)])
    told = [(text[span.start : span.end], span.emotion, span.topic) for span in reading.spans]
    assert told == [("lovely", Emotion.PLEASED, "staff"), ("wrong", Emotion.FRUSTRATED, "billing")]
    assert reading.topics == ("billing", "staff")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("The invoice is wrong. Lovely room, awful food.", [("wrong", "billing"), ("awful", "food")]),
        ("lovely staff and wrong invoice", [("lovely", "staff"), ("wrong", "billing")]),
        ("The room was lovely but the WiFi was awful", [("lovely", "room"), ("awful", "network")]),
        ("The room was lovely and the staff terrible", [("lovely", "room"), ("terrible", "staff")]),
        ("The room was lovely however my refund is wrong", [("lovely", "room"), ("wrong", "refund")]),
        ("The invoice, as ever, is wrong", [("wrong", "billing")]),
        ("The invoice came. It is wrong", [("wrong", None)]),
        ("Staff lovely, terrible all the same", [("lovely", "staff"), ("terrible", None)]),
        ("Staff awful, terrible all in all", [("awful", "staff"), ("terrible", "staff")]),
        ("Staff awful - invoice wrong", [("awful", "staff"), ("wrong", "billing")]),
        ("check-in wrong", [("wrong", "booking")]),
        ("The 3.50 fee is wrong, 1,000 times", [("wrong", "billing")]),
        ("the weather was awful", [("awful", None)]),
        ("", []),
    ],
)  # fmt: skip
def test_what_a_span_is_about(text: str, told: list[tuple[str, str | None]]) -> None:
    """A span is about what its clause names, the nearest first, else what its sentence names, else about nothing."""
    assert about(text, *(word for word, _ in told)) == told


def test_the_span_itself_comes_first() -> None:
    """A span whose own words name a topic is about it, whatever stands nearer to its ends."""
    text = "The room: wrong invoice for the food"
    span = Span(start=text.index("wrong"), end=text.index(" for"), emotion=Emotion.FRUSTRATED)
    (reading,) = TOPICS.about([text], [Reading(spans=(span,))])
    assert reading.spans[0].topic == "billing"


@pytest.mark.parametrize(
    "text", ["Invoice", "INVOICES!", "invoice's", "(invoice)", "my-invoice", "“invoice”", "_invoice_"]
)
def test_a_word_is_found_however_it_is_written(text: str) -> None:
    """Case, the plural and marks around a word do not matter."""
    assert TOPICS.about([text], [Reading()])[0].topics == ("billing",)


def test_addresses_are_about_nothing() -> None:
    """What stands in the address of a page or a mailbox is no topic, and parts no clauses."""
    assert about("wrong! https://shop.example/refund?invoice=1") == [("wrong", None)]
    assert about("invoice mailed to staff.delivery@shop.example wrong") == [("wrong", "billing")]
    assert about("it's @ the staff, lovely") == [("lovely", "staff")]


@pytest.mark.parametrize("text", ["invoiceless", "preinvoice", "in voice", "invoice2"])
def test_a_part_of_a_word_is_no_word(text: str) -> None:
    """Words are found whole."""
    assert TOPICS.about([text], [Reading()])[0].topics == ()


def test_the_longest_phrase_wins() -> None:
    """A phrase wins over a shorter one that begins with it, in the plural too, but not over the end of a clause."""
    topics = Topics({"a": ["delivery"], "b": ["delivery driver"], "c": ["driver"], "d": ["delivery driver app crash"]})

    def found(text: str) -> tuple[str, ...]:
        return topics.about([text], [Reading()])[0].topics

    assert found("the delivery drivers app") == ("b",)
    assert found("delivery-driver app crashes") == ("d",)
    assert found("driver delivery driver") == ("c", "b")
    assert found("delivery. Driver") == ("a", "c")
    assert found("delivery driver, app crash") == ("b",)


def test_topics_are_told_by_weight() -> None:
    """What hurts comes first, then what is felt otherwise, then what is named more often, then what is named first."""
    text = "Food. App. Seat, seat. Staff lovely. The invoice is wrong."
    assert TOPICS.about([text], [read(text)])[0].topics == ("billing", "staff", "seat", "food", "app")
    assert TOPICS.about([text], [Reading()])[0].topics == ("seat", "food", "app", "staff", "billing")


def test_what_was_not_understood_names_nothing() -> None:
    """A text that could not be read has no topics, even if a word of it looks like one."""
    (reading,) = TOPICS.about(["une invoice"], [Reading(understood=False)])
    assert reading.topics == ()


def test_told_again_under_another_policy() -> None:
    """Topics of an earlier list do not stay: the reading is about what the list of now says."""
    text = "staff lovely, invoice wrong again"
    once = TOPICS.about([text], [read(text)])
    other = Topics({"letters": ["invoice"]})
    (again,) = other.about([text], once)
    assert ([span.topic for span in again.spans], again.topics) == ([None, "letters"], ("letters",))
    assert other.about(["nothing"], once)[0].topics == ()
    assert TOPICS.about([text], other.about([text], once)) == once


def test_nothing_else_changes() -> None:
    """Emotions, spans and unknown fields stay as the reader gave them, and a text without topics keeps its reading."""
    text = "staff lovely, invoice wrong again"
    given = Reading.model_validate({**read(text).model_dump(), "engine": "x"})
    (told,) = TOPICS.about([text], [given])
    bare = {**told.model_dump(), "topics": (), "spans": tuple({**s.model_dump(), "topic": None} for s in told.spans)}
    assert bare == given.model_dump()
    assert Reading.model_validate_json(told.model_dump_json()) == told
    plain = read("lovely weather")
    assert TOPICS.about(["lovely weather"], [plain])[0] is plain


SPANS = st.builds(
    lambda start, length, emotion: Span(start=start, end=start + length, emotion=emotion),
    st.integers(0, 400),
    st.integers(1, 60),
    st.sampled_from(EMOTIONS),
)
PIECES = st.sampled_from(
    [
        "staff",
        "invoice",
        "call centre",
        "call",
        "and",
        "and the",
        "but",
        ",",
        ".",
        " ",
        "\n",
        "3.5",
        "İ",
        "\ud800",
        "ok",
    ]
)


@settings(max_examples=100)
@given(
    st.one_of(st.text(max_size=300), st.lists(PIECES, max_size=60).map(" ".join), st.sampled_from(HOSTILE)),
    st.lists(SPANS, max_size=8),
)
def test_any_text_and_any_spans(text: str, spans: list[Span]) -> None:
    """Whatever the text and wherever the spans, places and emotions stay, and a span's topic is one that is named."""
    given = Reading(spans=tuple(spans))
    (told,) = TOPICS.about([text], [given])
    assert [(s.start, s.end, s.emotion) for s in told.spans] == [(s.start, s.end, s.emotion) for s in spans]
    assert {span.topic for span in told.spans} - {None} <= set(told.topics) <= set(POLICY.topics)
    assert len(set(told.topics)) == len(told.topics)
    assert TOPICS.about([text], [told]) == [told]


@settings(max_examples=100)
@given(st.lists(st.sampled_from(["staff", "ok", "call centre", "call", "not", "invoices", "driver"]), max_size=20))
def test_what_is_found_is_what_stands_there(words: list[str]) -> None:
    """A span over the words of a mention is about it: places are true however often a word comes before."""
    topics = Topics({"staff": ["staff"], "line": ["call centre"], "billing": ["invoice"]})
    owners = {"staff": "staff", "call centre": "line", "invoices": "billing"}
    text, spans, told = "", [], []
    for word in words:
        if word in owners:
            spans.append(Span(start=len(text), end=len(text) + len(word), emotion=Emotion.HAPPY))
            told.append(owners[word])
        text += word + " . "
    (reading,) = topics.about([text], [Reading(spans=tuple(spans))])
    assert [span.topic for span in reading.spans] == told


def seconds(text: str, reading: Reading) -> float:
    """Answer the least CPU time of some tries."""
    tries = []
    for _ in range(7):
        started = time.process_time()
        TOPICS.about([text], [reading])
        tries.append(time.process_time() - started)
    return min(tries)


@pytest.mark.parametrize(
    "piece",
    ["the staff were lovely and the invoice wrong, ", "staff ", "call ", ".", "- ", "and the ", "a", "1,", "İ "],
)
def test_time_is_linear(piece: str) -> None:
    """Twice the text, with twice the spans, takes at most four times as long."""
    half = (piece * (TEXT_CHARS_MAX // len(piece)))[: TEXT_CHARS_MAX // 2]
    spans = tuple(Span(start=at, end=at + 4, emotion=Emotion.HURRIED) for at in range(0, TEXT_CHARS_MAX, 50))
    before = seconds(half, Reading(spans=spans[: len(spans) // 2]))
    assert seconds(half * 2, Reading(spans=spans)) <= 4 * before + 0.001


@pytest.mark.parametrize("piece", ["invoice wrong, ", ".", "call me ", "and ", "\n", "-", "—-,", "aa'a"])
def test_a_letter_of_200_kb_takes_no_time(piece: str) -> None:
    """However a text of 200 kB is made, it is done within a tenth of a second: what is beyond the limit is not read."""
    text = (piece * 200_000)[:200_000]
    (reading,) = TOPICS.about([text + " invoice"], [Reading()])
    assert seconds(text, Reading(spans=(Span(start=0, end=1, emotion=Emotion.HAPPY),))) < 0.1
    assert reading.topics == (("billing",) if "invoice" in piece else ())
