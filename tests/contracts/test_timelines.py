"""The contract of Timelines."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.domain.buckets import bucket_of
from pipeline.domain.cases import Case
from pipeline.domain.emotions import Emotion
from pipeline.domain.events import Brief
from pipeline.domain.limits import TIMELINE_MOMENTS_MAX
from pipeline.domain.timeline import Entry, Figures
from pipeline.ports import Change, Remembered, Send, Timelines
from tests.makers import correction

each_example_has_its_own_shelf = settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
BRIEF = Brief(at=NOON, channel="email", touchpoint="billing", primary=Emotion.NEGLECTED, valence=-0.5, excerpt="…")
FIGURES = Figures(
    moments=3,
    positive=1,
    negative=2,
    trust=-(2**90),
    first_ms=1,
    last_ms=9,
    emotions={Emotion.NEGLECTED: 2, Emotion.HAPPY: 1},
    recent=((1, "m1", BRIEF), (9, "m9", BRIEF)),
    aliases=frozenset({"p3-a", "p4-b"}),
)
SEND = Send("alerts.care", b"p1-a", b'{"id": "x"}', (("ce_id", b"x"), ("ce_type", "ä\n".encode()), ("empty", b"")))
NOBODY = Remembered(0, Figures(), None, frozenset(), {})


def change(person: str = "p1-a", version: int = 0, *entries: Entry, **more: object) -> Change:
    """Answer a change of ``person``."""
    values = {"figures": Figures(moments=version + 1), "outbox": {}, **more}
    return Change(person=person, version=version, entries=entries, **values)


def entry(moment: str, at_ms: int = 0) -> Entry:
    """Answer an entry whose words tell where it comes from."""
    return Entry(moment, at_ms, f'{{"id":"{moment}","at":{at_ms}}}'.encode())


async def state(timelines: Timelines, person: str, *moments: str) -> Remembered:
    """Answer what is remembered of one person."""
    return (await timelines.load({person: moments}))[0][person]


def neighbours(count: int) -> list[str]:
    """Answer persons of one bucket."""
    found = (person for person in (f"p1-{number}" for number in range(100_000)) if bucket_of(person) == 7)
    return [next(found) for _ in range(count)]


async def test_nobody_is_remembered_as_empty(shelf: Callable) -> None:
    """A person that never spoke has version 0, empty figures and nothing else; asking makes no person."""
    timelines: Timelines = shelf().timelines
    assert await timelines.load({"p1-a": ["m"], "p1-b": []}) == ({"p1-a": NOBODY, "p1-b": NOBODY}, {})
    assert await timelines.load({}) == ({}, {})
    assert list(await timelines.apply([])) == []
    assert [person async for person in timelines.persons()] == []
    assert list(await timelines.entries("p1-a", 5)) == []


async def test_a_change_is_remembered_whole(shelf: Callable) -> None:
    """Figures, moments and outbox come back as they were given, and the version counts one up."""
    timelines: Timelines = shelf().timelines
    given_change = change("p1-a", 0, entry("m1", 1), entry("m9", 9), figures=FIGURES, outbox={"x": SEND})
    assert list(await timelines.apply([given_change])) == [True]
    persons, waiting = await timelines.load({"p1-a": ["m9", "m2", "m1", "m9"]})
    assert persons["p1-a"] == Remembered(1, FIGURES, None, frozenset({"m1", "m9"}), {})
    assert waiting == {"x": SEND}
    assert list(await timelines.entries("p1-a", 5)) == [entry("m1", 1), entry("m9", 9)]


async def test_a_stale_change_changes_nothing(shelf: Callable) -> None:
    """A version other than the kept one answers False, and neither figures, entries nor outbox are touched."""
    timelines: Timelines = shelf().timelines
    await timelines.apply([change("p1-a", 0, entry("m1"))])
    for version in (0, 2, 7):
        stale = change("p1-a", version, entry("m2"), figures=FIGURES, outbox={"x": SEND}, moved_to="p0")
        assert list(await timelines.apply([stale])) == [False]
    assert list(await timelines.apply([change("p1-b", 1, entry("m2"))])) == [False]
    persons, waiting = await timelines.load({"p1-a": ["m1", "m2"], "p1-b": ["m2"]})
    assert persons == {"p1-a": Remembered(1, Figures(moments=1), None, frozenset({"m1"}), {}), "p1-b": NOBODY}
    assert waiting == {}


async def test_a_change_applied_twice_is_applied_once(shelf: Callable) -> None:
    """The second time answers False; the reload shows the moment known and the alert waiting."""
    timelines: Timelines = shelf().timelines
    one = change("p1-a", 0, entry("m1"), outbox={"x": SEND})
    assert [*await timelines.apply([one]), *await timelines.apply([one])] == [True, False]
    persons, waiting = await timelines.load({"p1-a": ["m1"]})
    assert (persons["p1-a"].version, persons["p1-a"].known, waiting) == (1, {"m1"}, {"x": SEND})


async def test_a_stale_change_does_not_hinder_its_neighbours(shelf: Callable) -> None:
    """Persons of one bucket and of others are each answered for themselves, in order."""
    timelines: Timelines = shelf().timelines
    persons = [*neighbours(6), *(f"p2-{number}" for number in range(200))]
    batch = [
        change(person, number % 2, entry(f"m{number}", number), outbox={f"x{number}": SEND})
        for number, person in enumerate(persons)
    ]
    assert list(await timelines.apply(batch)) == [number % 2 == 0 for number in range(len(persons))]
    kept, waiting = await timelines.load({person: [f"m{number}"] for number, person in enumerate(persons)})
    assert [kept[person].version for person in persons] == [1 - number % 2 for number in range(len(persons))]
    assert set(waiting) == {f"x{number}" for number in range(0, len(persons), 2)}


async def test_changes_of_one_person_follow_one_another(shelf: Callable) -> None:
    """Two changes of a person in one call apply in their order."""
    timelines: Timelines = shelf().timelines
    assert list(await timelines.apply([change(version=0), change(version=1), change(version=1)])) == [True, True, False]
    assert (await state(timelines, "p1-a")).version == 2


async def test_the_outbox_holds_alerts_until_they_are_sent(shelf: Callable) -> None:
    """An alert is told at every load of its bucket, until its delivery is confirmed, and of its bucket only."""
    timelines: Timelines = shelf().timelines
    first, second = neighbours(2)
    other = next(person for person in ("p2-a", "p2-b") if bucket_of(person) != bucket_of(first))
    await timelines.apply([change(first, outbox={"x": SEND, "y": SEND}), change(other, outbox={"z": SEND})])
    await timelines.apply([change(first, 1, outbox={"x": SEND})])
    assert set((await timelines.load({second: []}))[1]) == {"x", "y"}
    await timelines.sent({first: ["x", "unknown"], other: []})
    await timelines.sent({})
    assert set((await timelines.load({second: [], other: []}))[1]) == {"y", "z"}
    await timelines.sent({first: ["x", "y"], other: ["z"]})
    assert (await timelines.load({second: [], other: []}))[1] == {}


@pytest.mark.parametrize(
    "send",
    [
        Send("t", None, None),
        Send("t", b"", b""),
        Send("t", b"\n", b"\x00\xff\n[1]"),
        Send("t", None, b"v", (("h", b""),)),
    ],
)
async def test_any_bytes_wait_in_an_outbox(shelf: Callable, send: Send) -> None:
    """None, empty and any bytes of key, value and headers come back as they were."""
    timelines: Timelines = shelf().timelines
    await timelines.apply([change(outbox={"x": send})])
    assert (await timelines.load({"p1-a": []}))[1] == {"x": send}


async def test_open_cases_are_told(shelf: Callable) -> None:
    """A load tells touchpoint and id of the person's open cases, also of one without a state."""
    stores = shelf()
    kept = Case(
        id="c1",
        version=1,
        person="p1-a",
        touchpoint="bill\ning",
        team="care",
        severity="low",
        opened_at=NOON,
        respond_by=NOON + timedelta(hours=1),
        hurts=1,
        alerts=("x",),
    )
    await stores.cases.save([kept])
    assert (await state(stores.timelines, "p1-a")).cases == {"bill\ning": "c1"}
    assert (await state(stores.timelines, "p1-b")).cases == {}
    assert (await state(stores.timelines, "p1-a")).version == 0


