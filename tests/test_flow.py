"""The flow: the story as data, and the one gesture with its three fates."""

from collections.abc import Sequence
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline import flow
from pipeline.domain.envelope import seal
from pipeline.domain.errors import Reason, Unavailable
from pipeline.domain.events import Merge
from pipeline.domain.limits import JSON_DEPTH_MAX, RECORD_BYTES_MAX
from pipeline.domain.reading import Reading
from pipeline.flow import STEPS, TOPICS, TYPES, Step, carry, parse, topic_names
from pipeline.ports import Send
from pipeline.stages.stitch import send_merge, send_moment
from pipeline.stages.work import Outcome
from tests.makers import NOON, NOON_MS, POLICY, WordReader, World, feedback, moment, publishing, record, said, world

NAMES = st.sampled_from(["id", "source", "channel", "at", "text", "handles", "answers", "metadata", "x"])
JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
DATA = st.dictionaries(NAMES, JSON)
NEXT = {"specversion": "1.0", "id": "1", "source": "/s", "data": {}, "type": "io.heartline.feedback.received.v2"}


def rejects(outcome: Outcome) -> list[tuple[int, str, str]]:
    """Answer (offset, reason, detail) of each reject."""
    headers = [dict(send.headers) for send in outcome.sends if send.topic == "rejects"]
    return [(int(h["reject-offset"]), h["reject-reason"].decode(), h["reject-detail"].decode()) for h in headers]


def batch(*texts: str) -> list[Any]:
    """Answer records of feedback, with offsets from 0."""
    sends = [publishing(said(n, text, {"email": f"{n}@example.com"})) for n, text in enumerate(texts)]
    return [record(send.value, send.headers, key=b"k", offset=n) for n, send in enumerate(sends)]


def test_the_story_hangs_together() -> None:
    """Every topic that a step meets or sends to is described, every type has its topic, every topic its types."""
    names = {topic.name for topic in TOPICS}
    assert {step.topic for step in STEPS} | {sent for step in STEPS for sent in step.sends} == names
    assert {kind for topic in TOPICS for kind in topic.carries} == TYPES.keys()
    for step in STEPS:
        assert "rejects" in step.sends


def test_topics_of_the_teams() -> None:
    """Each team has its topic of alerts, and no topic stands for all of them."""
    names = topic_names(["care", "people"])
    assert names.keys() == {"feedback", "moments", "links", "cases", "rejects", "alerts.care", "alerts.people"}
    assert names["alerts.care"] is names["alerts.people"]


async def test_the_whole_story() -> None:
    """A hurt that is published comes out as a moment, an alert of the owning team and an open case."""
    here = world()
    await here.publish(said(1, "I am neglected", {"email": "Ana@example.com", "customer_id": "C-1"}))
    await here.run()
    (told,) = [each for each in here.values("moments") if "feedback" in each]
    (raised,) = here.values("alerts.billing")
    (case,) = here.values("cases")
    assert raised["person"] == told["person"] == case["person"]
    assert (raised["moment"], raised["why"]["words"]) == (told["id"], ["neglected"])
    assert case["alerts"] == [raised["id"]]
    assert told["origin"] == {"partition": here.bus.records("feedback")[0].partition, "offset": 0}
    assert here.values("rejects") == []


@pytest.mark.parametrize(
    ("value", "headers", "reason"),
    [
        (None, (), Reason.TOMBSTONE),
        (b'{"text":"\xff"}', (), Reason.INVALID_ENCODING),
        (b"{", (), Reason.INVALID_JSON),
        (b'{"channel":"a","text":"x","answers":{"nps":1e999}}', (), Reason.INVALID_JSON),
        (b"[" * 100_000, (), Reason.TOO_DEEP),
        (b" " * (RECORD_BYTES_MAX + 1), (), Reason.TOO_LARGE),
        (b"[]", (), Reason.INVALID_ENVELOPE),
        (b"{}", (("ce_type", b"io.heartline.feedback.received.v1"),), Reason.INVALID_ENVELOPE),
        (b"{}", seal("alert.raised", "1", "/s", "t", "s"), Reason.UNKNOWN_TYPE),
        (b"{}", (("ce_type", b"org.other.v1"),), Reason.UNKNOWN_TYPE),
        (orjson.dumps(NEXT), (), Reason.UNKNOWN_VERSION),
        (b"{}", (), Reason.SCHEMA),
        (b'{"channel":"a"}', (), Reason.SCHEMA),
        (b'{"channel":"a","text":5}', (), Reason.SCHEMA),
        (b'{"channel":"a","text":"x","answers":{"nps":true}}', (), Reason.SCHEMA),
        (b'{"channel":"a","text":"x","at":"2026-01-01"}', (), Reason.SCHEMA),
    ],
)
async def test_bad_input_is_kept_with_its_reason(value: bytes | None, headers: Any, reason: Reason) -> None:
    """Bad input of every kind goes to rejects as it came; the good ones around it go their way."""
    here = world()
    good = batch("happy", "", "neglected")
    bad = record(value, headers, key=b"\x00\xff", offset=1)
    outcome = await carry("feedback", [good[0], bad, good[2]], here.doors)
    assert [(offset, why) for offset, why, _ in rejects(outcome)] == [(1, reason)]
    (kept,) = [send for send in outcome.sends if send.topic == "rejects"]
    assert (kept.key, kept.value, kept.headers[: len(headers)]) == (b"\x00\xff", value, tuple(headers))
    assert [send.topic for send in outcome.sends].count("moments") == 2
    assert outcome.rejected == 1


