"""The sample story is whole, in order, and touches nobody real."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from pathlib import Path
from typing import Any

import phonenumbers
import pytest

from pipeline.domain.events import Feedback
from pipeline.domain.identity import normalise
from pipeline.samples import story, story_file

CHANNELS = {"email", "chat", "call", "survey", "social", "review", "app", "kiosk", "store", "invoice"}
TOUCHPOINTS = {
    "app",
    "billing",
    "branch",
    "call_centre",
    "delivery",
    "kiosk",
    "management",
    "onboarding",
    "pricing",
    "product",
    "returns",
    "website",
    "workplace",
}
HANDLE_KINDS = {"customer_id", "employee_id", "email", "phone", "social"}
SCALES = {"nps": range(11), "csat": range(1, 6), "ces": range(1, 8), "stars": range(1, 6)}
REQUIRED = {"id", "source", "channel", "touchpoint", "at", "text", "handles", "stakeholder"}
OPTIONAL = {"answers", "reply_to", "metadata"}
START, END = datetime(2026, 9, 7, tzinfo=UTC), datetime(2026, 10, 19, tzinfo=UTC)

# National numbers that Ofcom keeps for drama: www.ofcom.org.uk, "Telephone numbers for drama use".
DRAMA = re.compile(
    r"1(1[345678]|[2-6]1)4960\d{3}|1914980\d{3}|2079460\d{3}|2896496\d{3}|2920180\d{3}|1632960\d{3}"
    r"|7700900\d{3}|808157\d{4}|909879\d{4}|3069990\d{3}"
)
TELEPHONE_DIGITS_MIN = 9  # national ones; fewer are the number of an order or an invoice
RESERVED = re.compile(r"([a-z0-9-]+\.)*example\.(com|org|net)")  # RFC 2606, section 3
DOMAIN_IN_TEXT = re.compile(r"(?:@|https?://|www\.)((?:[\w-]+\.)+[a-z]{2,})", re.IGNORECASE)

Data = dict[str, Any]


def samples() -> list[Path]:
    """The example payloads, one a channel."""
    return sorted((Path(__file__).parent / "feedback").glob("*.json"))


@pytest.fixture(scope="module", name="told")
def _told() -> list[Data]:
    return [json.loads(line) for line in story()]


@pytest.fixture(scope="module", name="payloads")
def _payloads() -> dict[str, Data]:
    return {path.stem: json.loads(path.read_text("utf-8")) for path in samples()}


def normal(handle: dict[str, str]) -> tuple[str, str]:
    """A handle as it is compared: lower case, telephone numbers in E.164, default region GB."""
    value = handle["value"].strip().lower()
    if handle["kind"] == "phone":
        number = phonenumbers.parse(value, "GB")
        value = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    return handle["kind"], value


def people(told: list[Data]) -> list[set[tuple[str, str]]]:
    """Handles that were ever seen together, directly or through others: one set a person."""
    found: list[set[tuple[str, str]]] = []
    for one in told:
        handles = {normal(handle) for handle in one["handles"]}
        if not handles:
            continue
        touching = [person for person in found if person & handles]
        found = [person for person in found if not person & handles]
        found.append(handles.union(*touching))
    return found


def faults(one: Data) -> Iterator[str]:
    """What is wrong with the form of one feedback."""
    if not one.keys() >= REQUIRED or one.keys() - REQUIRED - OPTIONAL:
        yield f"fields {sorted(one)}"
    if one["channel"] not in CHANNELS or one["source"] != f"/channels/{one['channel']}":
        yield f"channel {one['channel']!r} from {one['source']!r}"
    if one["touchpoint"] not in TOUCHPOINTS:
        yield f"touchpoint {one['touchpoint']!r}"
    if not 0 < len(one["text"]) <= 900 or one["text"] != one["text"].strip():
        yield "text empty, padded or too long"
    if not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", one["at"]):
        yield f"time {one['at']!r}"
    yield from faults_of_the_speaker(one)
    for scale, value in one.get("answers", {}).items():
        if value not in SCALES.get(scale, ()):
            yield f"answer {scale}={value}"


def faults_of_the_speaker(one: Data) -> Iterator[str]:
    """What is wrong with the handles and the kind of stakeholder of one feedback."""
    kinds = {handle["kind"] for handle in one["handles"]}
    if not kinds <= HANDLE_KINDS or any(handle.keys() != {"kind", "value"} for handle in one["handles"]):
        yield f"handles {one['handles']}"
    if one["stakeholder"] != ("employee" if "employee_id" in kinds else "customer"):
        yield f"stakeholder {one['stakeholder']!r}"
    if (one["touchpoint"] in {"workplace", "management"}) != (one["stakeholder"] == "employee"):
        yield f"{one['stakeholder']} speaks of {one['touchpoint']}"


def strangers(one: Data) -> Iterator[str]:
    """Addresses, numbers and sites in one feedback that could belong to somebody real."""
    for handle in one["handles"]:
        if handle["kind"] == "email" and not RESERVED.fullmatch(handle["value"].lower().partition("@")[2]):
            yield handle["value"]
        if handle["kind"] == "phone":
            number = phonenumbers.parse(handle["value"], "GB")
            if number.country_code != 44 or not DRAMA.fullmatch(str(number.national_number)):
                yield handle["value"]
    said = json.dumps({key: one.get(key) for key in ("text", "reply_to", "metadata")}, ensure_ascii=False)
    for domain in DOMAIN_IN_TEXT.findall(said):
        if not RESERVED.fullmatch(domain.lower()):
            yield domain
    for match in phonenumbers.PhoneNumberMatcher(said, "GB", leniency=phonenumbers.Leniency.POSSIBLE):
        digits = str(match.number.national_number)
        if len(digits) >= TELEPHONE_DIGITS_MIN and not DRAMA.fullmatch(digits):
            yield match.raw_string


def test_every_feedback_has_the_form_of_the_event(told: list[Data]) -> None:
    """Each line has the known fields, a known channel and touchpoint, a text of 1 to 900 characters."""
    assert [(one["id"], list(faults(one))) for one in told if list(faults(one))] == []


def test_the_domain_reads_it(told: list[Data], payloads: dict[str, Data]) -> None:
    """Each line and each example is a Feedback with nothing unknown, and each handle is one that stitches."""
    for one in [*told, *payloads.values()]:
        feedback = Feedback.model_validate(one)
        assert not feedback.model_extra, one["id"]
        assert None not in {normalise(handle.kind, handle.value, "GB") for handle in feedback.handles}, one["id"]


def test_the_story_is_large_enough(told: list[Data]) -> None:
    """At least 250 feedbacks of at least 25 people over all ten channels and all thirteen touchpoints."""
    assert len(told) >= 250
    assert len(people(told)) >= 25
    assert {one["channel"] for one in told} == CHANNELS
    assert {one["touchpoint"] for one in told} == TOUCHPOINTS


def test_it_lasts_six_weeks_in_order_of_time(told: list[Data]) -> None:
    """The lines run forward from the first day to the last one, with somebody speaking in each week."""
    times = [datetime.fromisoformat(one["at"]) for one in told]
    assert times == sorted(times)
    assert START <= times[0] < START + timedelta(days=1)
    assert END - timedelta(days=1) <= times[-1] < END
    assert min(Counter((at - START).days // 7 for at in times)[week] for week in range(6)) >= 30


def test_ids_and_texts_are_all_different(told: list[Data]) -> None:
    """No feedback stands twice and none repeats the words of another one."""
    assert len({one["id"] for one in told}) == len(told)
    assert len({one["text"].casefold() for one in told}) == len(told)


def test_texts_are_short_and_long(told: list[Data]) -> None:
    """The words of a feedback range from a lone emoji to more than a hundred words."""
    lengths = sorted(len(one["text"].split()) for one in told)
    assert lengths[0] == 1
    assert 100 <= lengths[-1] <= 120
    assert 10 <= lengths[len(lengths) // 2] <= 40


def test_handles_come_together_and_nobody_is_two(told: list[Data]) -> None:
    """At least ten people are met under three kinds of handle, and none has two numbers of the same firm."""
    found = people(told)
    assert sum(len({kind for kind, _ in person}) >= 3 for person in found) >= 10
    for person in found:
        assert sum(kind in {"customer_id", "employee_id"} for kind, _ in person) == 1, person


def test_handles_are_written_in_several_ways(told: list[Data]) -> None:
    """Some e-mail addresses and telephone numbers are spelt differently for the same person."""
    spellings: dict[tuple[str, str], set[str]] = {}
    for one in told:
        for handle in one["handles"]:
            spellings.setdefault(normal(handle), set()).add(handle["value"])
    varied = Counter(kind for (kind, _), forms in spellings.items() if len(forms) > 1)
    assert varied["email"] >= 10
    assert varied["phone"] >= 5


def test_some_speak_without_a_name(told: list[Data]) -> None:
    """Kiosks, and they alone, bring feedback without any handle."""
    nameless = [one for one in told if not one["handles"]]
    assert len(nameless) >= 5
    assert {one["channel"] for one in nameless} == {"kiosk"}


def test_invoices_are_a_hotspot(told: list[Data]) -> None:
    """At least 15 people speak of billing in the week from 28 September, at most 5 in any week before it."""
    found = people(told)
    speakers: dict[int, set[int]] = {}
    for one in told:
        if one["touchpoint"] == "billing" and one["handles"]:
            week = (datetime.fromisoformat(one["at"]) - START).days // 7
            person = next(i for i, handles in enumerate(found) if normal(one["handles"][0]) in handles)
            speakers.setdefault(week, set()).add(person)
    assert len(speakers[3]) >= 15
    assert max(len(speakers.get(week, ())) for week in range(3)) <= 5


def test_it_touches_nobody_real(told: list[Data], payloads: dict[str, Data]) -> None:
    """Every address has a reserved domain and every telephone number is one kept for drama."""
    assert [found for one in [*told, *payloads.values()] for found in strangers(one)] == []


@pytest.mark.parametrize(
    ("kind", "value"),
    [("email", "ana@gmail.com"), ("phone", "020 7219 3000"), ("phone", "+1 212 555 0100")],
)
def test_a_real_address_would_be_seen(told: list[Data], kind: str, value: str) -> None:
    """The check for strangers finds one as a handle and in the words."""
    assert list(strangers({**told[0], "handles": [{"kind": kind, "value": value}]})) == [value]
    assert list(strangers({**told[0], "text": f"write to {value}"})) != []


def test_story_file_holds_the_same_lines() -> None:
    """The file that ships is what ``story`` yields, in UTF-8 and with a line end after the last one."""
    assert story_file().read_bytes() == b"".join(line + b"\n" for line in story())


def test_the_people_of_the_guide_are_told_in_full(told: list[Data]) -> None:
    """Each row of people in STORY.md lists exactly the feedbacks of the person whose id it names."""
    guide = (files("pipeline.samples") / "STORY.md").read_text("utf-8")
    rows = re.findall(r"^\|.*\b([CE]-\d{4})\b.*\[(\d{3}(?:, \d{3})*)\] \|$", guide, re.MULTILINE)
    assert len(rows) >= 15
    found = people(told)
    for number, listed in rows:
        person = next(handles for handles in found if {("customer_id", number.lower())} & handles)
        spoken = [one["id"] for one in told if person & {normal(handle) for handle in one["handles"]}]
        assert [f"story-{place}" for place in listed.split(", ")] == spoken, number
    assert f"{len(told)} feedbacks" in guide
    assert f"{len(found)} people" in guide


def test_each_channel_has_an_example(payloads: dict[str, Data]) -> None:
    """There is one well-formed example payload a channel, named after it."""
    assert set(payloads) == CHANNELS
    for channel, one in payloads.items():
        assert one["channel"] == channel
        assert list(faults(one)) == []