async def test_where_a_person_moved_stays_known(shelf: Callable) -> None:
    """Changes that say nothing of moving, and forgetting the entries, leave it as it is."""
    timelines: Timelines = shelf().timelines
    await timelines.apply([change("p1-a", 0, entry("m1"), moved_to="p0"), change("p1-a", 1, entry("m2"))])
    assert (await state(timelines, "p1-a", "m1")).moved_to == "p0"
    await timelines.forget("p1-a")
    kept = await state(timelines, "p1-a", "m1", "m2")
    assert (kept.version, kept.moved_to, kept.known) == (2, "p0", frozenset())
    assert list(await timelines.entries("p1-a", 5)) == []
    assert [person async for person in timelines.persons()] == ["p1-a"]


async def test_several_persons_are_asked_for_and_forgotten_at_once(shelf: Callable) -> None:
    """The entries of several persons come in the order in which they were asked for, nobody's for a stranger."""
    timelines: Timelines = shelf().timelines
    await timelines.apply([change(f"p1-{who}", 0, entry(f"m{who}"), moved_to="p0") for who in "abc"])
    told = await timelines.entries_of(["p1-c", "p1-x", "p1-a"], 5)
    assert [list(entries) for entries in told] == [[entry("mc")], [], [entry("ma")]]
    assert [list(entries) for entries in await timelines.entries_of(["p1-a", "p1-b"], 0)] == [[], []]
    await timelines.forget("p1-a", "p1-c", "p1-x")
    told = await timelines.entries_of(["p1-a", "p1-b", "p1-c"], 5)
    assert [list(entries) for entries in told] == [[], [entry("mb")], []]