@pytest.mark.parametrize(
    ("value", "headers"),
    [
        (b'{"channel":"a","text":""}', ()),
        (b'{"channel":"a","text":"x","new":{"field":[1,2]}}', ()),
        (b'{"channel":"nobody knows it","text":"x","touchpoint":"moon"}', (("content-type", None), ("x", b"\xff"))),
        (b'{"channel":"a","text":"x","answers":{"nps":-0,"stars":-0.0}}', ()),
        (b'{"channel":"a","text":"x","text":"y"}', ()),
        (b'{"channel":"a","text":"x","at":1700000000}', ()),
        (orjson.dumps({"channel": "a", "text": "x", "many": {str(n): n for n in range(50_000)}}), ()),
    ],
)
async def test_unusual_input_is_taken(value: bytes, headers: Any) -> None:
    """Additive, empty and odd but valid input, without a key, becomes a moment."""
    outcome = await carry("feedback", [record(value, headers)], world().doors)
    assert rejects(outcome) == []
    assert [send.topic for send in outcome.sends] == ["moments"]


@pytest.mark.parametrize("timestamp", [10**18, -(10**18)])
async def test_a_record_of_no_time(timestamp: int) -> None:
    """A producer may stamp a record with anything: a time that does not exist is rejected and stops nobody."""
    send = publishing(said(1, "happy", {}))
    here = world()
    here.bus.append(send, timestamp)
    await here.run()
    assert dict(here.bus.records("rejects")[0].headers)["reject-reason"] == b"invalid_envelope"


@pytest.mark.parametrize("topic", ["moments", "alerts.care"])
async def test_only_feedback_may_come_bare(topic: str) -> None:
    """On Heartline's own topics data without an envelope, and types that belong elsewhere, are rejected."""
    told = moment()
    stray = record(told.model_dump_json().encode(), (), topic)
    wrong = record(b"{}", seal("case.changed", "1", "/s", "t", "s"), topic, offset=1)
    outcome = await carry(topic, [stray, wrong], world().doors)
    assert [why for _, why, _ in rejects(outcome)] == [Reason.INVALID_ENVELOPE, Reason.UNKNOWN_TYPE]


class Fragile(WordReader):
    """Fails on some texts, as a defect would."""

    def __init__(self) -> None:
        self.asked: list[Sequence[str]] = []

    def read(self, texts: Sequence[str]) -> Sequence[Reading]:
        """Fail where one of the texts is the wrong one."""
        self.asked.append(texts)
        if any("BOOM" in text for text in texts):
            raise ZeroDivisionError("the text was BOOM, which nobody must read in a log")
        return super().read(texts)


@settings(max_examples=25)
@given(st.lists(st.booleans(), min_size=1, max_size=24))
async def test_the_culprit_is_isolated_and_the_order_kept(wrong: list[bool]) -> None:
    """Events that make a stage fail are rejected alone; all others are done, in their order."""
    here = world()
    here.change(reader=Fragile())
    outcome = await carry("feedback", batch(*("BOOM" if bad else "happy" for bad in wrong)), here.doors)
    assert [(offset, why) for offset, why, _ in rejects(outcome)] == [
        (n, Reason.STAGE_FAILED) for n, bad in enumerate(wrong) if bad
    ]
    told = [orjson.loads(send.value or b"") for send in outcome.sends if send.topic == "moments"]
    assert [each["origin"]["offset"] for each in told] == [n for n, bad in enumerate(wrong) if not bad]


async def test_one_culprit_costs_a_logarithm() -> None:
    """Among 256 events one culprit is found with a few reads of halves, not with one read an event."""
    here, reader = world(), Fragile()
    here.change(reader=reader)
    await carry("feedback", batch(*["happy"] * 200, "BOOM", *["happy"] * 55), here.doors)
    assert len(reader.asked) <= 20


async def test_a_failure_is_told_without_the_words() -> None:
    """The detail says which error, where, and a hash to group by; never the message, which may quote a text."""
    here = world()
    here.change(reader=Fragile())
    outcome = await carry("feedback", batch("BOOM"), here.doors)
    ((_, _, detail),) = rejects(outcome)
    assert detail.startswith("ZeroDivisionError in read:")
    assert "BOOM" not in detail


