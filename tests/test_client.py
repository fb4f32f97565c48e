"""The client, as far as it needs no server: what it publishes, what it refuses, whom a word means."""

from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pipeline
from pipeline.client import (
    Client,
    find_person,
    handles_meant,
    key_of,
    open_envelope_body,
    prepare,
    prepare_correction,
)
from pipeline.clocks import WoundClock
from pipeline.domain.errors import HeartlineError, Reason, Rejected, Unavailable
from pipeline.domain.events import Merge
from pipeline.domain.identity import own_person
from pipeline.domain.limits import RECORD_BYTES_MAX
from pipeline.flow import STEPS, parse
from pipeline.settings import Settings
from pipeline.stages.stitch import send_merge
from tests.makers import NOON, feedback, record, said, world

CLOCK = WoundClock(NOON)
FEEDBACK = next(step for step in STEPS if step.topic == "feedback")
MOMENTS = next(step for step in STEPS if step.topic == "moments")
SAID: dict[str, Any] = {"moment": "m", "person": "p1-a", "by": "ben", "valence": -1}


@settings(max_examples=50)
@given(st.text(max_size=40), st.dictionaries(st.sampled_from(["nps", "stars"]), st.floats(-1e6, 1e6)), st.booleans())
def test_what_is_prepared_is_what_arrives(text: str, answers: dict[str, float], unknown: bool) -> None:
    """The record that publishes a feedback is read by the flow as the very same feedback, unknown fields included."""
    data = said(1, text, {"email": "ana@example.com"}, answers=answers, **({"mood": [1]} if unknown else {}))
    told, send = prepare(data, CLOCK)
    assert parse(FEEDBACK, record(send.value, send.headers)) == told
    assert told.text == text.replace("\x00", "")


def test_what_is_missing_is_filled_in() -> None:
    """Without id, source and time a feedback gets an id of its content, its channel, and the present."""
    told, _ = prepare({"channel": "chat", "text": "x"}, CLOCK)
    assert (told.source, told.at) == ("/channels/chat", NOON)
    assert told.id == prepare({"text": "x", "channel": "chat"}, CLOCK)[0].id
    assert told.id != prepare({"channel": "chat", "text": "y"}, CLOCK)[0].id


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"channel": "chat"},
        {"channel": "chat", "text": 5},
        {"channel": "chat", "text": "\ud800"},
        {"id": "1", "channel": "chat", "text": "\ud800"},
        {"id": "1", "channel": "chat", "text": "x", "metadata": {"x": "\ud800"}},
        {"id": "1", "channel": "chat", "text": "x", "metadata": {"x": object()}},
        {"id": "1", "channel": "chat", "text": "x", "odd": object()},
        {"channel": "chat", "text": "x", "metadata": {"big": 2**70}},
        {"channel": "chat", "text": "x", "metadata": {1: 2}},
        {"channel": "chat", "text": "x", "at": "2026-09-01"},
        {"channel": "chat", "text": "x", "answers": {"nps": float("nan")}},
    ],
)
def test_what_can_never_be_good_is_refused_here(data: dict[str, Any]) -> None:
    """What the workers would reject, or what is no JSON, is refused before it is sent, as Rejected."""
    with pytest.raises(Rejected) as caught:
        prepare(data, CLOCK)
    assert caught.value.reason is Reason.SCHEMA


def test_what_is_too_large_is_refused_here() -> None:
    """A feedback larger than the workers read is refused before it is sent."""
    with pytest.raises(Rejected) as caught:
        prepare({"channel": "chat", "text": "x" * RECORD_BYTES_MAX}, CLOCK)
    assert caught.value.reason is Reason.TOO_LARGE


def test_the_key_is_the_strongest_handle() -> None:
    """A record's key is the strongest handle, normalised; an unusable one does not count; without any it is the id."""
    told = feedback(1, handles={"social": "@Ana", "email": "Ana@example.com", "customer_id": "C-1"})
    assert key_of(told, "GB") == b"customer_id:C-1"
    assert key_of(feedback(1, handles={"device": "x", "phone": "999", "email": "Ana@example.com"}), "GB") == (
        b"email:ana@example.com"
    )
    assert key_of(feedback(1, handles={"device": "x"}), "GB") == b"f-1"


@pytest.mark.parametrize(
    ("text", "handles"),
    [
        ("Ana@Example.com", ["email:ana@example.com"]),
        ("email:Ana@Example.com", ["email:ana@example.com"]),
        ("@Ana", ["social:ana"]),
        ("phone:020 7946 0018", ["phone:+442079460018"]),
        ("C-1", ["customer_id:C-1", "employee_id:C-1", "social:c-1", "respondent:C-1"]),
        ("020 7946 0018", ["customer_id:020 7946 0018", "employee_id:020 7946 0018", "phone:+442079460018",
                           "social:020 7946 0018", "respondent:020 7946 0018"]),
        ("a@b@c", []),
        ("", []),
    ],
)  # fmt: skip
def test_whom_a_word_means(text: str, handles: list[str]) -> None:
    """An e-mail, an '@name', a 'kind:value' and a bare word each mean the handles that they can be."""
    assert handles_meant(text, "GB") == handles


