"""The checker, checked: each way to break the house turns its own anomaly red, and only that one."""

import random  # noqa: TID251 - seeded
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from pipeline.buses.memory import MemoryRecord
from pipeline.domain.envelope import Record
from pipeline.domain.errors import Reason, Rejected
from pipeline.domain.events import Alert, Moment
from pipeline.domain.identity import moment_id
from pipeline.domain.ledger import Noted
from pipeline.flow import carry
from pipeline.ports import Change, Remembered, Send
from pipeline.stages.fold import _send_alert
from pipeline.stages.stitch import send_moment
from pipeline.stages.work import Doors, Outcome
from tests.faults.crowd import crowd
from tests.faults.memory_house import MemoryHouse, red

SEED = 20_261_124
EVENTS = 240
TWICE = 24


class Wrapped:
    """A door in front of another; what it does not do itself, the other does."""

    def __init__(self, door: Any) -> None:
        self._door = door

    def __getattr__(self, name: str) -> Any:
        return getattr(self._door, name)


@pytest.fixture
async def house() -> MemoryHouse:
    """A house to which 240 events of 20 people were published, a tenth of them twice."""
    house = MemoryHouse.build()
    events = list(crowd(SEED, EVENTS, persons=20))
    await house.publish([*events, *events[-TWICE:]])
    return house


async def run(house: MemoryHouse, batch_events: int = 50) -> None:
    """Carry everything, as MemoryBus.run does, through the ``carry`` of the house."""
    topics = ("feedback", "moments", "alerts")
    moved = True
    while moved:
        moved = False
        for topic, partition in sorted(house.bus.log):
            at = house.bus.committed[topic, partition]
            batch = house.bus.log[topic, partition][at : at + batch_events]
            if topic.partition(".")[0] not in topics or not batch:
                continue
            outcome = await house.carry(topic, batch, house.doors)
            await house.bus.send(outcome.sends)
            for settle in outcome.confirmed:
                await settle()
            house.bus.committed[topic, partition] = at + len(batch)
            moved = True


async def test_unbroken(house: MemoryHouse) -> None:
    """Without a mutation nothing is found, though events come twice and persons merge."""
    await run(house)
    report = await house.report()
    assert report.clean, report.anomalies
    assert report.verdict == "lost 0, doubled 0, phantom 0, one outcome for each"
    assert (report.totals["feedback"], report.totals["remembered"]) == (264, 240)
    assert min(report.totals["alerts"], report.totals["cases"]) > 10
    assert any(kept.moved_to for kept in [each async for each in house.timelines.kept()])


async def test_delivered_again(house: MemoryHouse) -> None:
    """Every batch of every topic carried twice still leaves nothing to find."""

    async def twice(topic: str, records: Sequence[Record], doors: Doors) -> Outcome:
        first = await carry(topic, records, doors)
        await doors.bus.send(first.sends)
        return await carry(topic, records, doors)

    await run(replace(house, carry=twice))
    report = await house.report()
    assert report.clean, report.anomalies


async def test_dedup_off(house: MemoryHouse) -> None:
    """A timeline that forgets what it knows counts a moment twice: doubled."""

    class Forgetful(Wrapped):
        async def load(
            self, wanted: Mapping[str, Sequence[str]]
        ) -> tuple[Mapping[str, Remembered], Mapping[str, Send]]:
            states, outbox = await self._door.load(wanted)
            return {person: state._replace(known=frozenset()) for person, state in states.items()}, outbox

    await run(house.with_doors(timelines=Forgetful(house.timelines)))
    assert red(await house.report()) == {"doubled"}


@pytest.mark.parametrize(("topic", "anomaly"), [("feedback", "lost"), ("moments", "lost"), ("alerts", "missing-case")])
async def test_early_commit_and_crash(house: MemoryHouse, topic: str, anomaly: str) -> None:
    """A batch that is committed first and whose worker then dies is gone: lost, or without a case."""
    crashed = False

    async def early(name: str, records: Sequence[Record], doors: Doors) -> Outcome:
        nonlocal crashed
        if not crashed and name.startswith(topic) and any(said_once(record) for record in records):
            crashed = True
            return Outcome()
        return await carry(name, records, doors)

    await run(replace(house, carry=early), batch_events=5)
    assert red(await house.report()) == {anomaly}


def said_once(record: Record) -> bool:
    """Whether a record (an alert: one that opens a case) comes of an event that nobody says again."""
    again = {moment_id("/tests/crowd", f"{SEED}-{number}") for number in range(EVENTS - TWICE, EVENTS)}
    kind, event = (dict(record.headers)[name].decode() for name in ("ce_type", "ce_id"))
    if "alert" in kind:
        alert = Alert.model_validate_json(record.value or b"")
        return alert.opens_case and alert.moment not in again
    if "feedback" in kind:
        event = moment_id("/tests/crowd", event)
    return "merged" not in kind and event not in again


@pytest.mark.parametrize(
    ("topic", "anomaly"),
    [("moments", "lost"), ("alerts", "missing-alert"), ("cases", "missing-case"), ("rejects", "lost")],
)
async def test_one_percent_dropped(house: MemoryHouse, topic: str, anomaly: str) -> None:
    """Records that vanish on their way are missed, each kind under its own name."""
    await house.bus.send([Send("feedback", None, b"{", ())] * 300)
    seen: dict[bytes, bool] = {}

    def gone(send: Send) -> bool:
        """The first of every hundred, at each of its deliveries; of a case every change."""
        headers = dict(send.headers)
        if not send.topic.startswith(topic) or headers.get("ce_type", b"").endswith(b"merged.v1"):
            return False
        who = send.key if topic == "cases" else headers.get("ce_id", headers.get("reject-offset"))
        return seen.setdefault(who or b"", len(seen) % 100 == 0)

    async def leaky(name: str, records: Sequence[Record], doors: Doors) -> Outcome:
        outcome = await carry(name, records, doors)
        outcome.sends = [send for send in outcome.sends if not gone(send)]
        return outcome

    await run(replace(house, carry=leaky))
    assert red(await house.report()) == {anomaly}