async def test_a_shut_door_is_no_reject() -> None:
    """Unavailable leaves carry as it is: nothing is rejected, nothing is settled, all of it comes again."""
    here = world()

    class Shut(WordReader):
        def read(self, texts: Sequence[str]) -> Sequence[Reading]:
            raise Unavailable("the model is away")

    here.change(reader=Shut())
    with pytest.raises(Unavailable):
        await carry("feedback", batch("happy", "BOOM"), here.doors)


async def test_only_rejects_need_no_stage() -> None:
    """A batch of nothing but bad input meets no verb."""
    here, reader = world(), Fragile()
    here.change(reader=reader)
    outcome = await carry("feedback", [record(b"{")], here.doors)
    assert (outcome.rejected, reader.asked) == (1, [])


async def test_what_is_done_is_metered() -> None:
    """Each verb's events and the parsing are noted with the meter."""
    here = world()
    await carry("feedback", batch("happy", "neglected"), here.doors)
    assert {name: events for name, (events, _) in here.telemetry.stages.items()} == {
        "parse": 2, "read": 2, "stitch": 2}  # fmt: skip


async def largest(here: World, value: bytes) -> None:
    """Publish the largest that is taken, and let it flow."""
    here.bus.append(Send("feedback", b"k", value), NOON_MS)
    await here.run()


@pytest.mark.parametrize(
    "sent",
    [send_moment(moment()), send_merge(Merge(person="p1-b", into="p1-a", evidence="m", at=NOON))],
    ids=["moment", "merge"],
)
def test_what_was_sealed_here_is_read_straight_away(sent: Send, monkeypatch: pytest.MonkeyPatch) -> None:
    """`seal` and `parse` agree on where the headers stand, or each moment would be opened the long way."""
    monkeypatch.setattr(flow, "open_envelope", lambda *_: pytest.fail("opened the long way"))
    step = next(step for step in STEPS if step.topic == sent.topic)
    assert (
        parse(step, record(sent.value, sent.headers, sent.topic)).model_dump_json(exclude_none=True)
        == (sent.value or b"").decode()
    )


async def test_the_largest_feedback_goes_all_the_way() -> None:
    """A feedback of the largest size that is taken becomes a moment, an alert and a case: what is made of it fits."""
    here = world()
    start = b'{"channel":"a","text":"neglected '
    await largest(here, start + b"x" * (RECORD_BYTES_MAX - len(start) - 2) + b'"}')
    assert here.values("rejects") == []
    assert len(here.values("cases")) == 1
    limits = {name: topic.message_bytes_max for name, topic in topic_names(sorted(POLICY.teams)).items()}
    for (topic, _), place in here.bus.log.items():
        for each in place:
            assert len(each.value or b"") <= limits[topic]


async def test_the_deepest_feedback_goes_all_the_way() -> None:
    """A feedback nested as deep as may be becomes a moment, which is nested deeper, and is read."""
    here = world()
    deep = b"[" * (JSON_DEPTH_MAX - 2) + b"]" * (JSON_DEPTH_MAX - 2)
    await largest(here, b'{"channel":"a","text":"neglected","metadata":{"x":' + deep + b"}}")
    assert here.values("rejects") == []
    assert len(here.values("cases")) == 1


@settings(max_examples=60)
@given(DATA)
async def test_every_input_has_one_fate(data: dict[str, Any]) -> None:
    """Whatever JSON comes, it becomes one moment or one reject, and no error leaves."""
    data = {"channel": "a", "text": "x", **data}
    value = orjson.dumps(data, option=orjson.OPT_NON_STR_KEYS, default=str) if _fits(data) else b"{}"
    outcome = await carry("feedback", [record(value)], world().doors)
    assert [send.topic for send in outcome.sends] in (["moments"], ["rejects"])
    if outcome.sends[0].topic == "moments":
        step: Step = next(step for step in STEPS if step.topic == "moments")
        parse(step, record(outcome.sends[0].value, outcome.sends[0].headers, "moments"))


def _fits(data: Any) -> bool:
    try:
        orjson.dumps(data)
    except TypeError:
        return False
    return True


async def test_a_published_feedback_is_what_was_said() -> None:
    """What comes out as a moment holds every field that was published, typed answers and metadata included."""
    given_ = feedback(1, handles={"email": "a@b.org"}, answers={"nps": 3}, metadata={"a": [1]}, reply_to="a@b.org")
    send = publishing(orjson.loads(given_.model_dump_json()))
    outcome = await carry("feedback", [record(send.value, send.headers)], world().doors)
    assert orjson.loads(outcome.sends[0].value or b"")["feedback"] == orjson.loads(
        given_.model_dump_json(exclude_none=True)
    )