async def test_who_did_not_move_is_not_forgotten(shelf: Callable) -> None:
    """Only a person that has moved can be forgotten: nothing else holds its entries."""
    timelines: Timelines = shelf().timelines
    await timelines.apply([change("p1-a", 0, entry("m1"))])
    await timelines.forget("p1-a")
    await timelines.forget("p1-b")
    assert list(await timelines.entries("p1-a", 5)) == [entry("m1")]


async def test_every_person_is_gone_through(shelf: Callable) -> None:
    """Each person that has a state is told once, whatever its id is made of."""
    timelines: Timelines = shelf().timelines
    persons = {*(f"p1-{number}" for number in range(300)), "p:1:2", "ä*", "person:x"}
    await timelines.apply([change(person) for person in persons])
    told = [person async for person in timelines.persons()]
    assert sorted(told) == sorted(persons)


async def test_a_known_moment_keeps_its_place_and_words(shelf: Callable) -> None:
    """An entry whose id is there already is not written a second time."""
    timelines: Timelines = shelf().timelines
    await timelines.apply([change("p1-a", 0, entry("m1", 5)), change("p1-a", 1, Entry("m1", 1, b"other"))])
    assert list(await timelines.entries("p1-a", 5)) == [entry("m1", 5)]


async def test_the_limit_of_a_timeline_is_kept(shelf: Callable) -> None:
    """Of more moments than a timeline keeps, the newest keep their words and all keep their ids."""
    timelines: Timelines = shelf().timelines
    told = [entry(f"m{number:04}", number) for number in range(TIMELINE_MOMENTS_MAX + 20)]
    await timelines.apply([change("p1-a", 0, *told[:700]), change("p1-a", 1, *told[700:])])
    assert list(await timelines.entries("p1-a", 5_000)) == told[20:]
    assert (await state(timelines, "p1-a", "m0000", "m1019", "m")).known == {"m0000", "m1019"}


