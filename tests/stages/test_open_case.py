"""Open a case: one a person and touchpoint, whatever comes again or at once."""

from collections.abc import Sequence
from datetime import timedelta

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.domain.cases import Case
from pipeline.domain.envelope import seal
from pipeline.domain.errors import Unavailable
from pipeline.domain.events import Alert
from pipeline.domain.limits import VERSION_TRIES_MAX
from pipeline.ports import Send
from pipeline.stages.open_case import open_case
from pipeline.stages.work import Arrived, Outcome
from pipeline.stores.memory import MemoryCases
from tests.makers import NOON, World, alert, record, world


async def opened(here: World, *alerts: Alert) -> list[Case]:
    """Meet the alerts as one batch and answer the cases that are sent."""
    outcome = Outcome()
    batch = [Arrived(record(b"", topic="alerts.billing", offset=n), each) for n, each in enumerate(alerts)]
    assert await open_case(batch, here.doors, outcome) == batch
    assert all(send.topic == "cases" for send in outcome.sends)
    return [Case.model_validate(orjson.loads(send.value or b"")) for send in outcome.sends]


async def test_a_hurt_opens_and_further_ones_join() -> None:
    """The first alert opens the case, the next joins it, another touchpoint has a case of its own."""
    here = world()
    (first,) = await opened(here, alert(1))
    (joined,) = await opened(here, alert(2))
    (other,) = await opened(here, alert(3, touchpoint="app"))
    assert (joined.id, joined.version, joined.hurts) == (first.id, 2, 2)
    assert other.id != first.id
    assert here.cases.ids("p1-a") == {"billing": first.id, "app": other.id}


async def test_an_alert_that_comes_again_changes_nothing() -> None:
    """Said again, an alert sends the case again as it stands, under the same version."""
    here = world()
    (first,) = await opened(here, alert(1))
    assert await opened(here, alert(1)) == [first]
    assert await opened(here, alert(1), alert(1)) == [first]


async def test_an_alert_that_names_another_touchpoint_now_stays_in_its_case() -> None:
    """Raised anew under another policy or after a correction, an alert is still answered by the case that it is in."""
    here = world()
    (first,) = await opened(here, alert(1))
    assert await opened(here, alert(1, touchpoint="app")) == [first]
    (both,) = await opened(here, alert(2), alert(1, person="p1-0", aliases=("p1-a",), touchpoint="app"))
    assert (both.id, both.version, both.alerts) == (first.id, 2, (alert(1).id, alert(2).id))
    assert here.cases.ids("p1-a") == {"billing": first.id}


async def test_an_alert_that_comes_twice_at_once_opens_one_case() -> None:
    """Forms of one alert in a batch, of another touchpoint or of another id of the person, are one."""
    here = world()
    (case,) = await opened(here, alert(1), alert(1, touchpoint="app"), alert(1, person="p1-0", aliases=("p1-a",)))
    assert case.alerts == (alert(1).id,)
    assert here.cases.ids("p1-a") == {"billing": case.id}
    assert here.cases.ids("p1-0") == {}


async def test_several_alerts_at_once_are_one_change() -> None:
    """A batch with several hurts of a person is one new version, with all of them counted."""
    (case,) = await opened(world(), alert(1), alert(2), alert(3), alert(2))
    assert (case.version, case.hurts, len(case.alerts)) == (1, 3, 3)


@settings(max_examples=20)
@given(st.lists(st.tuples(st.integers(1, 6), st.sampled_from("ab"), st.integers(1, 9)), max_size=10), st.integers(1, 4))
async def test_cases_do_not_depend_on_the_batches(told: list[tuple[int, str, int]], size: int) -> None:
    """However alerts are cut into batches and repeated, each person's case counts each alert once."""
    alerts = [
        alert(number + 10 * (who == "b"), person=f"p1-{who}", respond_by=NOON + timedelta(hours=number))
        for number, who, _ in told
    ]
    here = world()
    for start in range(0, len(alerts), size):
        await opened(here, *alerts[start : start + size])
    kept = await here.cases.load(["p1-a", "p1-b"])
    for who in "ab":
        mine = {each.id: each for each in alerts if each.person == f"p1-{who}"}
        case = kept[f"p1-{who}"].get("billing")
        if not mine:
            assert case is None
            continue
        assert case is not None
        assert (set(case.alerts), case.hurts) == (set(mine), len(mine))
        assert case.respond_by == min(each.respond_by for each in mine.values())


async def test_the_case_of_an_alias_is_found() -> None:
    """Where the person was somebody else when the case was opened, the hurt joins that case."""
    here = world()
    (first,) = await opened(here, alert(1, person="p2-b"))
    (joined,) = await opened(here, alert(2, person="p1-a", aliases=("p2-b",)))
    assert (joined.id, joined.person, joined.hurts) == (first.id, "p2-b", 2)


async def test_a_team_that_only_looks_opens_nothing() -> None:
    """An alert for review opens no case."""
    assert await opened(world(), alert(1, opens_case=False)) == []


class Contested(MemoryCases):
    """Cases that another worker writes first, a number of times."""

    def __init__(self, times: int) -> None:
        super().__init__()
        self.times = times

    async def save(self, cases: Sequence[Case]) -> Sequence[bool]:
        """Let the other one open the case with an alert of its own."""
        if self.times:
            self.times -= 1
            kept = (await self.load([cases[0].person]))[cases[0].person].get(cases[0].touchpoint)
            other = cases[0].model_copy(
                update={"alerts": (*(kept.alerts if kept else ()), f"other-{self.times}"), "hurts": 1}
            )
            await super().save([other])
        return await super().save(cases)


async def test_a_case_written_by_another_is_joined() -> None:
    """When another worker opens the case first, the alert joins that one."""
    here = world()
    here.change(cases=Contested(1))
    (case,) = await opened(here, alert(1))
    assert (case.version, case.alerts) == (2, ("other-0", alert(1).id))


async def test_a_case_that_others_keep_writing_holds_the_line() -> None:
    """Where others always write first the batch is unavailable, and comes again."""
    here = world()
    here.change(cases=Contested(VERSION_TRIES_MAX + 1))
    with pytest.raises(Unavailable):
        await opened(here, alert(1))


async def test_the_case_is_a_cloudevent_keyed_by_its_id() -> None:
    """A case goes to the compacted topic under its id, with id and version as the id of the event."""
    outcome = Outcome()
    await open_case([Arrived(record(b""), alert(1))], world().doors, outcome)
    (send,) = outcome.sends
    case = Case.model_validate_json(send.value or b"")
    assert send == Send(
        "cases",
        case.id.encode(),
        send.value,
        seal("case.changed", f"{case.id}/1", "/heartline/open_case", case.opened_at.isoformat(), case.person),
    )
