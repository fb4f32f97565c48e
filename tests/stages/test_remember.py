"""Remember: once, whatever comes again, and an alert is never lost between the state and the topic."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.domain.emotions import Emotion
from pipeline.domain.errors import Unavailable
from pipeline.domain.events import Merge, Moment
from pipeline.domain.limits import TIMELINE_MOMENTS_MAX, VERSION_TRIES_MAX
from pipeline.domain.policy import Rule
from pipeline.flow import carry
from pipeline.ports import Change, Send
from pipeline.stages.stitch import send_merge, send_moment
from pipeline.stores.memory import MemoryCases, MemoryTimelines
from tests.makers import NOON, POLICY, World, moment, said, world

OLD, NEW, NEWEST = "p3-old", "p2-new", "p1-newest"


class Crash(BaseException):
    """The worker is gone: no code of it runs any more."""


class Breaking(MemoryTimelines):
    """Timelines whose worker dies, once, at the call that is named; before or after the call did its work."""

    def __init__(self, cases: MemoryCases, call: str, *, after: bool) -> None:
        super().__init__(cases)
        self.left, self.after = call, after

    def _die(self, call: str, *, after: bool) -> None:
        if self.left == call and self.after is after:
            self.left = ""
            raise Crash(call)

    async def apply(self, changes: Sequence[Change]) -> Sequence[bool]:
        """Apply, and die."""
        self._die("apply", after=False)
        answer = await super().apply(changes)
        self._die("apply", after=True)
        return answer

    async def sent(self, alerts: Mapping[str, Sequence[str]]) -> None:
        """Forget, and die."""
        self._die("sent", after=False)
        await super().sent(alerts)
        self._die("sent", after=True)

    async def forget(self, *persons: str) -> None:
        """Drop, and die."""
        self._die("forget", after=False)
        await super().forget(*persons)
        self._die("forget", after=True)


def put(here: World, *several: Moment | Merge) -> None:
    """Append moments and merges, each on the partition of its person."""
    for each in several:
        here.bus.append(send_moment(each) if isinstance(each, Moment) else send_merge(each))


def merge(person: str, into: str) -> Merge:
    """Say that ``person`` proved to be ``into``."""
    return Merge(person=person, into=into, evidence="m", at=NOON)


async def run(here: World, batch_events: int = 500) -> None:
    """Carry to the end, starting anew after a crash."""
    for _ in range(5):
        try:
            await here.run(batch_events)
        except Crash:
            continue
        return
    pytest.fail("it crashed again and again")


async def waiting(here: World, *persons: str) -> Mapping[str, Send]:
    """Answer what the outboxes still hold."""
    return (await here.timelines.load(dict.fromkeys(persons, ())))[1]


async def test_a_moment_is_remembered_once() -> None:
    """A moment that comes again, in the same batch or later, changes nothing and alerts nobody again."""
    here = world()
    put(here, moment(), moment())
    await run(here)
    put(here, moment())
    await run(here)
    ((entries, figures, _),) = (await here.digest()).values()
    assert (entries, figures.moments, figures.negative) == ([moment().id], 1, 1)
    assert [each["moment"] for each in here.values("alerts.billing")] == [moment().id]
    assert await waiting(here, "p1-a") == {}


@pytest.mark.parametrize("call", ["apply", "sent"])
@pytest.mark.parametrize("after", [False, True])
async def test_an_alert_survives_a_crash(call: str, after: bool) -> None:
    """Wherever the worker dies around the write, the alert comes out under its one id, and the outbox empties."""
    here = world()
    here.timelines = Breaking(here.cases, call, after=after)
    here.change(timelines=here.timelines)
    put(here, moment(), moment(2, Emotion.HAPPY))
    await run(here)
    alerts = here.values("alerts.billing")
    assert {each["moment"] for each in alerts} == {moment().id}
    assert len({each["id"] for each in alerts}) == 1
    assert await waiting(here, "p1-a") == {}
    ((entries, figures, _),) = (await here.digest()).values()
    assert (len(entries), figures.moments) == (2, 2)
    assert len(here.values("cases")) >= 1
    assert {each["id"] for each in here.values("cases")} == {here.values("cases")[0]["id"]}
    assert here.values("cases")[-1]["hurts"] == 1


async def test_another_persons_outbox_is_emptied_too() -> None:
    """An alert left behind is sent by whoever reads its bucket next, also for another person."""
    here = world()
    here.timelines = Breaking(here.cases, "apply", after=True)
    here.change(timelines=here.timelines)
    put(here, moment())
    with pytest.raises(Crash):
        await here.run()
    here.bus.log.clear()
    here.bus.committed.clear()
    put(here, moment(2, Emotion.HAPPY))
    await run(here)
    assert [each["moment"] for each in here.values("alerts.billing")] == [moment().id]


class Contested(MemoryTimelines):
    """Timelines that somebody else writes to between load and apply, a number of times."""

    def __init__(self, cases: MemoryCases, times: int) -> None:
        super().__init__(cases)
        self.times = times

    async def apply(self, changes: Sequence[Change]) -> Sequence[bool]:
        """Let the other one be faster."""
        if self.times:
            self.times -= 1
            await super().apply([Change(changes[0].person, changes[0].version, changes[0].figures, (), {})])
        return await super().apply(changes)


async def test_a_stale_version_decides_again() -> None:
    """When somebody else wrote first the state is read and decided again, for the stale person alone."""
    here = world()
    here.timelines = Contested(here.cases, 2)
    here.change(timelines=here.timelines)
    put(here, moment(1, person="p1-a"), moment(2, person="p1-b"))
    await run(here)
    digest = await here.digest()
    assert {person: len(entries) for person, (entries, _, _) in digest.items()} == {"p1-a": 1, "p1-b": 1}
    assert len(here.values("alerts.billing")) == 2


async def test_a_fence_that_never_opens_holds_the_line() -> None:
    """Where somebody else always writes first the batch is unavailable, and comes again."""
    here = world()
    here.change(timelines=Contested(here.cases, VERSION_TRIES_MAX))
    put(here, moment())
    (placed,) = here.bus.records("moments")
    with pytest.raises(Unavailable):
        await carry("moments", [placed], here.doors)


async def test_a_merge_moves_the_timeline_once() -> None:
    """All moments go over with the words, once, however often the Merge comes; nothing stays behind."""
    here = world()
    put(here, moment(1, person=OLD), moment(2, Emotion.HAPPY, person=OLD), moment(3, person=NEW))
    await run(here)
    for _ in range(3):
        put(here, merge(OLD, NEW))
        await run(here)
    digest = await here.digest()
    assert list(digest) == [NEW]
    assert sorted(digest[NEW][0]) == sorted(moment(n).id for n in (1, 2, 3))
    assert (digest[NEW][1].moments, digest[NEW][1].negative, digest[NEW][1].positive) == (3, 2, 1)
    assert await here.timelines.entries(OLD, 10) == []
    assert (await here.timelines.load({OLD: ()}))[0][OLD].moved_to == NEW


async def test_what_moves_is_not_alerted_again() -> None:
    """The moments of a timeline that moves were answered before: there is one alert for each, and one case."""
    here = world()
    put(here, moment(1, person=OLD))
    await run(here)
    put(here, merge(OLD, NEW))
    await run(here)
    put(here, moment(2, person=NEW))
    await run(here)
    alerts = here.values("alerts.billing")
    assert [each["person"] for each in alerts] == [OLD, NEW]
    assert alerts[1]["aliases"] == [OLD]
    assert len({case["id"] for case in here.values("cases")}) == 1
    assert max(case["hurts"] for case in here.values("cases")) == 2


async def test_what_still_comes_for_the_old_person_is_forwarded() -> None:
    """A moment addressed to a person that has moved is remembered, and alerted, for the new one."""
    here = world()
    put(here, merge(OLD, NEW))
    await run(here)
    put(here, moment(1, person=OLD))
    await run(here)
    digest = await here.digest()
    assert {person: entries for person, (entries, _, _) in digest.items()} == {NEW: [moment(1).id]}
    assert [each["person"] for each in here.values("alerts.billing")] == [NEW]


@pytest.mark.parametrize(
    "merges",
    [
        [(OLD, NEW), (NEW, NEWEST)],
        [(NEW, NEWEST), (OLD, NEW)],
        [(OLD, NEW), (OLD, NEWEST)],
        [(OLD, NEWEST), (OLD, NEW)],
        [(OLD, NEW), (OLD, NEWEST), (NEW, NEWEST), (OLD, NEW)],
    ],
)
@pytest.mark.parametrize("batch_events", [1, 500])
async def test_chains_of_merges_end_at_the_least(merges: list[tuple[str, str]], batch_events: int) -> None:
    """However the Merges of three persons come, all moments end with the least, and their cases are found there."""
    here = world()
    put(here, moment(1, person=OLD), moment(2, person=NEW), moment(3, Emotion.HAPPY, person=NEWEST))
    await run(here, batch_events)
    for person, into in merges:
        put(here, merge(person, into))
        await run(here, batch_events)
    digest = await here.digest()
    assert {person: sorted(entries) for person, (entries, _, _) in digest.items() if entries} == {
        NEWEST: sorted(moment(n).id for n in (1, 2, 3))
    }
    aliases = (await here.timelines.load({NEWEST: ()}))[0][NEWEST].figures.aliases
    assert aliases == {OLD, NEW}


@pytest.mark.parametrize("call", ["apply", "forget"])
@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("batch_events", [1, 2, 500])
async def test_a_crash_while_moving_loses_and_doubles_nothing(call: str, after: bool, batch_events: int) -> None:
    """A worker that dies in the middle of a move leaves every moment with the new person once, and one alert each."""
    here = world()
    here.timelines = Breaking(here.cases, call, after=after)
    here.change(timelines=here.timelines)
    put(here, moment(1, person=OLD), moment(2, person=OLD), merge(OLD, NEW), moment(3, person=OLD))
    await run(here, batch_events)
    digest = await here.digest()
    assert {person: sorted(entries) for person, (entries, _, _) in digest.items() if entries} == {
        NEW: sorted(moment(n).id for n in (1, 2, 3))
    }
    told = {(each["moment"], each["person"]) for each in here.values("alerts.billing")}
    assert told == {(moment(1).id, OLD), (moment(2).id, OLD), (moment(3).id, NEW)}


@settings(max_examples=15)
@given(st.permutations(range(6)), st.integers(1, 4))
async def test_figures_do_not_depend_on_the_order(order: list[int], batch_events: int) -> None:
    """Moments that come late or shuffled make the same timeline and the same figures."""
    told = [moment(n, list(Emotion)[n * 3]) for n in range(6)]
    straight, shuffled = world(), world()
    put(straight, *told)
    put(shuffled, *(told[n] for n in order))
    await run(straight)
    await run(shuffled, batch_events)
    assert await straight.digest() == await shuffled.digest()


async def test_unknown_fields_reach_the_timeline() -> None:
    """What a newer producer adds to a feedback is in the moment that the timeline keeps, and on moments."""
    here = world()
    added: dict[str, Any] = {"mood_ring": {"colour": "red"}, "metadata": {"empty": None, "deep": [[1.5]]}}
    await here.publish(said(1, "neglected", {"email": "a@example.com"}, **added))
    await run(here)
    (told,) = here.values("moments")
    assert told["feedback"].items() >= added.items()
    (person,) = await here.digest()
    (entry,) = await here.timelines.entries(person, 1)
    assert Moment.model_validate_json(entry.body).feedback.model_dump()["mood_ring"] == {"colour": "red"}
    assert here.values("alerts.billing")[0]["moment"] == entry.id


async def test_an_alert_that_nothing_felt_explains_opens_its_case() -> None:
    """A rule that asks for no emotion alerts on any text, and its alert goes all the way to a case."""
    here = world(POLICY.model_copy(update={"rules": (Rule(name="every"),)}))
    await here.publish(said(1, "nothing", {"email": "a@example.com"}))
    await run(here)
    assert here.values("rejects") == []
    assert [case["hurts"] for case in here.values("cases")] == [1]


@pytest.mark.xfail(strict=True, reason="only the moments that are kept with their words move to another person")
async def test_a_long_timeline_moves_with_its_totals() -> None:
    """The totals of a timeline that is longer than what is kept with its words survive a move."""
    here = world()
    count = TIMELINE_MOMENTS_MAX + 20
    put(here, *(moment(n, Emotion.HAPPY, person=OLD) for n in range(count)))
    await run(here)
    put(here, merge(OLD, NEW))
    await run(here)
    assert (await here.digest())[NEW][1].moments == count
