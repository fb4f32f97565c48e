"""Column maps: which column becomes what, times and numbers as people write them."""

from datetime import UTC, datetime

import pytest

from pipeline.cli.maps import Column, load_map, number_of, parse_map, shipped, time_of
from pipeline.client import prepare
from pipeline.clocks import WoundClock
from pipeline.domain.errors import Misconfigured

LONDON = Column(times=("%d/%m/%Y %H:%M",), zone="Europe/London")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("2015", datetime(2015, 1, 1, tzinfo=UTC)),
        ("2015-12", datetime(2015, 12, 1, tzinfo=UTC)),
        ("2020 Spring", datetime(2020, 3, 1, tzinfo=UTC)),
        ("Fall 2021", datetime(2021, 9, 1, tzinfo=UTC)),
        ("2019-09-24T00:00:00", datetime(2019, 9, 24, tzinfo=UTC)),
        ("2015-12-16", datetime(2015, 12, 16, tzinfo=UTC)),
        ("2026-09-07T07:52:00+02:00", datetime(2026, 9, 7, 5, 52, tzinfo=UTC)),
        ("1700000000", datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)),
        ("1700000000000", datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)),
        ("2015-13", None),
        ("0000", None),
        ("last week", None),
        ("Monday 2020", None),
    ],
)
def test_time(text: str, told: datetime | None) -> None:
    """A period means its beginning in UTC, a full time itself, and what is no time is none."""
    assert time_of(text, Column()) == told


def test_time_with_zone() -> None:
    """A time in a named zone is that zone's, also in summer."""
    assert time_of("07/09/2026 08:30", LONDON) == datetime(2026, 9, 7, 7, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "told"),
    [("8", 8.0), (" 8,5 ", 8.5), (7, 7.0), ("nan", None), ("inf", None), ("recommended", None), (True, None)],
)
def test_number(value: object, told: float | None) -> None:
    """Numbers are read with point or comma; what is none, or not finite, is not an answer."""
    assert number_of(value) == told


def test_reviews() -> None:
    """The map for reviews finds source, person, score and time, and keeps the rest."""
    row = {
        "id": "nhs:1",
        "text": "Kind staff",
        "channel": "survey",
        "org": "Trust",
        "question": "Why?",
        "score": "1",
        "customer_key": "nhs:7e",
        "date": "2021-09-30T00:00:00",
        "themes": ["a"],
    }
    told = load_map("reviews")(row)
    feedback, send = prepare(told, WoundClock())
    assert (feedback.source, feedback.channel, feedback.touchpoint) == ("/reviews/nhs", "survey", "Why?")
    assert feedback.at == datetime(2021, 9, 30, tzinfo=UTC)
    assert [(handle.kind, handle.value) for handle in feedback.handles] == [("respondent", "nhs:7e")]
    assert feedback.answers == {"score": 1.0}
    assert feedback.metadata == {"themes": ["a"]}
    assert send.key == b"respondent:nhs:7e"


@pytest.mark.parametrize("date", ["2020 Spring", "2016", "2015-12", "once", "", None])
def test_reviews_with_half_a_date(date: str | None) -> None:
    """Whatever stands for a date, the row is accepted; one that cannot be read stays in the metadata."""
    clock = WoundClock()
    feedback, _ = prepare(load_map("reviews")({"id": "a:1", "text": "", "date": date}), clock)
    assert (feedback.at == clock.now()) == (date in {"once", "", None})
    assert feedback.metadata == ({"at": "once"} if date == "once" else {})


def test_words_for_numbers_and_employees() -> None:
    """Words are translated as the map says, others go to the default."""
    given = load_map("reviews")
    assert given({"id": "s:1", "text": "x", "score": "recommended"})["answers"] == {"score": 1.0}
    assert given({"id": "s:1", "text": "x", "channel": "employee survey"})["stakeholder"] == "employee"
    assert given({"id": "s:1", "text": "x", "channel": "survey"})["stakeholder"] == "customer"


@pytest.mark.parametrize("name", shipped())
def test_shipped(name: str) -> None:
    """Every map that ships is valid and takes a row with a text only."""
    given = load_map(name)
    row = {given.text.columns[0]: "well done", "id": "x:1", "channel": "chat"}
    feedback, _ = prepare(given(row), WoundClock())
    assert feedback.text == "well done"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[map", "not valid TOML"),
        ("[columns]\nid='x'", r"one table \[map\]"),
        ("[map]\ntext='t'", "map.channel"),
        ("[map]\ntext='t'\nchannel='c'\nwhat='x'", "map.what"),
        ("[map]\ntext='t'\nchannel='c'\nat={column='x', zone='Mars/Base'}", "no time zone"),
    ],
)
def test_wrong_map(text: str, why: str) -> None:
    """A wrong map is told with what is wrong in it."""
    with pytest.raises(Misconfigured, match=why):
        parse_map(text, "my.toml")


def test_unknown_map() -> None:
    """A map that is not there is told together with those that ship."""
    with pytest.raises(Misconfigured, match="reviews"):
        load_map("nowhere.toml")