async def test_a_person_is_found_by_any_handle_and_through_moves() -> None:
    """Any handle, and any former id, leads to the person that lives; whoever never spoke is nobody."""
    here = world()
    await here.publish(
        said(1, "happy", {"email": "ana@example.com"}),
        said(2, "happy", {"phone": "020 7946 0018"}),
        said(3, "happy", {"phone": "020 7946 0018", "email": "ana@example.com"}),
    )
    await here.run(1)
    person = own_person("email:ana@example.com")
    here.bus.append(send_merge(Merge(person=person, into="p1-crm", evidence="m", at=NOON)))
    await here.run(1)
    for who in ("ANA@example.com", "0207 946 0018", "phone:+442079460018", person, "p1-crm"):
        assert await find_person(who, here.identities, here.timelines, "GB") == "p1-crm"
    for who in ("ben@example.com", "p1-nobody", "not an address@"):
        assert await find_person(who, here.identities, here.timelines, "GB") is None


async def test_what_is_refused_is_told_by_its_place() -> None:
    """All that is wrong is refused with its place and reason; where nothing is good no server is asked."""
    client = Client(Settings(kafka="127.0.0.1:1"))
    told = await client.publish_many([{"id": "1", "channel": "chat"}, {"id": 5, "channel": "chat", "text": "x"}])
    assert told.accepted == ()
    assert [(each.place, each.id, each.why.reason) for each in told.refused] == [
        (0, "1", Reason.SCHEMA),
        (1, None, Reason.SCHEMA),
    ]
    with pytest.raises(Rejected):
        await client.publish({"channel": "chat"})


async def test_no_broker_is_unavailable() -> None:
    """Where no broker answers, publishing says so as Unavailable, with the address."""
    async with Client(Settings(kafka="127.0.0.1:1")) as client:
        with pytest.raises(Unavailable, match=r"127\.0\.0\.1:1"):
            await client.publish({"channel": "chat", "text": "x"})


def test_a_damaged_entry_says_what_to_do() -> None:
    """An entry that is no JSON is a Heartline error, not one of the parser."""
    assert open_envelope_body(b"{}") == {}
    with pytest.raises(HeartlineError, match="damaged"):
        open_envelope_body(b"{")


def test_the_names_for_engineers() -> None:
    """Every name that the package offers exists, and no other name is answered."""
    for name in pipeline.__all__:
        assert getattr(pipeline, name).__name__ == name
    assert pipeline.Client is Client
    with pytest.raises(AttributeError, match="Klient"):
        _ = pipeline.Klient


def test_values_of_the_client_are_json() -> None:
    """A prepared record's value is the data alone; id and source stand in the headers."""
    _, send = prepare(said(1, "x", {}), CLOCK)
    assert orjson.loads(send.value or b"").keys() == {"channel", "touchpoint", "at", "text"}
    assert dict(send.headers)["ce_id"] == b"f-1"


def test_a_prepared_correction_is_what_arrives() -> None:
    """The record that publishes a correction is keyed by the person and read by the flow as the very same, made now."""
    told, send = prepare_correction({**SAID, "desk": 3}, CLOCK)
    assert parse(MOMENTS, record(send.value, send.headers, "moments")) == told
    assert (send.key, told.at, dict(send.headers)["ce_id"]) == (b"p1-a", NOON, told.id.encode())


def test_any_client_may_correct() -> None:
    """A correction in structured mode, with an id of its producer's own, is the same correction."""
    told, _ = prepare_correction(SAID | {"at": NOON.isoformat()}, CLOCK)
    event = {
        "specversion": "1.0", "id": "mine", "source": "/desk", "type": "io.heartline.reading.corrected.v1",
        "data": {**SAID, "at": NOON.isoformat()},
    }  # fmt: skip
    other = parse(MOMENTS, record(orjson.dumps(event), (), "moments"))
    assert isinstance(other, pipeline.Correction)
    assert other.id == told.id


@pytest.mark.parametrize(
    "wrong", [{"valence": 5}, {"by": ""}, {"at": "noon"}, {"note": "\ud800"}, {"odd": object()}, {"valence": None}]
)
async def test_a_wrong_correction_is_refused_here(wrong: dict[str, Any]) -> None:
    """What the workers would reject is refused before it is sent."""
    with pytest.raises(Rejected) as caught:
        await Client(Settings(kafka="127.0.0.1:1")).correct(SAID | wrong)
    assert caught.value.reason is Reason.SCHEMA


def test_a_correction_that_is_too_large_is_refused_here() -> None:
    """A correction larger than a record may be is refused before it is sent."""
    with pytest.raises(Rejected) as caught:
        prepare_correction({**SAID, "more": "x" * RECORD_BYTES_MAX}, CLOCK)
    assert caught.value.reason is Reason.TOO_LARGE
