"""A reading is corrected, from whoever knows better to the timeline, the alert and the label; the ledger agrees."""

from collections.abc import Mapping
from typing import Any

import orjson
import pytest

from pipeline.client import prepare_correction
from pipeline.domain.envelope import seal
from pipeline.domain.events import Moment
from pipeline.ports import Send
from tests.faults.crowd import crowd
from tests.faults.memory_house import MemoryHouse, red

HURT: Mapping[str, Any] = {"emotions": {"disappointed": 2}, "primary": "disappointed", "valence": -2}
GLAD: Mapping[str, Any] = {"emotions": {"pleased": 1}, "primary": "pleased", "valence": 1}
EVENTS = 200


@pytest.fixture
async def house() -> MemoryHouse:
    """A house in which a crowd has spoken, and persons have moved."""
    made = MemoryHouse.build()
    await made.publish(crowd(11, EVENTS))
    await made.bus.run(made.doors, 50)
    return made


def moments(house: MemoryHouse) -> list[Moment]:
    """Answer every moment as it came first, each once."""
    records = [r for r in house.bus.records("moments") if b"moment.stitched" in dict(r.headers)["ce_type"]]
    return list({m.id: m for m in (Moment.model_validate_json(r.value or b"") for r in reversed(records))}.values())


async def correct(house: MemoryHouse, several: list[tuple[Moment, Mapping[str, Any]]], batch_events: int = 7) -> None:
    """Let Ben correct moments, of whoever they were stitched to first, and carry."""
    for moment, said in several:
        data = {"moment": moment.id, "person": moment.person, "by": "ben", **said}
        house.bus.append(prepare_correction(data, house.doors.clock)[1])
    await house.bus.run(house.doors, batch_events)


async def test_everything_still_adds_up(house: MemoryHouse) -> None:
    """Many readings are corrected, again and back, also of persons who have moved: the ledger finds nothing."""
    told = moments(house)
    alerts = (await house.report()).totals["alerts"]
    await correct(house, [(each, HURT if n % 2 else GLAD) for n, each in enumerate(told[::3])])
    house.doors.clock.wind(1)  # type: ignore[attr-defined]
    await correct(house, [(each, GLAD if n % 2 else HURT) for n, each in enumerate(told[::4])])
    report = await house.report()
    assert red(report) == set()
    assert (report.totals["remembered"], report.totals["rejected"]) == (EVENTS, 0)
    assert report.totals["alerts"] > alerts
    assert any(kept.moved_to for kept in [each async for each in house.timelines.kept()])


async def test_an_alert_that_a_correction_should_have_raised(house: MemoryHouse) -> None:
    """Where the alert of a corrected reading is dropped, the ledger misses it: what it says of others can be false."""
    calm = next(each for each in moments(house) if each.reading.primary is None)
    await correct(house, [(calm, HURT)])
    for place, records in house.bus.log.items():
        if place[0].startswith("alerts."):
            records[:] = [record for record in records if calm.id.encode() not in (record.value or b"")]
    assert "missing-alert" in red(await house.report())


async def test_another_client_corrects(house: MemoryHouse) -> None:
    """Any Kafka client sends a correction as a CloudEvent; one that says nothing sensible is kept in rejects."""
    calm = next(each for each in moments(house) if each.reading.primary is None)
    data = {"moment": calm.id, "person": calm.person, "by": "crm", "at": house.doors.clock.now().isoformat(), **HURT}
    headers = seal("reading.corrected", "theirs", "/crm", data["at"], calm.person)
    for body in (data, data | {"valence": 7}):
        house.bus.append(Send("moments", calm.person.encode(), orjson.dumps(body), headers))
    await house.bus.run(house.doors)
    [reject] = house.bus.records("rejects")
    told = dict(reject.headers)
    assert (told["reject-reason"], told["reject-detail"][:9]) == (b"schema", b"/valence:")
    assert red(await house.report()) == set()