async def test_reorder(house: MemoryHouse) -> None:
    """A batch met in another order than it came in: inversion."""
    chance = random.Random(SEED)

    async def shuffled(topic: str, records: Sequence[Record], doors: Doors) -> Outcome:
        order = list(records)
        if topic == "feedback":
            chance.shuffle(order)
        return await carry(topic, order, doors)

    await run(replace(house, carry=shuffled))
    assert red(await house.report()) == {"inversion"}


async def test_double_alert(house: MemoryHouse) -> None:
    """An alert that gets a new id with each delivery: duplicate-alert."""

    async def drawn(topic: str, records: Sequence[Record], doors: Doors) -> Outcome:
        outcome = await carry(topic, records, doors)
        for send in list(outcome.sends):
            if send.topic.startswith("alerts"):
                again = (send.value or b"").replace(b'{"id":"', b'{"id":"f', 1)
                outcome.sends.append(send._replace(value=again))
        return outcome

    await run(replace(house, carry=drawn))
    assert red(await house.report()) == {"duplicate-alert"}


async def test_alert_for_nothing(house: MemoryHouse) -> None:
    """An alert that no rule asked for: phantom-alert."""

    await run(house)
    alert = next(r for r in house.bus.log.values() if r and r[0].topic.startswith("alerts"))[0]
    calm = next(m for m in house.bus.records("moments") if b'"primary":"happy"' in (m.value or b""))
    assert alert.value is not None
    moment = Moment.model_validate_json(calm.value or b"")
    false = Alert.model_validate_json(alert.value).model_copy(update={"id": "a-false-one", "moment": moment.id})
    await house.bus.send([_send_alert(false)])
    await run(house)
    assert red(await house.report()) == {"phantom-alert"}


async def test_phantom_moment(house: MemoryHouse) -> None:
    """A moment that comes from no record of feedback: phantom."""
    await run(house)
    record = next(m for m in house.bus.records("moments") if b'"primary":"happy"' in (m.value or b""))
    moment = Moment.model_validate_json(record.value or b"")
    false = moment.model_copy(update={"id": "nobody-said-it", "origin": None})
    await house.bus.send([send_moment(false)])
    await run(house)
    assert red(await house.report()) == {"phantom"}


async def test_moment_on_two_timelines(house: MemoryHouse) -> None:
    """A moment remembered by two persons: doubled."""
    await run(house)
    kept = [each async for each in house.timelines.kept() if each.moved_to is None and each.moments]
    giver = next(k for k in kept if len(k.moments) > 3)
    taker = next(k for k in kept if k.person != giver.person)
    (entry,) = await house.timelines.entries(giver.person, 1)
    state = (await house.timelines.load({taker.person: ()}))[0][taker.person]
    figures = state.figures._replace(moments=state.figures.moments + 1, neutral=state.figures.neutral + 1)
    assert await house.timelines.apply([Change(taker.person, state.version, figures, [entry], {})]) == [True]
    assert red(await house.report()) == {"doubled"}


async def test_unconfirmed_outbox(house: MemoryHouse) -> None:
    """An alert that was written and whose delivery nobody confirmed: stale-outbox."""

    async def forgetful(topic: str, records: Sequence[Record], doors: Doors) -> Outcome:
        outcome = await carry(topic, records, doors)
        outcome.confirmed = [settle for settle in outcome.confirmed if "sent" not in repr(settle)]
        return outcome

    await run(replace(house, carry=forgetful))
    assert red(await house.report()) == {"stale-outbox"}


async def test_two_outcomes(house: MemoryHouse) -> None:
    """A record that is rejected and remembered all the same: double-outcome."""
    await run(house)
    outcome = Outcome()
    outcome.reject(_only_once(house), Rejected(Reason.STAGE_FAILED, "a test"))
    await house.bus.send(outcome.sends)
    report = await house.report()
    assert red(report) == {"double-outcome"}
    assert "1 with two outcomes" in report.verdict


def _only_once(house: MemoryHouse) -> MemoryRecord:
    return next(r for r in house.bus.records("feedback") if dict(r.headers)["ce_id"] == f"{SEED}-0".encode())


async def test_what_producers_were_told(house: MemoryHouse) -> None:
    """An event that was confirmed and is not there is unseen; one that was refused and is there is a phantom."""
    await run(house)

    def noted(event: str, state: Any) -> Noted:
        return Noted(moment_id("/tests/crowd", event), "/tests/crowd", event, state)

    there, gone = f"{SEED}-1", f"{SEED}-never"
    told = [noted(there, "info"), noted(there, "ok"), noted(gone, "info"), noted(gone, "fail")]
    assert (await house.report(told)).clean
    assert red(await house.report([noted(gone, "fail"), noted(gone, "ok")])) == {"unseen"}
    assert red(await house.report([noted(there, "info"), noted(there, "fail")])) == {"phantom"}
    assert (await house.report([noted(there, "ok"), noted(there, "fail")])).clean
