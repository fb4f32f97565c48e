"""Figures as JSON."""

from datetime import UTC, datetime, timedelta, timezone

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.domain.emotions import EMOTIONS, Emotion
from pipeline.domain.events import Brief
from pipeline.domain.timeline import Figures
from pipeline.stores.redis.figures import decode_figures, encode_figures
from tests.makers import correction

words = st.text(max_size=20)
counts = st.integers(0, 2**40)
moments_ms = st.integers(-(2**40), 2**42)
zones = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
briefs = st.builds(
    Brief,
    at=st.datetimes(min_value=datetime(1900, 1, 1), max_value=datetime(2200, 1, 1), timezones=zones),  # noqa: DTZ001
    channel=words,
    touchpoint=st.none() | words,
    primary=st.none() | st.sampled_from(EMOTIONS),
    valence=st.floats(-1, 1),
    excerpt=words,
)
figures = st.builds(
    Figures,
    moments=counts,
    positive=counts,
    negative=counts,
    neutral=counts,
    trust=st.integers(-(2**900), 2**900),
    first_ms=st.none() | moments_ms,
    last_ms=st.none() | moments_ms,
    emotions=st.dictionaries(st.sampled_from(EMOTIONS), counts),
    recent=st.lists(st.tuples(moments_ms, words, briefs), max_size=3).map(tuple),
    aliases=st.frozensets(words, max_size=4),
    waiting=st.lists(
        st.builds(correction, valence=st.integers(-2, 2), note=st.none() | words, extra=words), max_size=2
    ).map(tuple),
)
BRIEF = Brief(at=datetime(2026, 1, 1, 12, tzinfo=UTC), channel="chat", valence=0.0)


@given(kept=figures)
def test_figures_come_back_equal(kept: Figures) -> None:
    """Any figures are the same after writing and reading, as are the models inside them."""
    again = decode_figures(encode_figures(kept))
    assert again == kept
    for (_, _, brief), (_, _, told) in zip(kept.recent, again.recent, strict=True):
        assert Brief.model_validate_json(told.model_dump_json()) == brief
        assert told.model_copy(update={"excerpt": "x"}).excerpt == "x"
        assert told.at.tzinfo is UTC


@given(kept=figures, zone=zones)
def test_equal_figures_give_equal_bytes(kept: Figures, zone: timezone) -> None:
    """Neither the order in which emotions and aliases came nor the time zone can be seen in the bytes."""
    other = Figures(
        moments=kept.moments,
        positive=kept.positive,
        negative=kept.negative,
        neutral=kept.neutral,
        trust=kept.trust,
        first_ms=kept.first_ms,
        last_ms=kept.last_ms,
        emotions=dict(reversed(kept.emotions.items())),
        recent=tuple((at, moment, b.model_copy(update={"at": b.at.astimezone(zone)})) for at, moment, b in kept.recent),
        aliases=frozenset(sorted(kept.aliases, reverse=True)),
        waiting=kept.waiting,
    )
    assert other == kept
    assert encode_figures(other) == encode_figures(kept)
    assert encode_figures(decode_figures(encode_figures(kept))) == encode_figures(kept)


def test_minus_zero_is_zero() -> None:
    """Valences that are equal are written in the same digits."""
    bodies = {
        encode_figures(Figures(recent=((0, "m", BRIEF.model_copy(update={"valence": valence})),)))
        for valence in (0.0, -0.0, 0)
    }
    assert len(bodies) == 1


def test_a_brief_of_another_shape_is_validated() -> None:
    """A field that an older worker did not write takes its default, one of a newer worker is kept."""
    kept = orjson.loads(encode_figures(Figures(recent=((0, "m", BRIEF),))))
    del kept["recent"][0][2]["excerpt"]
    kept["recent"][0][2]["mood"] = "blue"
    [(_, _, told)] = decode_figures(orjson.dumps(kept)).recent
    assert (told.excerpt, told.model_extra, told.at) == ("", {"mood": "blue"}, BRIEF.at)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"7",
        b"{}",
        b"\xff",
        encode_figures(Figures())[:-1],
        encode_figures(Figures(emotions={Emotion.HAPPY: 1})).replace(b"happy", b"hoppy"),
        encode_figures(Figures(trust=7)).replace(b'"7"', b'"seven"'),
        encode_figures(Figures(recent=((0, "m", BRIEF),))).replace(b"2026-", b"MMXXVI"),
        encode_figures(Figures(recent=((0, "m", BRIEF),))).replace(b'"channel":"chat",', b""),
        encode_figures(Figures(recent=((0, "m", BRIEF),))).replace(b'"m"', b'"m",1'),
        encode_figures(Figures(waiting=(correction(valence=1),))).replace(b"ben", b""),
        encode_figures(Figures())[:-1] + b',"waiting":[{}]}',
    ],
)
def test_what_is_not_figures_is_said_so(body: bytes) -> None:
    """Damaged bytes raise ValueError and nothing else."""
    with pytest.raises(ValueError):  # noqa: PT011 - any text: it is put into the message of the store
        decode_figures(body)


def test_who_waits_for_nothing_has_no_word_of_it() -> None:
    """Figures without a waiting correction are as long as they ever were."""
    assert b"waiting" not in encode_figures(Figures())
    assert b"waiting" in encode_figures(Figures(waiting=(correction(valence=1),)))
