"""Corrections on the timeline: exact in any order, kept with their history, and alerting once."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.buses.memory import MemoryBus
from pipeline.domain.correction import Correction, corrected, history
from pipeline.domain.emotions import EMOTIONS, Emotion
from pipeline.domain.events import Merge, Moment
from pipeline.domain.limits import CORRECTIONS_WAITING_MAX, FUTURE_SECONDS_MAX, TIMELINE_MOMENTS_MAX
from pipeline.domain.routing import rule_of
from pipeline.domain.timeline import Figures, add, correct
from pipeline.ports import Send
from pipeline.stages.fold import send_correction
from pipeline.stages.stitch import send_merge, send_moment
from pipeline.stores.memory import MemoryCases, MemoryTimelines
from tests.makers import NOON, POLICY, World, correction, moment, world

OLD, NEW = "p3-old", "p2-new"
MERGE = Merge(person=OLD, into=NEW, evidence="m", at=NOON)
GLAD: dict[str, Any] = {"emotions": {"happy": 2}, "primary": "happy", "valence": 1}
HURT: dict[str, Any] = {"emotions": {"disappointed": 2}, "primary": "disappointed", "valence": -1}
SAID = st.fixed_dictionaries(
    {"at": st.integers(0, 3).map(lambda minutes: NOON + timedelta(minutes=minutes))},
    optional={"by": st.sampled_from(["ana", "ben"]), "effort": st.sampled_from(["low", "none"])},
).flatmap(
    lambda said: (
        st.sampled_from(EMOTIONS[5:16:5]).map(lambda emotion: {**said, "emotions": {emotion: 3}, "primary": emotion})
        | st.sampled_from([{**said, "valence": 2}, {**said, "emotions": {}, "primary": "none"}])
    )
)


def put(here: World, *several: Moment | Merge | Correction) -> None:
    """Append moments, merges and corrections, each on the partition of its person."""
    for each in several:
        send = (
            send_moment(each)
            if isinstance(each, Moment)
            else send_merge(each)
            if isinstance(each, Merge)
            else send_correction(each)
        )
        here.bus.append(send)


async def lived(*several: Moment | Merge | Correction, batch_events: int = 500) -> World:
    """Answer a world in which these came, in this order, each batch carried when it is full."""
    here = world()
    for start in range(0, len(several), batch_events):
        put(here, *several[start : start + batch_events])
        await here.run()
    return here


async def figures(here: World, person: str = "p1-a") -> Figures:
    """Answer the figures of one person."""
    return (await here.timelines.load({person: ()}))[0][person].figures


async def kept(here: World, person: str = "p1-a") -> list[Moment]:
    """Answer the moments on a timeline, oldest first."""
    return [Moment.model_validate_json(entry.body) for entry in await here.timelines.entries(person, 1_000)]


async def told(here: World) -> list[Any]:
    """Answer all of NEW that must not depend on the order: figures, readings, history."""
    entries = [(each.id, each.reading, each.read, each.corrections) for each in await kept(here, NEW)]
    return [await here.digest(), entries]


def reasons(here: World) -> list[bytes]:
    """Answer why records were rejected."""
    return [dict(each.headers)["reject-reason"] for each in here.bus.records("rejects")]


@settings(max_examples=120)
@given(
    felt=st.lists(st.sampled_from(EMOTIONS[::6]), min_size=1, max_size=4),
    said=st.lists(st.tuples(st.integers(0, 3), st.booleans(), SAID), min_size=1, max_size=6),
    chance=st.randoms(use_true_random=False),
    batch_events=st.integers(1, 6),
)
async def test_order_and_repetition_change_nothing(
    felt: Sequence[Emotion], said: list[tuple[int, bool, dict[str, Any]]], chance: Any, batch_events: int
) -> None:
    """Moments, corrections (before them, too) and the merge of their persons, in any order, twice: the same timeline.

    Its figures are, to the integer, those of moments that were read so from the start, every moment has its whole
    history, and each moment that hurts as it was corrected last has its alert.
    """
    moments = [moment(n, emotion, person=OLD if n % 2 else NEW) for n, emotion in enumerate(felt)]
    corrections = [
        correction(n % len(felt), person=NEW if straight else moments[n % len(felt)].person, **what)
        for n, straight, what in said
    ]
    events = [*moments, MERGE, *corrections]
    shuffled = events + chance.sample(events, len(events) // 2)
    chance.shuffle(shuffled)
    here, straight = await lived(*shuffled, batch_events=batch_events), await lived(*events)
    assert await told(here) == await told(straight)
    right = [correct(each, [c for c in corrections if c.moment == each.id]) for each in moments]
    scratch = add(Figures(), right, POLICY)
    for each in (here, straight):
        found = await figures(each, NEW)
        assert (found.trust, found.positive, found.negative, found.neutral, found.recent, found.emotions) == (
            scratch.trust, scratch.positive, scratch.negative, scratch.neutral, scratch.recent, scratch.emotions
        )  # fmt: skip
        assert (found.waiting, (await figures(each, OLD)), reasons(each)) == ((), Figures(), [])
        alerts = {(a["moment"], a["rule"]) for a in each.values("alerts.billing") + each.values("alerts.review")}
        assert {(m.id, rule.name) for m in right if (rule := rule_of(m, POLICY))} <= alerts
    for one in await kept(here, NEW):
        mine = [c.model_copy(update={"person": NEW}) for c in corrections if c.moment == one.id]
        assert (one.corrections or ()) == history((), mine)


async def test_a_correction_is_on_the_timeline() -> None:
    """The moment shows the corrected reading, what was read and who corrected it; the figures follow."""
    here = await lived(moment(1), correction(1, **GLAD))
    [told] = await kept(here)
    assert (told.reading.primary, told.reading.reader) == (Emotion.HAPPY, "human/ben")
    assert told.read == moment(1).reading
    assert [each.by for each in told.corrections or ()] == ["ben"]
    found = await figures(here)
    assert (found.positive, found.negative, found.recent[0][2].primary) == (1, 0, Emotion.HAPPY)


async def test_a_hurt_that_is_found_raises_its_alert_once() -> None:
    """A moment that a correction turns into a hurt is alerted once, however often the two come."""
    here = await lived(moment(1, Emotion.HAPPY), correction(1, **HURT), correction(1, **HURT))
    put(here, correction(1, **HURT), moment(1, Emotion.HAPPY))
    await here.run()
    [alert] = here.values("alerts.billing")
    assert (alert["moment"], alert["rule"], alert["why"]["primary"]) == (moment(1).id, "hurt", "disappointed")
    assert [case["alerts"] for case in here.values("cases")] == [[alert["id"]]]


async def test_the_rule_that_raised_it_does_not_raise_it_again() -> None:
    """Where the corrected reading is of the same rule, whoever must answer knows already."""
    here = await lived(moment(1, Emotion.FRUSTRATED), correction(1, **HURT), batch_events=1)
    assert len(here.values("alerts.billing")) == 1


async def test_what_is_no_hurt_any_more_leaves_its_alert() -> None:
    """A correction that takes the hurt away takes back neither the alert nor the case, and is on the timeline."""
    here = await lived(moment(1), correction(1, **GLAD), batch_events=1)
    assert len(here.values("alerts.billing")) == len(here.values("cases")) == 1
    assert (await figures(here)).negative == 0


async def test_a_correction_before_its_moment_waits_for_it() -> None:
    """Until the moment comes the correction is kept and nothing counts; then it is as if it had been read so."""
    here = await lived(correction(1, **HURT), correction(1, **HURT))
    found = await figures(here)
    assert (found.moments, [each.moment for each in found.waiting]) == (0, [moment(1).id])
    put(here, moment(1, Emotion.HAPPY))
    await here.run()
    found = await figures(here)
    assert (found.negative, found.positive, found.waiting) == (1, 0, ())
    assert [alert["why"]["primary"] for alert in here.values("alerts.billing")] == ["disappointed"]


async def test_what_waits_moves_with_the_person() -> None:
    """A correction that waits where nobody speaks any more goes on to the person that it proved to be."""
    here = await lived(correction(1, person=OLD, **HURT), MERGE, batch_events=1)
    assert [len((await figures(here, person)).waiting) for person in (OLD, NEW)] == [0, 1]
    put(here, moment(1, Emotion.HAPPY, person=NEW))
    await here.run()
    assert (await figures(here, NEW)).negative == 1


class Forgetful(MemoryTimelines):
    """Timelines whose worker dies, once, before it can forget what has moved."""

    dead = False

    async def forget(self, *persons: str) -> None:
        """Die, the first time."""
        if not self.dead:
            self.dead = True
            raise ConnectionAbortedError
        await super().forget(*persons)


async def test_a_crash_while_moving_loses_no_correction() -> None:
    """A worker that dies in the middle of a move leaves what waits and what was corrected; all of it arrives."""
    here = world()
    here.timelines = Forgetful(here.cases)
    here.change(timelines=here.timelines)
    put(here, moment(1, person=OLD), correction(1, person=OLD, **GLAD), correction(2, person=OLD, **HURT), MERGE)
    with pytest.raises(ConnectionAbortedError):
        await here.run()
    here.bus.committed.clear()
    put(here, moment(2, Emotion.HAPPY, person=NEW))
    await here.run()
    assert [(each.reading.primary) for each in await kept(here, NEW)] == [Emotion.HAPPY, Emotion.DISAPPOINTED]
    assert await figures(here, OLD) == Figures()


class Cut:
    """A bus whose worker dies, once, before it sends anything."""

    def __init__(self, bus: MemoryBus) -> None:
        self.bus, self.dead = bus, False

    async def send(self, records: Sequence[Send]) -> None:
        """Die, the first time that there is something to send."""
        if records and not self.dead:
            self.dead = True
            raise ConnectionAbortedError
        await self.bus.send(records)


async def test_what_waits_stays_until_it_has_arrived() -> None:
    """A worker that dies after the write and before anything is sent on leaves what waits to whoever comes next."""
    here = await lived(correction(1, person=OLD, **HURT))
    here.change(bus=Cut(here.bus))
    put(here, MERGE)
    with pytest.raises(ConnectionAbortedError):
        await here.run()
    await here.run()
    assert [len((await figures(here, person)).waiting) for person in (OLD, NEW)] == [0, 1]


async def test_what_comes_too_late_for_its_words_moves_corrected(monkeypatch: pytest.MonkeyPatch) -> None:
    """A moment that is older than what its new person keeps with words still counts there as it was corrected."""
    monkeypatch.setattr("pipeline.stores.memory.TIMELINE_MOMENTS_MAX", 2)
    here = await lived(*(moment(n, Emotion.HAPPY, person=NEW) for n in (5, 6)))
    put(here, moment(1, person=OLD), correction(1, person=OLD, **GLAD))
    await here.run(1)
    put(here, MERGE)
    await here.run(1)
    found = await figures(here, NEW)
    assert (found.positive, found.negative, reasons(here)) == (3, 0, [])


async def test_what_is_corrected_after_a_move_is_alerted() -> None:
    """A moment that moved was answered where it was; what was found out since is alerted for the new person."""
    here = await lived(moment(1, Emotion.HAPPY, person=OLD), MERGE, correction(1, person=OLD, **HURT), batch_events=1)
    assert [alert["person"] for alert in here.values("alerts.billing")] == [NEW]
    here = await lived(moment(1, Emotion.HAPPY, person=OLD), correction(1, person=OLD, **HURT), MERGE, batch_events=1)
    assert [alert["person"] for alert in here.values("alerts.billing")] == [OLD]


async def test_what_is_too_old_cannot_be_corrected() -> None:
    """Of a moment without its words nobody knows what it counted: the correction is rejected and says so."""
    count = TIMELINE_MOMENTS_MAX + 1
    here = await lived(*(moment(n, Emotion.HAPPY) for n in range(count)))
    before = await figures(here)
    put(here, correction(0, **HURT), correction(1, **HURT))
    await here.run()
    assert reasons(here) == [b"cannot_correct"]
    assert (await figures(here)).negative == before.negative + 1


async def test_so_many_may_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    """Corrections of no known moment beyond those that may wait are rejected; a repeat takes no place."""
    monkeypatch.setattr("pipeline.stages.fold.CORRECTIONS_WAITING_MAX", 3)
    assert CORRECTIONS_WAITING_MAX > 3
    several = [correction(n, **GLAD) for n in range(5)]
    here = await lived(*several[:2], *several[:2], *several[2:], several[4], batch_events=3)
    assert reasons(here) == [b"cannot_correct"] * 3
    assert {each.id for each in (await figures(here)).waiting} == {each.id for each in several[:3]}
    put(here, moment(0), several[4])
    await here.run()
    assert {each.moment for each in (await figures(here)).waiting} == {moment(n).id for n in (1, 2, 4)}


@pytest.mark.parametrize(("ahead", "taken"), [(FUTURE_SECONDS_MAX, True), (FUTURE_SECONDS_MAX + 1, False)])
async def test_nobody_corrects_in_the_future(ahead: int, taken: bool) -> None:
    """A correction from further ahead than clocks differ would outlast all later ones: it is rejected."""
    here = await lived(moment(1), correction(1, at=NOON + timedelta(seconds=ahead), **GLAD))
    assert (await figures(here)).positive == taken
    assert reasons(here) == ([] if taken else [b"schema"])


class Late(MemoryTimelines):
    """Timelines that somebody else writes to once, between load and apply, when corrections are in work."""

    dead = False

    async def words(self, wanted: Any) -> Any:
        """Let the other one be faster."""
        told = await super().words(wanted)
        for person in () if self.dead else wanted:
            self.dead = True
            self._persons[person].version += 1
        return told


async def test_a_stale_correction_decides_again() -> None:
    """When somebody else wrote first, the correction is decided again, and counts once."""
    here = world()
    here.timelines = Late(MemoryCases())
    here.change(timelines=here.timelines)
    put(here, moment(1), moment(2))
    await here.run()
    put(here, correction(1, **GLAD))
    await here.run()
    found = await figures(here)
    assert (found.positive, found.negative) == (1, 1)


def test_a_correction_of_one_field_changes_no_other() -> None:
    """The reading of a moment that was corrected is that of the correction laid over what was read."""
    said = correction(1, effort="low")
    assert correct(moment(1), [said]).reading == corrected(moment(1).reading, said)