@each_example_has_its_own_shelf
@given(
    batches=st.lists(st.lists(st.tuples(st.integers(0, 30), st.integers(-3, 6)), max_size=8), max_size=6),
    newest=st.integers(0, 9),
)
async def test_trimming_keeps_the_newest(
    shelf: Callable, monkeypatch: pytest.MonkeyPatch, batches: list[list[tuple[int, int]]], newest: int
) -> None:
    """In whatever order moments arrive, words are kept of the newest five, by time and id, and every id is known."""
    monkeypatch.setattr("pipeline.stores.memory.TIMELINE_MOMENTS_MAX", 5)
    monkeypatch.setattr("pipeline.stores.redis.timelines.TIMELINE_MOMENTS_MAX", 5)
    timelines: Timelines = shelf().timelines
    seen: dict[str, int] = {}
    for version, batch in enumerate(batches):
        entries = [entry(f"m{number:02}", at_ms) for number, at_ms in batch]
        assert list(await timelines.apply([change("p1-a", version, *entries)])) == [True]
        for told in entries:
            seen.setdefault(told.id, told.at_ms)
    kept = sorted((at_ms, moment) for moment, at_ms in seen.items())[-5:]
    expected = [entry(moment, at_ms) for at_ms, moment in kept[-newest:]] if newest else []
    assert list(await timelines.entries("p1-a", newest)) == expected
    asked = [f"m{number:02}" for number in range(31)]
    assert (await state(timelines, "p1-a", *asked)).known == set(seen)


async def test_the_words_of_some_moments(shelf: Callable) -> None:
    """Asked for moments by id, those that are kept with their words come back, each with its person."""
    timelines: Timelines = shelf().timelines
    await timelines.apply([change("p1-a", 0, entry("m1"), entry("m2")), change("p1-b", 0, entry("m3"))])
    told = await timelines.words({"p1-a": ["m2", "m3", "m"], "p1-b": ["m3"], "p1-c": ["m1"]})
    assert {person: dict(words) for person, words in told.items()} == {
        "p1-a": {"m2": entry("m2").body},
        "p1-b": {"m3": entry("m3").body},
        "p1-c": {},
    }
    assert await timelines.words({}) == {}


async def test_a_corrected_entry_gets_another_body(shelf: Callable) -> None:
    """What is corrected keeps its place in time and gets other words; nothing comes of a moment that is not there."""
    timelines: Timelines = shelf().timelines
    await timelines.apply([change("p1-a", 0, entry("m1", 1), entry("m2", 2))])
    corrected = (Entry("m1", 7, b"corrected"), Entry("m3", 3, b"nobody"))
    assert list(await timelines.apply([change("p1-a", 1, entry("m4", 4), corrected=corrected)])) == [True]
    assert list(await timelines.entries("p1-a", 5)) == [Entry("m1", 1, b"corrected"), entry("m2", 2), entry("m4", 4)]
    assert (await state(timelines, "p1-a", "m1", "m3")).known == {"m1"}
    stale = change("p1-a", 1, corrected=(Entry("m2", 2, b"late"),))
    assert list(await timelines.apply([stale])) == [False]
    assert (await timelines.words({"p1-a": ["m2"]}))["p1-a"] == {"m2": entry("m2", 2).body}


async def test_a_corrected_entry_is_not_kept_longer(shelf: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    """A correction gives no words to a moment that has lost them, and takes nobody's place."""
    monkeypatch.setattr("pipeline.stores.memory.TIMELINE_MOMENTS_MAX", 2)
    monkeypatch.setattr("pipeline.stores.redis.timelines.TIMELINE_MOMENTS_MAX", 2)
    timelines: Timelines = shelf().timelines
    await timelines.apply([change("p1-a", 0, *(entry(f"m{number}", number) for number in range(3)))])
    await timelines.apply([change("p1-a", 1, corrected=(Entry("m0", 0, b"old"), Entry("m1", 1, b"corrected")))])
    assert list(await timelines.entries("p1-a", 5)) == [Entry("m1", 1, b"corrected"), entry("m2", 2)]
    await timelines.apply([change("p1-a", 2, entry("m3", 3), corrected=(Entry("m1", 1, b"again"),))])
    assert list(await timelines.entries("p1-a", 5)) == [entry("m2", 2), entry("m3", 3)]


async def test_who_moved_and_is_forgotten_has_no_figures(shelf: Callable) -> None:
    """What waited for its moment went along with the person: forgetting drops it, and only of who has moved."""
    timelines: Timelines = shelf().timelines
    waiting = Figures(waiting=(correction(valence=1),))
    await timelines.apply([change("p1-a", 0, figures=waiting, moved_to="p0"), change("p1-b", 0, figures=waiting)])
    for person in ("p1-a", "p1-b"):
        assert (await state(timelines, person)).figures == waiting
        await timelines.forget(person)
    assert (await state(timelines, "p1-a")).figures == Figures()
    assert (await state(timelines, "p1-b")).figures == waiting
